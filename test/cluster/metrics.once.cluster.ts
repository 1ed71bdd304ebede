import { expect } from 'chai'
import { execa } from 'execa'
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parse, stringify } from 'yaml'

import type { Cluster } from '../../src/cluster/cluster.js'
import { parseQuantity } from '../../src/cluster/quantity.js'
import Deploy from '../../src/commands/deploy.js'
import MonitoringOpen from '../../src/commands/monitoring/open.js'
import Status from '../../src/commands/status.js'
import { openMonitoring } from '../../src/services/monitoring-open.js'
import { ROOT } from '../commands/harness.js'
import { k8sflow, removeAll, suiteCluster, withFile } from './cli.js'
import { kindsServed } from './custom-kinds.js'
import { docker, insideCluster } from './docker.js'
import { ingressLeadsTo } from './ingress.js'
import { unpackDebianPackages, unpackedPath } from './machine/debian.js'
import { go, goModuleFolder } from './machine/go-modules.js'
import { entering, nodeAddress } from './machine/namespace.js'
import { waitFor } from './machine/wait.js'
import { endpointsSettled } from './service-endpoints.js'
import { SERIES } from './state-metrics.js'

/** What runs in app1 and in app2: Debian's exporter, and the very version that the chart names. */
const EXPORTERS = { app1: 'debian', app2: 'current' }
const CURRENT = 'github.com/nginxinc/nginx-prometheus-exporter@v1.5.3'
/** The operator of the kube-prometheus-stack that k8sflow installs: its Chart.yaml's appVersion. */
const OPERATOR = 'github.com/prometheus-operator/prometheus-operator@v0.93.1'
/** The newest whose checksum the Go proxy vouches for. */
const STATE_METRICS = 'k8s.io/kube-state-metrics/v2@v2.15.0'

const PROMETHEUS = 'http://127.0.0.1:9490'
const STATE_PORT = 9491
const MONITORING = '/apis/monitoring.coreos.com/v1/namespaces/we-road-it'
const DEFINITIONS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'
/** Also the time in which a target must have answered. */
const SCRAPE_INTERVAL = '5s'
const MEBIBYTE = 1024 ** 2
/** Of the 32 MiB that the exporter may use. */
const MOST_MEMORY = 20 * MEBIBYTE

interface Relabeling {
  action: string
  targetLabel: string
  replacement: string
}

interface PodMonitor {
  metadata: { name: string; namespace: string; labels: Record<string, string> }
  spec: {
    selector: { matchLabels: Record<string, string> }
    podMetricsEndpoints: { port: string; interval: string; relabelings: Relabeling[] }[]
  }
}

interface Rules {
  metadata: { name: string }
  spec: { groups: { name: string; rules: { alert: string }[] }[] }
}

interface Panel {
  title: string
  targets: { expr: string }[]
}

interface Dashboard {
  panels: Panel[]
  templating: { list: { name: string; type: string; definition: string }[] }
}

interface QueryAnswer {
  status: string
  error?: string
  data: { result: { metric: Record<string, string>; value: [number, string] }[] }
}

describe('metrics', function () {
  // Each wait has a limit of its own; programs and images are built here, too.
  this.timeout(1_800_000)
  let cluster: Cluster
  let folder: string
  let monitors: PodMonitor[]
  let rules: Rules[]
  const stops: (() => Promise<unknown>)[] = []
  const tag = `metrics-${Date.now()}`
  const image = (name: string) => ({ repository: `localhost:5000/${name}`, tag })
  const promtool = (...args: string[]) =>
    execa(unpackedPath('prometheus', 'usr/bin/promtool'), args, { cwd: folder, reject: false, all: true })

  before(async function () {
    if (process.env['K8SFLOW_TEST_CLUSTER'] !== 'own') this.skip()
    cluster = await suiteCluster()
    folder = await mkdtemp(join(tmpdir(), 'k8sflow-metrics-'))
    await unpackDebianPackages({ prometheus: '>=2.42 <4', 'prometheus-nginx-exporter': '>=0.11 <2' })
    await Promise.all([applyDefinitions(), buildImages()])
    const section = (app: 'app1' | 'app2') => ({
      create: true,
      appName: app,
      env: 'staging',
      countries: ['it'],
      image: image(app),
      // Each app is counted as one pod, however busy this machine makes it.
      autoscaling: { maxReplicas: 1 },
      metrics: { enabled: true, image: image(EXPORTERS[app]), podMonitor: { interval: SCRAPE_INTERVAL } },
    })
    const values = { firstApp: section('app1'), secondApp: section('app2') }
    await withFile(JSON.stringify(values), async (file) => {
      const { exitCode, stdout, stderr } = await k8sflow(Deploy, ['-f', file])
      if (exitCode !== 0) throw new Error(`deploy ended with ${String(exitCode)}\n${stdout}\n${stderr}`)
    })
    monitors = await cluster.list<PodMonitor>({ path: `${MONITORING}/podmonitors` })
    rules = await cluster.list<Rules>({ path: `${MONITORING}/prometheusrules` })
    for (const { metadata, spec } of rules)
      await writeFile(join(folder, `${metadata.name}.rules.yml`), stringify({ groups: spec.groups }))
    for (const app of ['app1', 'app2']) await ingressLeadsTo(`${app}-it.info`, '/ping')
    await startPrometheus()
  })

  after(async () => {
    if (folder === undefined) return
    for (const stop of stops.reverse()) await stop()
    await removeAll(['it'])
    for (const name of ['podmonitors', 'prometheusrules'])
      await cluster.find({ method: 'DELETE', path: `${DEFINITIONS}/${name}.monitoring.coreos.com` })
    await rm(folder, { recursive: true })
  })

  it('have a PodMonitor and alerts of each app, which the operator’s own definitions accept', () => {
    expect(monitors.map(({ metadata }) => metadata.name)).to.have.members(['app1-it', 'app2-it'])
    expect(rules.map(({ metadata }) => metadata.name)).to.have.members(['app1-it', 'app2-it'])
  })

  it('come from every pod, with app and country, from both exporters', async () => {
    for (const app of ['app1', 'app2']) {
      const found = await waitFor({ what: `nginx_up of ${app}`, seconds: 180 }, async () => {
        const result = await query(`nginx_up{app="${app}"} == 1`)
        return result.length > 0 && result
      })
      expect(found).to.have.lengthOf(1)
      expect(found[0]?.metric).to.include({ country: 'it', namespace: 'we-road-it', container: 'metrics' })
      expect(found[0]?.metric['pod']).to.match(new RegExp(`^${app}-it-`))
    }
  })

  it('show what clients do: requests are counted, and connections are not open to the outside', async () => {
    const total = async () =>
      waitFor({ what: 'a count of requests', seconds: 180 }, async () => {
        const value = (await query('nginx_http_requests_total{app="app1"}')).at(0)?.value[1]
        return value !== undefined && { count: Number(value) }
      })
    const before = (await total()).count
    const served = await requests('app1-it.info', 200)
    expect(served).to.equal(200)
    await waitFor({ what: 'the requests to be counted', seconds: 180 }, async () => {
      return (await total()).count >= before + 200
    })
    const pods = await cluster.list<{ status: { podIP: string } }>({
      path: '/api/v1/namespaces/we-road-it/pods',
      query: { labelSelector: 'app=app1-it' },
    })
    expect(pods).to.have.lengthOf(1)
    const address = pods[0]!.status.podIP
    const { stdout } = await insideCluster('curl', [
      '-s',
      '-m',
      '5',
      '-o',
      '/dev/null',
      '-w',
      '%{http_code}',
      `http://${address}:8082/stub_status`,
    ])
    expect(stdout).to.equal('000')
  })

  it('have alerts that promtool accepts, that fire when they should, and only then', async () => {
    for (const { metadata } of rules) {
      const { exitCode, all } = await promtool('check', 'rules', `${metadata.name}.rules.yml`)
      expect(exitCode, all).to.equal(0)
      expect(all).to.include('6 rules found')
    }
    await cp(join(folder, 'app1-it.rules.yml'), join(folder, 'rules.yml'))
    await cp(join(ROOT, 'test/cluster/metrics-alerts.yml'), join(folder, 'alerts.yml'))
    const { exitCode, all } = await promtool('test', 'rules', 'alerts.yml')
    expect(exitCode, all).to.equal(0)
    // The unit tests leave out no alert.
    const text = await readFile(join(folder, 'alerts.yml'), 'utf8')
    for (const { alert } of rules[0]?.spec.groups[0]?.rules ?? [])
      expect(text).to.match(new RegExp(`eval_time: \\w+\n +alertname: ${alert}\n +exp_alerts:`))
  })

  it('have alerts that a running Prometheus can evaluate, and none of which fires for healthy apps', async () => {
    interface Rule {
      health: string
      state: string
      lastEvaluation: string
    }
    // Not with what there was before both apps were measured.
    const begun = Date.now()
    const healthy = await waitFor({ what: 'every alert to be evaluated', seconds: 180 }, async () => {
      const { data } = await ask<{ data: { groups: { rules: Rule[] }[] } }>('/api/v1/rules')
      const all = data.groups.flatMap((group) => group.rules)
      const evaluated = all.every(
        ({ health, lastEvaluation }) => health === 'ok' && Date.parse(lastEvaluation) > begun,
      )
      return all.length === 12 && evaluated && all
    })
    expect(healthy.filter(({ state }) => state === 'firing')).to.deep.equal([])
  })

  it('fill every panel of the dashboard', async () => {
    const dashboard = JSON.parse(
      await readFile(join(ROOT, 'helm/dashboards/k8sflow.json'), 'utf8'),
    ) as Dashboard
    const variables = dashboard.templating.list.filter(({ type }) => type === 'query')
    expect(variables.map(({ name }) => name)).to.deep.equal(['country', 'app'])
    const chosen: Record<string, string> = {}
    for (const { name, definition } of variables) {
      const [, series, label] = /^label_values\((.*), (\w+)\)$/.exec(definition) ?? []
      // What is missed in one scrape is there again after the next. As Grafana writes several values of a variable.
      const expected = { country: '(it)', app: '(app1|app2)' }[name]
      await waitFor({ what: `${String(expected)} from ${definition}`, seconds: 180 }, async () => {
        const result = await query(filled(series ?? '', chosen))
        chosen[name] = `(${[...new Set(result.map(({ metric }) => metric[label ?? '']))].sort().join('|')})`
        if (chosen[name] !== expected) throw new Error(chosen[name])
        return true
      })
    }
    expect(chosen).to.deep.equal({ country: '(it)', app: '(app1|app2)' })
    const expressions = dashboard.panels.flatMap(({ title, targets }) =>
      targets.map(({ expr }) => ({ title, expr: filled(expr, chosen) })),
    )
    expect(expressions.length).to.be.at.least(dashboard.panels.length)
    // What a node says of its containers it finds out every ten seconds or so. Clients go on asking: a rate is that of the last 45 s.
    for (const { title, expr } of expressions)
      await waitFor({ what: `data in "${title}": ${expr}`, seconds: 180, intervalMs: 1000 }, async () => {
        for (const app of ['app1', 'app2']) await requests(`${app}-it.info`, 5)
        const result = await query(expr)
        return result.length > 0 && result.every(({ value }) => value[1] !== 'NaN')
      })
  })

  it('read series that kube-state-metrics documents, where they are stood in for', async () => {
    const documents = join(await goModuleFolder(STATE_METRICS), 'docs', 'metrics', 'workload')
    const names = ['deployment', 'horizontalpodautoscaler', 'pod']
    const texts = await Promise.all(
      names.map((name) => readFile(join(documents, `${name}-metrics.md`), 'utf8')),
    )
    for (const [series, labels] of Object.entries(SERIES)) {
      const row = texts
        .join('\n')
        .split('\n')
        .find((line) => line.startsWith(`| ${series} `))
      const documented = [...(row ?? '').matchAll(/`(\w+)`=&lt;\s*[\w-]+-\w+&gt;/g)].map(([, label]) => label)
      expect(documented, series).to.have.members(labels)
    }
  })

  it('cost little memory', async () => {
    const path = '/apis/metrics.k8s.io/v1beta1/namespaces/we-road-it/pods'
    interface PodMetrics {
      metadata: { name: string }
      containers: { name: string; usage: { memory: string } }[]
    }
    const measured = await waitFor({ what: 'the metrics of both pods', seconds: 180 }, async () => {
      const { items } = await cluster.send<{ items: PodMetrics[] }>({ path })
      const exporting = items.filter(({ containers }) => containers.some(({ name }) => name === 'metrics'))
      return exporting.length === 2 && exporting
    })
    for (const { metadata, containers } of measured) {
      const memory = parseQuantity(containers.find(({ name }) => name === 'metrics')?.usage.memory ?? '') ?? 0
      process.stdout.write(`      ${metadata.name}: ${(memory / MEBIBYTE).toFixed(1)} MiB in the exporter\n`)
      expect(memory, metadata.name).to.be.within(1, MOST_MEMORY)
    }
  })

  it('are no reason for `k8sflow status` to count a container too many', async () => {
    for (const app of ['app1', 'app2']) await endpointsSettled(cluster, 'we-road-it', `${app}-svc-it`)
    const { stdout, exitCode } = await k8sflow(Status, ['--check'])
    expect(exitCode, stdout).to.equal(0)
    expect(stdout).to.match(/^app1 +it .* 1\/1/m)
  })

  describe('k8sflow monitoring open', () => {
    const labels = { 'app.kubernetes.io/name': 'grafana', 'app.kubernetes.io/instance': 'monitoring' }

    /** A Service and Secret as Grafana's chart makes them, with an app behind it. */
    before(async () => {
      await apply('/api/v1/namespaces/we-road-it/services/monitoring-grafana', {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'monitoring-grafana', labels },
        spec: { selector: { app: 'app1-it' }, ports: [{ name: 'http-web', port: 80, targetPort: 'http' }] },
      })
      await apply('/api/v1/namespaces/we-road-it/secrets/monitoring-grafana', {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: 'monitoring-grafana' },
        stringData: { 'admin-user': 'admin', 'admin-password': 'open sesame' },
      })
    })

    for (const showPassword of [false, true])
      it(`leads to it, ${showPassword ? 'with the password when asked' : 'without the password'}`, async () => {
        const closing = new AbortController()
        const options = { namespace: 'we-road-it', showPassword, atTerminal: true }
        let said = ''
        await waitFor({ what: 'the Service to have a ready pod', seconds: 180 }, async () => {
          await openMonitoring(options, {
            progress: () => undefined,
            signal: closing.signal,
            onOpen: async (grafana) => {
              expect(grafana.user).to.equal('admin')
              expect(grafana.password).to.equal(showPassword ? 'open sesame' : undefined)
              expect(grafana.dashboard).to.equal(`${grafana.url}/d/k8sflow`)
              said = await (await fetch(`${grafana.url}/ping`)).text()
              closing.abort()
            },
          })
          return true
        })
        expect(said).to.equal('hello from app1-staging-it')
      })

    it('keeps the password from what is no terminal', async () => {
      const argv = ['--monitoring-namespace', 'we-road-it', '--show-password']
      const { exitCode, stdout, stderr } = await k8sflow(MonitoringOpen, argv)
      expect(exitCode).to.equal(2)
      expect(stdout + stderr).not.to.include('sesame')
    })
  })

  async function apply(path: string, body: object): Promise<void> {
    const query = { fieldManager: 'test-metrics', force: true }
    await cluster.send({ method: 'PATCH', path, query, contentType: 'application/apply-patch+yaml', body })
  }

  async function applyDefinitions(): Promise<void> {
    const files = join(await goModuleFolder(OPERATOR), 'example', 'prometheus-operator-crd')
    for (const name of ['podmonitors', 'prometheusrules']) {
      const text = await readFile(join(files, `monitoring.coreos.com_${name}.yaml`), 'utf8')
      await apply(`${DEFINITIONS}/${name}.monitoring.coreos.com`, parse(text) as object)
      await kindsServed(cluster, [{ group: 'monitoring.coreos.com', version: 'v1', plural: name }])
    }
  }

  async function buildImages(): Promise<void> {
    const base = process.env['K8SFLOW_TEST_BASE_IMAGE'] ?? ''
    for (const app of ['app1', 'app2'])
      await build(join(ROOT, 'samples', app), image(app), [`--build-arg=NGINX_IMAGE=${base}`])
    const debian = join(folder, 'debian')
    await cp(unpackedPath('prometheus-nginx-exporter', 'usr/bin'), debian, { recursive: true })
    // Unlike its successors this one ends when nginx is not there yet as it starts, unless told to try again.
    await writeFile(
      join(debian, 'Dockerfile'),
      `FROM ${base}\nENV NGINX_RETRIES=600 NGINX_RETRY_INTERVAL=500ms\nCOPY prometheus-nginx-exporter /\nENTRYPOINT ["/prometheus-nginx-exporter"]\n`,
    )
    await build(debian, image('debian'))
    const current = join(folder, 'current')
    // Published under another path than it names itself by: built in a copy.
    await execa('cp', ['-r', '--no-preserve=mode', await goModuleFolder(CURRENT), current])
    await go(['build', '-trimpath', '-ldflags', '-s -w', '-o', 'exporter', '.'], { cwd: current })
    await writeFile(join(current, 'Dockerfile'), 'FROM scratch\nCOPY exporter /\nENTRYPOINT ["/exporter"]\n')
    await build(current, image('current'))
  }

  async function build(context: string, to: { repository: string; tag: string }, more: string[] = []) {
    const args = ['buildx', 'build', '--progress=plain', '--push', `--tag=${to.repository}:${to.tag}`]
    const { exitCode, stderr } = await docker([...args, ...more, context])
    if (exitCode !== 0) throw new Error(`docker build ${context}: ${stderr}`)
  }

  async function startPrometheus(): Promise<void> {
    const config = scrapeConfig()
    await writeFile(join(folder, 'prometheus.yml'), stringify(config), { mode: 0o600 })
    const { exitCode, all } = await promtool('check', 'config', 'prometheus.yml')
    if (exitCode !== 0) throw new Error(all)
    const script = join(ROOT, 'test', 'cluster', 'state-metrics.ts')
    background(process.execPath, ['--import', 'tsx', script, String(STATE_PORT)])
    background(unpackedPath('prometheus', 'usr/bin/prometheus'), [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=${new URL(PROMETHEUS).host}`,
    ])
    await waitFor({ what: 'Prometheus', seconds: 180 }, async () => {
      return (await insideCluster('curl', ['-sf', `${PROMETHEUS}/-/ready`])).exitCode === 0
    })
  }

  /** Starts a program in the cluster's network namespace, and has it stopped at the end. */
  function background(program: string, args: string[]): void {
    const process_ = execa('nsenter', entering(program, args), {
      cwd: ROOT,
      env: { KUBECONFIG: process.env['K8SFLOW_TEST_KUBECONFIG_INSIDE'] },
      stdin: 'ignore',
      stdout: 'ignore',
      stderr: 'ignore',
      reject: false,
    })
    stops.push(async () => {
      process_.kill('SIGTERM')
      await process_
    })
  }

  /** What the Prometheus operator makes of the PodMonitors, and what kube-prometheus-stack scrapes besides. */
  function scrapeConfig() {
    return {
      global: { scrape_interval: SCRAPE_INTERVAL, evaluation_interval: '2s' },
      rule_files: ['*.rules.yml'],
      scrape_configs: [
        ...monitors.map(podScrape),
        {
          job_name: 'cadvisor',
          honor_labels: true,
          scrape_interval: '10s',
          metrics_path: '/cadvisor',
          static_configs: [{ targets: [`127.0.0.1:${String(STATE_PORT)}`] }],
        },
        {
          job_name: 'kube-state-metrics',
          honor_labels: true,
          static_configs: [{ targets: [`127.0.0.1:${String(STATE_PORT)}`] }],
        },
        { job_name: 'traefik', static_configs: [{ targets: ['127.0.0.1:8056'] }] },
      ],
    }
  }
})

/** One PodMonitor as the operator writes it into Prometheus' configuration. */
function podScrape({ metadata, spec }: PodMonitor) {
  const [endpoint] = spec.podMetricsEndpoints
  if (endpoint === undefined) throw new Error(`${metadata.name} has no endpoint`)
  const underscored = (label: string) => label.replaceAll(/[^\w]/g, '_')
  const keep = (label: string, regex: string) => ({ action: 'keep', source_labels: [label], regex })
  const copy = (from: string, to: string) => ({ source_labels: [from], target_label: to })
  return {
    job_name: `${metadata.namespace}/${metadata.name}`,
    scrape_interval: endpoint.interval,
    // Debian's Prometheus has no discovery of its own for Kubernetes.
    http_sd_configs: [{ url: `http://127.0.0.1:${String(STATE_PORT)}/targets`, refresh_interval: '1s' }],
    relabel_configs: [
      { action: 'drop', source_labels: ['__meta_kubernetes_pod_phase'], regex: '(Failed|Succeeded)' },
      keep('__meta_kubernetes_namespace', metadata.namespace),
      ...Object.entries(spec.selector.matchLabels).map(([label, value]) =>
        keep(`__meta_kubernetes_pod_label_${underscored(label)}`, value),
      ),
      keep('__meta_kubernetes_pod_container_port_name', endpoint.port),
      copy('__meta_kubernetes_namespace', 'namespace'),
      copy('__meta_kubernetes_pod_container_name', 'container'),
      copy('__meta_kubernetes_pod_name', 'pod'),
      ...endpoint.relabelings.map(({ action, targetLabel, replacement }) => ({
        action,
        target_label: targetLabel,
        replacement,
      })),
    ],
  }
}

/** A panel's expression with its variables as Grafana would put them in. */
function filled(expression: string, variables: Record<string, string>): string {
  const all = { ...variables, __rate_interval: '45s', __range: '5m' }
  const text = Object.entries(all).reduce(
    (so, [name, value]) => so.replaceAll(`\${${name}:regex}`, value).replaceAll(`$${name}`, value),
    expression,
  )
  if (text.includes('$')) throw new Error(`a variable is left in ${text}`)
  return text
}

async function query(expression: string): Promise<QueryAnswer['data']['result']> {
  const answer = await ask<QueryAnswer>(`/api/v1/query?query=${encodeURIComponent(expression)}`)
  if (answer.status !== 'success') throw new Error(`${answer.error ?? ''}: ${expression}`)
  return answer.data.result
}

async function ask<Answer>(path: string): Promise<Answer> {
  const { stdout } = await insideCluster('curl', ['-s', `${PROMETHEUS}${path}`])
  return JSON.parse(stdout) as Answer
}

/** Asks the ingress controller for a host's page so many times, and gives how often it came. */
async function requests(host: string, count: number): Promise<number> {
  const urls = `http://${nodeAddress}/?[1-${String(count)}]`
  const { stdout } = await insideCluster('curl', [
    '-s',
    '-H',
    `Host: ${host}`,
    '-o',
    '/dev/null',
    '-w',
    '%{http_code}\n',
    urls,
  ])
  return stdout.split('\n').filter((status) => status === '200').length
}
