/**
 * How each command of README.md and docs/ is run by a test: `here` by docs.test.ts itself, with stand-ins for the cluster and helm,
 * in a folder of its own, ending with that exit code; otherwise in the test file named, which must run that
 * command with those flags.
 */
export type HowRun = { here: number } | { file: string }

const HERE: HowRun = { here: 0 }
const EXPOSE: HowRun = { file: 'test/cluster/expose.once.cluster.ts' }
const BUILD: HowRun = { file: 'test/cluster/build.once.cluster.ts' }
const BUILD_OF_ONE: HowRun = { file: 'test/cluster/build-faults.once.cluster.ts' }
const SCAN: HowRun = { file: 'test/cluster/scan.once.cluster.ts' }
const LOADTEST: HowRun = { file: 'test/cluster/loadtest.once.cluster.ts' }
const LOADTEST_OFFLINE: HowRun = { file: 'test/commands/loadtest.test.ts' }
const TLS: HowRun = { file: 'test/cluster/tls.once.cluster.ts' }
/** Also just as they stand on the page. */
const TLS_PAGE: HowRun = { file: 'test/commands/tls.test.ts' }
const MONITORING: HowRun = { file: 'test/commands/monitoring.test.ts' }
const VPN: HowRun = { file: 'test/cluster/vpn.once.cluster.ts' }
const VPN_OFFLINE: HowRun = { file: 'test/commands/vpn.test.ts' }
const GITOPS: HowRun = { file: 'test/commands/gitops.test.ts' }

export const RUNS: Readonly<Record<string, HowRun>> = {
  'values -c it,es -p app2 -e staging': HERE,
  'values -c it,es -p app1,app2 -e staging': HERE,
  'validate app1-*.yml': HERE,
  deploy: HERE,
  'deploy -c it -p app2 -e staging': { file: 'test/cluster/deploy.cluster.ts' },
  'deploy -f bad.yml': { file: 'test/cluster/deploy.cluster.ts' },
  'deploy -f app1-production.yml': HERE,
  'deploy -f deploy/app1-staging.yml': HERE,
  hosts: HERE,
  'hosts --write': HERE,
  'hosts --write --ip 192.168.1.10 -c it': HERE,
  'hosts --remove': HERE,
  'expose check app1-it.info': EXPOSE,
  'expose check app1-it.info --public-address 203.0.113.7': { file: 'test/commands/expose-check.test.ts' },
  'expose check app1-it.info --port 80': EXPOSE,
  'expose check app1-it.info --port 80,443 --ca ca.crt': EXPOSE,
  'build -p app1': BUILD_OF_ONE,
  'build --oci-dir oci': BUILD,
  'build --push --write app1-staging.yml --write app2-staging.yml': BUILD,
  'build -p app1 --push --write app1-production.yml': BUILD_OF_ONE,
  'build -p app1 --platform linux/amd64,linux/arm64 --oci-dir oci': { file: 'test/commands/build.test.ts' },
  'build -p app1 --platform linux/amd64,linux/arm64 --push --write deploy/app1-staging.yml': BUILD_OF_ONE,
  scan: SCAN,
  'scan hecha00/app1:3f1c2ab4d5e6': SCAN,
  'scan oci/app1': SCAN,
  'scan oci/app1 oci/app2 --ignore-unfixed': SCAN,
  'scan oci/app1 --severity HIGH,CRITICAL --ignore-unfixed': SCAN,
  'loadtest --dry-run': LOADTEST_OFFLINE,
  'loadtest -p app1 -c it,es': LOADTEST,
  'loadtest -p app1 -c it --duration 3m --watch-scale-down 8m -o scaling.html': LOADTEST,
  'loadtest -p app1 --users 20 --duration 1m --max-p95 500ms --max-failures 1% --json': LOADTEST,
  'loadtest -p app1 --via service': LOADTEST,
  'tls self-signed': TLS,
  'tls self-signed --dry-run': TLS_PAGE,
  'tls self-signed -p app1 -c it': TLS_PAGE,
  'tls self-signed --renew': TLS,
  'tls issuers': TLS,
  'tls issuers --dry-run': TLS_PAGE,
  'tls issuers -o issuers.yaml': TLS_PAGE,
  'tls issuers --email me@example.org --dry-run': TLS_PAGE,
  'tls ca -o k8sflow-ca.crt': TLS,
  'tls status': TLS,
  'tls status --check --within 14d': TLS_PAGE,
  'monitoring install': MONITORING,
  'monitoring install --dry-run': MONITORING,
  'monitoring install --values my-monitoring.yaml': MONITORING,
  'monitoring open': { file: 'test/cluster/metrics.once.cluster.ts' },
  'monitoring open --port 3000 --show-password': MONITORING,
  'vpn init --server home.example.org': VPN,
  'vpn add ann': VPN,
  'vpn add ann-phone --days 90': VPN_OFFLINE,
  'vpn list': VPN_OFFLINE,
  'vpn revoke ann-phone': VPN,
  'vpn renew': VPN,
  'vpn renew ann': VPN_OFFLINE,
  'gitops -e production': GITOPS,
  'gitops -e production -o -': GITOPS,
  'gitops status': GITOPS,
  'gitops status --check': GITOPS,
  'gitops open': { file: 'test/cluster/gitops.once.cluster.ts' },
  'deploy --adopt': { file: 'test/cluster/gitops.once.cluster.ts' },
}
