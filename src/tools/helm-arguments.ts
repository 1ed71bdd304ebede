/*
 * The exact argument list of every helm verb k8sflow uses: what is run and what --dry-run prints come from here.
 * All that differs between helm 3 and 4 is in this file, helm-output.ts and helm-errors.ts.
 */

/** Which cluster, context and namespace helm speaks to; what is left out is the kubeconfig's own. */
export interface HelmTarget {
  kubeconfig?: string | undefined
  context?: string | undefined
  namespace?: string | undefined
}

/** Where values come from, in helm's order: later ones win. */
export interface ValuesInput {
  /** Values files; `-` is standard input. */
  files?: readonly string[]
  /** `--set path=value`. */
  set?: readonly string[]
}

/** What helm does about fields that another tool has applied. */
export interface ConflictOption {
  /** Takes them over, which helm 4 otherwise refuses; helm 3 knows neither. */
  forceConflicts?: boolean
}

export interface UpgradeRequest extends ValuesInput, ConflictOption {
  release: string
  chart: string
  /** Of a chart in a registry; left out, the newest. */
  version?: string
  /** `install` needs a free name, `upgrade` an existing release, `upgrade-install` either. */
  mode: 'install' | 'upgrade' | 'upgrade-install'
  createNamespace?: boolean
  /** Takes over objects that belong to another release, or to none. */
  takeOwnership?: boolean
  wait?: boolean
  /** As helm takes it: `5m`, `90s`. */
  timeout?: string
}

export interface RollbackRequest extends ConflictOption {
  release: string
  revision: number
  wait?: boolean
  timeout?: string
}

export interface UninstallRequest {
  release: string
  wait?: boolean
  timeout?: string
  /** Removes records only, without running hooks: for a release that was never deployed. */
  noHooks?: boolean
}

export interface TemplateRequest extends ValuesInput {
  release: string
  chart: string
  /** Leaves out what `helm test` runs, which no deployment applies. */
  skipTests?: boolean
  /** Renders one template file only. */
  showOnly?: readonly string[]
  /** The cluster's version; a helm 3 that was built without one takes it for an ancient Kubernetes. */
  kubeVersion?: string | undefined
}

export interface LintRequest extends ValuesInput {
  chart: string
  strict?: boolean
}

/** Options that say where; they come last so that a command line reads as verb, release, chart, values, place. */
export function targetArguments(target: HelmTarget): string[] {
  return [
    ...option('--namespace', target.namespace),
    ...option('--kubeconfig', target.kubeconfig),
    ...option('--kube-context', target.context),
  ]
}

/**
 * `helm list` in every state: helm 3 hides pending releases unless asked for, and helm 4 knows no `--all`.
 */
export function listArguments(options: { allNamespaces?: boolean } = {}): string[] {
  const states = ['--deployed', '--failed', '--pending', '--superseded', '--uninstalled', '--uninstalling']
  return [
    'list',
    ...states,
    '--max',
    '0',
    ...(options.allNamespaces ? ['--all-namespaces'] : []),
    '-o',
    'json',
  ]
}

export function statusArguments(release: string): string[] {
  return ['status', release, '-o', 'json']
}

export function historyArguments(release: string): string[] {
  return ['history', release, '--max', '256', '-o', 'json']
}

export function getValuesArguments(release: string, options: { all?: boolean; revision?: number }): string[] {
  return [
    'get',
    'values',
    release,
    ...(options.all ? ['--all'] : []),
    ...revisionOption(options),
    '-o',
    'json',
  ]
}

export function getManifestArguments(release: string, options: { revision?: number }): string[] {
  return ['get', 'manifest', release, ...revisionOption(options)]
}

export function upgradeArguments(request: UpgradeRequest): string[] {
  const verb = { install: ['install'], upgrade: ['upgrade'], 'upgrade-install': ['upgrade', '--install'] }
  return [
    ...verb[request.mode],
    request.release,
    request.chart,
    ...option('--version', request.version),
    ...valuesArguments(request),
    ...(request.createNamespace && request.mode !== 'upgrade' ? ['--create-namespace'] : []),
    ...(request.takeOwnership ? ['--take-ownership'] : []),
    ...conflictArguments(request),
    ...waitArguments(request),
  ]
}

export function rollbackArguments(request: RollbackRequest): string[] {
  const { release, revision } = request
  return ['rollback', release, String(revision), ...conflictArguments(request), ...waitArguments(request)]
}

export function uninstallArguments(request: UninstallRequest): string[] {
  return ['uninstall', request.release, ...(request.noHooks ? ['--no-hooks'] : []), ...waitArguments(request)]
}

export function templateArguments(request: TemplateRequest): string[] {
  const only = (request.showOnly ?? []).flatMap((file) => ['--show-only', file])
  const tests = request.skipTests ? ['--skip-tests'] : []
  return [
    ...['template', request.release, request.chart, ...valuesArguments(request), ...tests, ...only],
    ...option('--kube-version', request.kubeVersion),
  ]
}

export function lintArguments(request: LintRequest): string[] {
  return ['lint', request.chart, ...(request.strict ? ['--strict'] : []), ...valuesArguments(request)]
}

/** Lets helm change what another tool, such as Argo CD, has applied. */
export function overConflicts({ major }: { major: 3 | 4 }): ConflictOption {
  return major === 4 ? { forceConflicts: true } : {}
}

/** A release that helm 3 made would be applied the old way, where there are no conflicts to force. */
function conflictArguments({ forceConflicts }: ConflictOption): string[] {
  return forceConflicts ? ['--server-side=true', '--force-conflicts'] : []
}

/**
 * `--wait` on its own means the same on both: helm 4 takes it as `--wait=watcher`. Given a value with a space it would
 * break the argument count of helm 4.
 */
function waitArguments(request: { wait?: boolean; timeout?: string }): string[] {
  return [...(request.wait ? ['--wait'] : []), ...option('--timeout', request.timeout)]
}

function valuesArguments(values: ValuesInput): string[] {
  return [
    ...(values.files ?? []).flatMap((file) => ['-f', csvField(file)]),
    ...(values.set ?? []).flatMap((setting) => ['--set', setting]),
  ]
}

/** helm reads `-f` as a line of CSV, in which a comma or quote of the path itself has to be quoted. */
function csvField(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

function revisionOption(options: { revision?: number }): string[] {
  return option('--revision', options.revision === undefined ? undefined : String(options.revision))
}

function option(name: string, value: string | undefined): string[] {
  return value === undefined ? [] : [name, value]
}
