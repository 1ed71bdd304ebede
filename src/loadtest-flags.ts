import * as Flags from '@oclif/core/flags'

import * as flags from './flags.js'

/** The flags of loadtest. */
export const loadtestFlags = () => ({
  project: flags.project(),
  countries: flags.countries(),
  users: Flags.integer({
    summary: 'Users at once, shared among apps and countries.',
    helpValue: '50',
    default: 50,
    env: 'K8SFLOW_USERS',
  }),
  'spawn-rate': Flags.integer({
    summary: 'Users that are added per second.',
    helpValue: '10',
    default: 10,
    env: 'K8SFLOW_SPAWN_RATE',
  }),
  duration: Flags.string({
    summary: 'How long the load lasts.',
    helpValue: '2m',
    default: '2m',
    env: 'K8SFLOW_DURATION',
  }),
  via: Flags.string({
    summary: "Through the ingress controller, or through the API server's proxy to each Service.",
    options: ['ingress', 'service'],
    default: 'ingress',
    env: 'K8SFLOW_VIA',
  }),
  address: Flags.string({
    summary:
      "Where the ingress controller is reached; otherwise what the cluster reports, else the kubeconfig's server.",
    helpValue: '192.168.1.10',
    env: 'K8SFLOW_ADDRESS',
  }),
  'max-p95': Flags.string({
    summary: 'Fail when 95 % of the requests took longer than this.',
    helpValue: '200ms',
    env: 'K8SFLOW_MAX_P95',
  }),
  'max-failures': Flags.string({
    summary: 'Fail when more requests than this failed, a count or a share.',
    helpValue: '10|1%',
    env: 'K8SFLOW_MAX_FAILURES',
  }),
  'watch-scale-down': Flags.string({
    summary: 'After the load, watch until every app is back at its minimum, at most this long.',
    helpValue: '10m',
    env: 'K8SFLOW_WATCH_SCALE_DOWN',
  }),
  report: Flags.string({
    char: 'o',
    summary: 'The report; otherwise loadtest-<app>-<time>.html in this folder.',
    helpValue: 'FILE.html',
    env: 'K8SFLOW_REPORT',
  }),
  yes: flags.yes(),
  'dry-run': flags.dryRun(),
  kubeconfig: flags.cluster().kubeconfig,
  context: flags.cluster().context,
})
