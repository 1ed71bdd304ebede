import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { type Cluster, ApiStatusError } from '../cluster/cluster.js'
import { FailedError, InvalidInputError } from '../errors.js'
import { packageRoot } from '../package-root.js'
import type { Progress } from '../progress.js'
import { commandLine } from '../tools/command-line.js'
import { upgradeArguments, type UpgradeRequest } from '../tools/helm-arguments.js'
import { agree, type Confirm, stopIfInterrupted } from './agreement.js'
import { durationMs } from './duration.js'
import { MONITORING_RELEASE } from './monitoring-stack.js'
import { type ClusterChoice, openSession } from './session.js'

export interface MonitoringInstallOptions extends Pick<ClusterChoice, 'kubeconfig' | 'context'> {
  namespace: string
  /** A chart's reference, folder or file. */
  chart: string
  chartVersion: string
  /** Values files of the user, which win over those for small boards. */
  values: readonly string[]
  wait: boolean
  timeout: string
  yes: boolean
  dryRun?: boolean
}

export interface MonitoringInstallResult {
  dryRun: boolean
  context: string
  release: string
  namespace: string
  chart: string
  /** The version asked for; null for a chart on disk, which has its own. */
  version: string | null
  /** In helm's order: later ones win. */
  valuesFiles: string[]
  /** helm's number of what was installed; null with `dryRun`. */
  revision: number | null
  /** The ConfigMap with the apps' dashboard. */
  dashboard: string
  /** With `dryRun`: what would be run, in order, as lines for a shell. */
  commands?: string[]
}

export interface MonitoringHelp {
  progress: Progress
  signal: AbortSignal
  confirm?: Confirm | undefined
}

const DASHBOARD = 'k8sflow-dashboard'
const DASHBOARD_FILE = 'k8sflow.json'
const FIELD_MANAGER = 'k8sflow'

/**
 * Installs or updates Prometheus and Grafana with values for small boards, and adds the dashboard of the apps.
 * @throws InvalidInputError when a values file is missing, or nobody says yes
 * @throws HelmError when helm fails
 */
export async function installMonitoring(
  options: MonitoringInstallOptions,
  help: MonitoringHelp,
  open: typeof openSession = openSession,
): Promise<MonitoringInstallResult> {
  const { namespace, chart } = options
  durationMs(options.timeout)
  const request = requestFor(options)
  // It makes cluster roles, which only an administrator may.
  const needs = [{ verb: 'create', resource: 'clusterroles', group: 'rbac.authorization.k8s.io' }]
  const choice = { kubeconfig: options.kubeconfig, context: options.context, namespace }
  const { cluster, helm } = await open(choice, help.progress, needs)
  const result: MonitoringInstallResult = {
    dryRun: options.dryRun ?? false,
    context: cluster.context,
    release: MONITORING_RELEASE,
    namespace,
    chart,
    version: request.version ?? null,
    valuesFiles: [...(request.files ?? [])],
    revision: null,
    dashboard: DASHBOARD,
  }
  if (options.dryRun)
    return {
      ...result,
      commands: [helm.commandLine(upgradeArguments(request)), dashboardCommand(namespace)],
    }
  const what = [chart, request.version].filter(Boolean).join(' ')
  await agree(
    options,
    help,
    `Install or update ${what} in namespace ${namespace} of context "${cluster.context}"?`,
  )
  stopIfInterrupted(help.signal)
  help.progress({ kind: 'step', state: 'start', text: `helm installs ${what}` })
  const { revision } = await helm.upgrade(request, { signal: help.signal })
  help.progress({ kind: 'step', state: 'done', text: `${what} is installed` })
  await applyDashboard(cluster, namespace)
  return { ...result, revision }
}

function requestFor(options: MonitoringInstallOptions): UpgradeRequest {
  const files = [join(packageRoot(), 'monitoring', 'values-pi.yaml'), ...options.values]
  const missing = options.values.filter((file) => !existsSync(file))
  if (missing.length > 0)
    throw new InvalidInputError(`There is no values file ${missing.join(', ')}.`, {
      code: 'VALUES_FILE_MISSING',
      suggestions: ['Check the paths given with --values.'],
      data: { files: missing },
    })
  const onDisk = existsSync(options.chart)
  return {
    release: MONITORING_RELEASE,
    chart: options.chart,
    ...(onDisk ? {} : { version: options.chartVersion }),
    mode: 'upgrade-install',
    files,
    createNamespace: true,
    wait: options.wait,
    timeout: options.timeout,
  }
}

/** Server-side apply, as for namespaces: running it again changes nothing. */
async function applyDashboard(cluster: Cluster, namespace: string): Promise<void> {
  const text = await readFile(dashboardPath(), 'utf8')
  try {
    await cluster.send({
      method: 'PATCH',
      path: `/api/v1/namespaces/${namespace}/configmaps/${DASHBOARD}`,
      query: { fieldManager: FIELD_MANAGER, force: true },
      contentType: 'application/apply-patch+yaml',
      body: {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: {
          name: DASHBOARD,
          namespace,
          labels: { 'app.kubernetes.io/part-of': 'we-road', grafana_dashboard: '1' },
        },
        data: { [DASHBOARD_FILE]: text },
      },
    })
  } catch (error) {
    if (!(error instanceof ApiStatusError)) throw error
    throw new FailedError(
      `Monitoring is installed, but its dashboard could not be written: ${error.message}`,
      {
        code: 'DASHBOARD_NOT_WRITTEN',
        suggestions: ['Run the same again: it goes on where this ended.'],
        cause: error,
        data: { namespace, configMap: DASHBOARD, status: error.status },
      },
    )
  }
}

function dashboardPath(): string {
  return join(packageRoot(), 'helm', 'dashboards', DASHBOARD_FILE)
}

function dashboardCommand(namespace: string): string {
  const place = ['--namespace', namespace]
  return [
    commandLine('kubectl', [
      'create',
      'configmap',
      DASHBOARD,
      ...place,
      `--from-file=${dashboardPath()}`,
      '--dry-run=client',
      '-o',
      'yaml',
    ]),
    'kubectl label --local -f - grafana_dashboard=1 app.kubernetes.io/part-of=we-road -o yaml',
    `kubectl apply --server-side --force-conflicts --field-manager=${FIELD_MANAGER} -f -`,
  ].join(' | ')
}
