import type { ForeignObject } from '../cluster/namespace-contents.js'
import { FailedError, InterruptedError, InvalidInputError, type K8sflowError } from '../errors.js'
import type { Progress } from '../progress.js'
import { commandLine } from '../tools/command-line.js'
import { chartPath } from '../tools/chart.js'
import { uninstallArguments, upgradeArguments, type UpgradeRequest } from '../tools/helm-arguments.js'
import type { ReleaseSummary } from '../tools/helm-output.js'
import { countryNamespace } from '../values/contract.js'
import { refuseArgocd } from './argocd-guard.js'
import { agree, stopIfInterrupted } from './agreement.js'
import { durationMs } from './duration.js'
import type { ManifestObject } from './manifest-objects.js'
import type { ReleaseInstance } from './release-contents.js'
import { chooseReleases, contentsOf, notFound } from './releases.js'
import type { ChangeHelp } from './rollback.js'
import { checkSelection, type RawSelection } from './selection.js'
import { type ClusterChoice, openSession, type Session } from './session.js'

export interface UninstallOptions extends ClusterChoice, Pick<RawSelection, 'project'> {
  yes: boolean
  dryRun: boolean
  wait: boolean
  timeout: string
  /** A release that is not there is no error. */
  ignoreNotFound: boolean
  /** Go on although Argo CD manages the apps. */
  allowArgocd: boolean
  /** Delete the countries' namespaces too, where nothing else lives in them. */
  deleteNamespaces: boolean
}

export interface UninstalledRelease {
  release: string
  namespace: string
  outcome: 'planned' | 'uninstalled' | 'failed' | 'interrupted' | 'not-found'
  /** Objects of the release, namespaces aside. */
  objects: ManifestObject[]
  /** helm's word for its state afterwards; null when it is gone. */
  status: string | null
  summary: string
  reason?: string
}

export interface UninstallResult {
  ok: boolean
  dryRun: boolean
  context: string
  releases: UninstalledRelease[]
  /** `remaining` are still being deleted; `reason` is why that does not get on. */
  namespaces: { kept: string[]; deleted: string[]; remaining: string[]; reason?: string }
  notes: string[]
  /** With --dry-run: what would be run, in order, as lines for a shell. */
  commands?: string[]
}

/** A release that is about to go. */
interface Doomed {
  release: ReleaseSummary
  instances: ReleaseInstance[]
  /** Without its namespaces. */
  objects: ManifestObject[]
  /** The countries' namespaces it lives in or owns. */
  namespaces: string[]
  /** Those that helm would delete with the release. */
  owned: string[]
}

/**
 * Removes releases: shows what goes, asks, and keeps every namespace unless told to delete them.
 * @throws K8sflowError when nothing was done; afterwards {@link uninstallError} tells how it ended
 */
export async function uninstall(
  options: UninstallOptions,
  help: ChangeHelp,
  open: typeof openSession = openSession,
): Promise<UninstallResult> {
  const { apps } = await checkSelection(options)
  const timeoutMs = durationMs(options.timeout)
  const session = await open(options, help.progress)
  const chosen = await chooseReleases(session, { release: options.release, apps })
  if (chosen.missing.length > 0 && !options.ignoreNotFound) throw notFound(chosen.missing, session)
  const doomed = await Promise.all(chosen.found.map(async (release) => examine(session, release)))
  for (const text of chosen.notes) help.progress({ kind: 'step', state: 'note', text })
  const warnings = await refuseManaged(session, doomed, options)
  for (const text of warnings) help.progress({ kind: 'step', state: 'warning', text })
  for (const item of doomed)
    help.progress({ kind: 'lines', title: doomedTitle(item), lines: describeObjects(item.objects) })
  const namespaces = [...new Set(doomed.flatMap((item) => item.namespaces))]
  const deleting = options.deleteNamespaces ? await deletable(session, doomed, namespaces, help.progress) : []

  const base = { context: session.cluster.context, notes: [...chosen.notes, ...warnings] }
  const missing = chosen.missing.map((name) => missingRelease(name, session))
  if (options.dryRun) {
    const planned = await dryRun(session, doomed, { options, namespaces, deleting })
    return { ...base, ...planned, releases: [...planned.releases, ...missing] }
  }
  if (doomed.length > 0) await agree(options, help, question(doomed, deleting))
  stopIfInterrupted(help.signal)
  const { keepNamespaces } = await import('../cluster/namespaces.js')
  await keepNamespaces(session.cluster, namespaces)
  const releases = await Promise.all(doomed.map(async (item) => remove(session, item, options, help)))
  const ok = releases.every(({ outcome }) => outcome === 'uninstalled')
  const left =
    ok && deleting.length > 0 && !help.signal.aborted
      ? await deleteAll(session, { doomed, deleting, timeoutMs, progress: help.progress })
      : { deleted: [], remaining: [] }
  const kept = namespaces.filter((name) => !left.deleted.includes(name) && !left.remaining.includes(name))
  return {
    ...base,
    ok: ok && left.remaining.length === 0,
    dryRun: false,
    releases: [...releases, ...missing],
    namespaces: { kept, ...left },
  }
}

/** Uninstalling would delete what Argo CD then makes again; to hand the apps over, only the records must go. */
async function refuseManaged(
  session: Session,
  doomed: readonly Doomed[],
  { allowArgocd, dryRun }: UninstallOptions,
): Promise<string[]> {
  if (doomed.length === 0) return []
  const { applicationsOf } = await import('../cluster/workloads.js')
  const tracked = await applicationsOf(
    session.cluster,
    doomed.flatMap((item) => item.instances),
  )
  const records = doomed
    .filter(({ instances }) =>
      instances.some(({ app, country }) =>
        tracked.some((workload) => workload.app === app && workload.country === country),
      ),
    )
    .map(({ release }) => `kubectl -n ${release.namespace} delete secret -l owner=helm,name=${release.name}`)
  return refuseArgocd(session.cluster, tracked, {
    what: 'this, and the apps would be gone in between',
    instead: `If Argo CD has taken the apps over, remove only the records of the release: ${records.join(' && ')}`,
    allowed: allowArgocd,
    dryRun,
  })
}

async function examine(session: Session, release: ReleaseSummary): Promise<Doomed> {
  const { instances, objects, doomedNamespaces } = await contentsOf(session.helm, release)
  const owned = objects.filter(({ kind }) => kind === 'Namespace').map(({ name }) => name)
  const used = instances.map(({ country }) => countryNamespace(country))
  return {
    release,
    instances,
    objects: objects.filter(({ kind }) => kind !== 'Namespace'),
    namespaces: [...new Set([...used, ...owned])].sort(),
    owned: doomedNamespaces,
  }
}

/** The namespaces that may be deleted with what is in them: all of them, or it is refused. */
async function deletable(
  session: Session,
  doomed: readonly Doomed[],
  namespaces: readonly string[],
  progress: Progress,
): Promise<string[]> {
  const { namespaceOwners } = await import('../cluster/namespaces.js')
  const infos = await namespaceOwners(session.cluster, namespaces)
  const existing = infos.filter((info) => info.exists).map((info) => info.name)
  const foreign = await foreignIn(session, doomed, existing)
  if (foreign.length > 0) throw refuseForeign(foreign)
  progress({
    kind: 'lines',
    title: 'Namespaces that will be deleted, nothing else lives in them:',
    lines: existing,
  })
  return existing
}

async function foreignIn(
  session: Session,
  doomed: readonly Doomed[],
  namespaces: readonly string[],
): Promise<ForeignObject[]> {
  const { foreignObjects } = await import('../cluster/namespace-contents.js')
  const own = doomed.map(({ release: { name, namespace } }) => ({ name, namespace }))
  const found = await Promise.all(namespaces.map(async (name) => foreignObjects(session.cluster, name, own)))
  return found.flat()
}

function refuseForeign(foreign: readonly ForeignObject[]): InvalidInputError {
  const shown = foreign.slice(0, 10).map(({ namespace, kind, name, release }) => {
    const owner = release === undefined ? '' : ` (release ${release})`
    return `  ${namespace}: ${kind} ${name}${owner}`
  })
  const more = foreign.length > shown.length ? [`  and ${String(foreign.length - shown.length)} more`] : []
  return new InvalidInputError(
    ['The namespaces hold more than this, so nothing was deleted:', ...shown, ...more].join('\n'),
    {
      code: 'NAMESPACE_NOT_EMPTY',
      suggestions: [
        'Leave --delete-namespaces out to remove the release only.',
        'Or remove these first, if nobody needs them; for the other app: name both with -p app1,app2.',
      ],
      data: { objects: foreign },
    },
  )
}

function movedIn({ namespace, kind, name }: ForeignObject): FailedError {
  return new FailedError(
    `The release is gone, but the namespaces stay: meanwhile ${kind} ${name} has appeared in ${namespace}.`,
    {
      code: 'NAMESPACE_NOT_EMPTY',
      suggestions: [`See what it is: kubectl get -n ${namespace} ${kind} ${name} -o yaml`],
    },
  )
}

async function remove(
  session: Session,
  { release: { name, namespace }, objects, owned }: Doomed,
  options: UninstallOptions,
  { progress, signal }: ChangeHelp,
): Promise<UninstalledRelease> {
  const helm = session.helm.inNamespace(namespace)
  progress({ kind: 'step', state: 'start', subject: name, text: 'is being removed' })
  let failure: unknown
  try {
    if (owned.length > 0) await helm.upgrade(emptying(name, options), { signal })
    stopIfInterrupted(signal)
    await helm.uninstall({ release: name, wait: options.wait, timeout: options.timeout }, { signal })
  } catch (error) {
    failure = error
  }
  const base = { release: name, namespace, objects }
  if (failure === undefined) {
    const text = `is gone: ${counted(objects.length, 'object')} deleted`
    progress({ kind: 'step', state: 'done', subject: name, text })
    const summary = `${name} ${text}.`
    return { ...base, outcome: 'uninstalled', status: null, summary }
  }
  const now = await helm.status(name).catch(() => undefined)
  const reason = failure instanceof Error ? failure.message : String(failure)
  const status = now?.status ?? null
  const summary =
    now === undefined ? `Release ${name} is gone.` : `Release ${name} is still there, state ${now.status}.`
  progress({ kind: 'step', state: 'failed', subject: name, text: reason })
  return { ...base, outcome: signal.aborted ? 'interrupted' : 'failed', status, summary, reason }
}

/**
 * Empties a release without removing it. helm's uninstall deletes every namespace of the manifest and asks only the
 * manifest what to keep; an upgrade that no longer renders them asks the live namespace, which is annotated by then.
 */
function emptying(release: string, options: UninstallOptions): UpgradeRequest {
  return {
    release,
    chart: chartPath(),
    mode: 'upgrade',
    set: ['namespaces.create=false', 'firstApp.create=false', 'secondApp.create=false'],
    timeout: options.timeout,
  }
}

async function deleteAll(
  session: Session,
  plan: { doomed: readonly Doomed[]; deleting: readonly string[]; timeoutMs: number; progress: Progress },
): Promise<{ deleted: string[]; remaining: string[]; reason?: string }> {
  const [newcomer] = await foreignIn(session, plan.doomed, plan.deleting)
  if (newcomer) throw movedIn(newcomer)
  const { deleteNamespaces } = await import('../cluster/namespaces.js')
  plan.progress({
    kind: 'step',
    state: 'start',
    text: `deleting ${counted(plan.deleting.length, 'namespace')}`,
  })
  const { remaining, reason } = await deleteNamespaces(session.cluster, plan.deleting, {
    timeoutMs: plan.timeoutMs,
  })
  const deleted = plan.deleting.filter((name) => !remaining.includes(name))
  for (const name of deleted)
    plan.progress({ kind: 'step', state: 'done', text: `namespace ${name} deleted` })
  return { deleted, remaining, ...(reason === undefined ? {} : { reason }) }
}

async function dryRun(
  session: Session,
  doomed: readonly Doomed[],
  { options, namespaces, deleting }: { options: UninstallOptions; namespaces: string[]; deleting: string[] },
): Promise<Omit<UninstallResult, 'context' | 'notes'>> {
  const { keepNamespaces } = await import('../cluster/namespaces.js')
  const { commands } = await keepNamespaces(session.cluster, namespaces, { dryRun: true })
  const helmLines = doomed.flatMap(({ release: { name, namespace }, owned }) => {
    const helm = session.helm.inNamespace(namespace)
    return [
      ...(owned.length > 0 ? [helm.commandLine(upgradeArguments(emptying(name, options)))] : []),
      helm.commandLine(uninstallArguments({ release: name, wait: options.wait, timeout: options.timeout })),
    ]
  })
  const deletions = deleting.map((name) => commandLine('kubectl', ['delete', 'namespace', name]))
  return {
    ok: true,
    dryRun: true,
    releases: doomed.map(({ release: { name, namespace, status }, objects }) => ({
      release: name,
      namespace,
      outcome: 'planned',
      objects,
      status,
      summary: `${name} would go, with ${counted(objects.length, 'object')}.`,
    })),
    namespaces: {
      kept: namespaces.filter((name) => !deleting.includes(name)),
      deleted: [],
      remaining: [],
    },
    commands: [...commands, ...helmLines, ...deletions],
  }
}

function missingRelease(name: string, session: Session): UninstalledRelease {
  return {
    release: name,
    namespace: session.releaseNamespace,
    outcome: 'not-found',
    objects: [],
    status: null,
    summary: `There is no release ${name}.`,
  }
}

function question(doomed: readonly Doomed[], deleting: readonly string[]): string {
  const names = doomed.map(({ release }) => release.name).join(' and ')
  return deleting.length > 0
    ? `Remove ${names} and delete ${counted(deleting.length, 'namespace')}?`
    : `Remove ${names}?`
}

function doomedTitle({ release: { name, namespace, revision, status }, objects }: Doomed): string {
  const state = status === 'deployed' ? '' : `, ${status}`
  return `Release ${name} (namespace ${namespace}, revision ${String(revision)}${state}) goes, with ${counted(objects.length, 'object')}:`
}

/** One line per namespace, so that two hundred countries still fit: `we-road-it: Deployment app1-it, Service …`. */
function describeObjects(objects: readonly ManifestObject[]): string[] {
  const groups = new Map<string, string[]>()
  for (const { kind, name, namespace } of objects)
    groups.set(namespace, [...(groups.get(namespace) ?? []), `${kind} ${name}`])
  return [...groups].map(([namespace, names]) => `${namespace || 'cluster'}: ${names.join(', ')}`)
}

function counted(count: number, noun: string): string {
  return `${String(count)} ${noun}${count === 1 ? '' : 's'}`
}

/** The error a result stands for, if any. */
export function uninstallError({
  releases,
  namespaces,
  dryRun: planned,
}: UninstallResult): K8sflowError | undefined {
  if (planned) return undefined
  const bad = releases.filter(({ outcome }) => outcome === 'failed' || outcome === 'interrupted')
  const summaries = bad.map(({ summary }) => summary).join(' ')
  const data = { releases: releases.map(({ release, outcome, status }) => ({ release, outcome, status })) }
  const suggestions = ['See what is left with: k8sflow status', 'Run the same again to finish it.']
  if (bad.some(({ outcome }) => outcome === 'interrupted'))
    return new InterruptedError(`Interrupted. ${summaries}`, { code: 'INTERRUPTED', suggestions, data })
  if (bad.length > 0) {
    const reasons = bad.map(({ reason }) => reason ?? '').join('; ')
    return new FailedError(`${reasons} ${summaries}`, { code: 'UNINSTALL_FAILED', suggestions, data })
  }
  if (namespaces.remaining.length === 0) return undefined
  return new FailedError(
    `Still being deleted when the time was up: namespace ${namespaces.remaining.join(', ')}. ${namespaces.reason ?? ''}`.trim(),
    {
      code: 'NAMESPACE_TERMINATING',
      suggestions: [`See what holds it: kubectl get namespace ${namespaces.remaining[0] ?? ''} -o yaml`],
      data: { namespaces: namespaces.remaining },
    },
  )
}
