import { FailedError, InterruptedError, InvalidInputError, K8sflowError } from '../errors.js'
import { EXIT_CODES } from '../exit-codes.js'
import type { Progress } from '../progress.js'
import type { Helm } from '../tools/helm.js'
import { overConflicts, rollbackArguments, type RollbackRequest } from '../tools/helm-arguments.js'
import { refuseArgocd } from './argocd-guard.js'
import { agree, type Confirm, stopIfInterrupted } from './agreement.js'
import type { Instance } from './deploy-plan.js'
import type { FailedPod, PingResult } from './deploy-result.js'
import { durationMs } from './duration.js'
import { chooseReleases, contentsOf, notFound } from './releases.js'
import {
  describeRollback,
  type InstanceChange,
  planRollback,
  type RollbackPlan,
  targetRevision,
} from './rollback-plan.js'
import { checkSelection, type RawSelection } from './selection.js'
import { type ClusterChoice, openSession, type Session } from './session.js'

export interface RollbackOptions extends ClusterChoice, Pick<RawSelection, 'project'> {
  /** Left out: the last good revision before the newest. */
  revision?: number | string | undefined
  yes: boolean
  dryRun: boolean
  wait: boolean
  verify: boolean
  /** Go on although Argo CD manages the apps. */
  allowArgocd: boolean
  /** As helm takes it, such as `5m`. */
  timeout: string
}

/** What a command lends to a service that changes something. */
export interface ChangeHelp {
  progress: Progress
  /** Asks a yes-or-no question; left out where nobody can answer. */
  confirm?: Confirm | undefined
  /** Asks for an orderly end. */
  signal: AbortSignal
}

export interface RolledBackRelease {
  release: string
  namespace: string
  from: number
  to: number
  outcome: 'planned' | 'rolled-back' | 'failed' | 'interrupted'
  /** The revision helm made of it; null when it made none. */
  revision: number | null
  status: string | null
  changes: InstanceChange[]
  summary: string
  reason?: string
  pods?: FailedPod[]
}

export interface RolledBackApp extends Instance {
  namespace: string
  ping: PingResult
}

export interface RollbackResult {
  ok: boolean
  dryRun: boolean
  context: string
  releases: RolledBackRelease[]
  apps: RolledBackApp[]
  notes: string[]
  /** With --dry-run: what would be run, in order, as lines for a shell. */
  commands?: string[]
}

/** A plan, with what helm is then asked for. */
interface ReadyPlan extends RollbackPlan {
  request: RollbackRequest
}

/**
 * Takes releases back to an earlier revision: shows what that changes, asks, keeps every namespace, waits, and asks
 * the apps for `/ping`.
 * @throws K8sflowError when nothing was done; afterwards {@link rollbackError} tells how it ended
 */
export async function rollback(
  options: RollbackOptions,
  help: ChangeHelp,
  open: typeof openSession = openSession,
): Promise<RollbackResult> {
  const { apps } = await checkSelection(options)
  durationMs(options.timeout)
  const revision = revisionNumber(options.revision)
  const names = options.release === undefined ? apps : [options.release]
  if (revision !== undefined && (names?.length ?? 0) > 1) throw oneAtATime(names ?? [])
  const session = await open(options, help.progress)
  const chosen = await chooseReleases(session, { release: options.release, apps, onlyOne: true })
  if (chosen.missing.length > 0) throw notFound(chosen.missing, session)
  const plans = await Promise.all(
    chosen.found.map(async (release) => {
      const history = await session.helm.inNamespace(release.namespace).history(release.name)
      const target = targetRevision(release, history, revision)
      const [current, wanted] = await Promise.all([
        contentsOf(session.helm, release),
        contentsOf(session.helm, release, target.revision),
      ])
      return planRollback(release, target, { current, target: wanted })
    }),
  )
  for (const text of chosen.notes) help.progress({ kind: 'step', state: 'note', text })
  const instances = plans.flatMap((plan) => plan.instances)
  const { applicationsOf } = await import('../cluster/workloads.js')
  const tracked = await applicationsOf(session.cluster, instances)
  const warnings = await refuseArgocd(session.cluster, tracked, {
    what: 'this rollback',
    instead: 'Revert the commit that changed the values instead: Argo CD deploys what git holds.',
    allowed: options.allowArgocd,
    dryRun: options.dryRun,
  })
  for (const text of warnings) help.progress({ kind: 'step', state: 'warning', text })
  for (const plan of plans)
    help.progress({
      kind: 'lines',
      title: `Release ${plan.release} (namespace ${plan.namespace}), revision ${String(plan.from)} back to ${String(plan.to)}:`,
      lines: describeRollback(plan),
    })
  const base = { context: session.cluster.context, notes: [...chosen.notes, ...warnings] }
  const ready = plans.map((plan) => ({ ...plan, request: rollbackRequest(plan, tracked, session.helm) }))
  if (options.dryRun) return { ...base, ...(await dryRun(session, ready, options)) }
  await agree(options, help, `Roll ${plans.map(({ release }) => release).join(' and ')} back?`)
  stopIfInterrupted(help.signal)
  const done = await carryOut(session, ready, options, help)
  return { ...base, dryRun: false, ...done }
}

/** What helm is asked for, but for the waiting; over what Argo CD has applied, where it has. */
function rollbackRequest(
  { release, to, instances }: RollbackPlan,
  tracked: readonly { app: string; country: string }[],
  { version }: Helm,
): RollbackRequest {
  const isTracked = instances.some((instance) =>
    tracked.some(({ app, country }) => instance.app === app && instance.country === country),
  )
  return { release, revision: to, ...(isTracked ? overConflicts(version) : {}) }
}

async function carryOut(
  session: Session,
  plans: readonly ReadyPlan[],
  options: RollbackOptions,
  help: ChangeHelp,
): Promise<Pick<RollbackResult, 'ok' | 'releases' | 'apps'>> {
  await prepareNamespaces(session, plans, help.progress)
  const releases = await Promise.all(plans.map(async (plan) => rollbackOne(session, plan, options, help)))
  // helm 3 takes annotations off again that neither revision renders.
  const { keepNamespaces } = await import('../cluster/namespaces.js')
  await keepNamespaces(
    session.cluster,
    plans.flatMap(({ keep }) => keep),
  )
  const good = plans.filter((_, index) => releases[index]?.outcome === 'rolled-back')
  const apps = options.wait && options.verify && !help.signal.aborted ? await ping(session, good, help) : []
  const ok = releases.every(({ outcome }) => outcome === 'rolled-back') && apps.every((app) => app.ping.ok)
  return { ok, releases, apps }
}

/** @throws InvalidInputError for what cannot be the number of a revision */
function revisionNumber(revision: number | string | undefined): number | undefined {
  if (revision === undefined) return undefined
  if (/^[1-9]\d{0,8}$/.test(String(revision))) return Number(revision)
  throw new InvalidInputError(`${JSON.stringify(String(revision))} is not the number of a revision.`, {
    code: 'INVALID_REVISION',
    suggestions: [
      'Revisions count from 1; see which there are with: k8sflow history',
      'Leave it out to go back to the last good one.',
    ],
  })
}

/** helm deletes what a revision no longer renders: the namespaces must be kept before it runs (docs/decisions/0019). */
async function prepareNamespaces(
  session: Session,
  plans: readonly RollbackPlan[],
  progress: Progress,
): Promise<void> {
  const { applyNamespaces, keepNamespaces } = await import('../cluster/namespaces.js')
  const kept = await keepNamespaces(
    session.cluster,
    plans.flatMap(({ keep }) => keep),
  )
  const applied = await applyNamespaces(
    session.cluster,
    plans.flatMap(({ needed }) => needed),
  )
  for (const name of kept.annotated)
    progress({
      kind: 'step',
      state: 'done',
      text: `namespace ${name} is kept whatever becomes of its release`,
    })
  for (const name of applied.created)
    progress({ kind: 'step', state: 'done', text: `namespace ${name} created` })
}

async function rollbackOne(
  session: Session,
  plan: ReadyPlan,
  options: RollbackOptions,
  { progress, signal }: ChangeHelp,
): Promise<RolledBackRelease> {
  const { release, to, changes, from, namespace } = plan
  const helm = session.helm.inNamespace(namespace)
  progress({ kind: 'step', state: 'start', subject: release, text: `rolling back to revision ${String(to)}` })
  const { watchPods } = await import('./deploy-watch.js')
  const watch = options.wait ? watchPods(session.cluster, verifiable(plan), progress) : undefined
  const failure: unknown = await helm
    .rollback({ ...plan.request, wait: options.wait, timeout: options.timeout }, { signal })
    .then(() => undefined)
    .catch((error: unknown) => error)
  await watch?.stop()
  if (signal.aborted) await settle(helm, plan, progress)
  const now = await helm.status(release).catch(() => undefined)
  const revision = now?.revision ?? null
  const base = { release, namespace, from, to, changes, revision, status: now?.status ?? null }
  if (failure !== undefined) return explain(session, plan, base, { failure, progress, signal })
  const text = `is at revision ${String(revision)}, which is revision ${String(to)} again`
  progress({ kind: 'step', state: 'done', subject: release, text })
  const summary = `${release} ${text}.`
  return { ...base, outcome: 'rolled-back', summary }
}

/**
 * `helm rollback` does not listen to signals as install and upgrade do: it dies, and leaves the release locked as
 * pending-rollback with only part of the objects changed. Doing it again without waiting takes a moment and ends in
 * a release whose state is known.
 */
async function settle(helm: Helm, { release, request }: ReadyPlan, progress: Progress): Promise<void> {
  const now = await helm.status(release).catch(() => undefined)
  if (now?.status.startsWith('pending-') !== true) return
  progress({
    kind: 'step',
    state: 'progress',
    subject: release,
    text: 'unlocking the release, without waiting',
  })
  await helm.rollback(request).catch(() => undefined)
}

async function explain(
  session: Session,
  plan: RollbackPlan,
  base: Omit<RolledBackRelease, 'outcome' | 'summary'>,
  { failure, progress, signal }: { failure: unknown; progress: Progress; signal: AbortSignal },
): Promise<RolledBackRelease> {
  const reason = failure instanceof Error ? failure.message : String(failure)
  const revision = base.revision === null ? 'an unknown revision' : `revision ${String(base.revision)}`
  const summary = `Release ${plan.release} is at ${revision}, state ${base.status ?? 'unknown'}.`
  if (signal.aborted)
    return { ...base, outcome: 'interrupted', summary: interruptedSummary(plan, base), reason }
  progress({ kind: 'step', state: 'failed', subject: plan.release, text: reason })
  const { examineFailure, reportFailure } = await import('./deploy-failure.js')
  const pods = await examineFailure(session.cluster, verifiable(plan))
  reportFailure(pods, progress)
  return { ...base, outcome: 'failed', summary, reason, pods }
}

async function ping(
  session: Session,
  plans: readonly RollbackPlan[],
  { progress, signal }: ChangeHelp,
): Promise<RolledBackApp[]> {
  const instances = plans.flatMap((plan) => verifiable(plan))
  if (instances.length > 0) progress({ kind: 'step', state: 'start', text: 'asking every app for /ping' })
  const { verify } = await import('./verify.js')
  const answers = await verify(session.cluster, instances, {
    signal,
    onAnswer: ({ app, country }, result) =>
      progress({
        kind: 'step',
        state: result.ok ? 'done' : 'failed',
        subject: `${app}/${country}`,
        text: result.ok ? result.answer : `/ping: ${result.answer} (wanted: ${result.expected})`,
      }),
  })
  const places = new Map(
    plans.flatMap((plan) => plan.instances.map((item) => [`${item.app}/${item.country}`, item])),
  )
  return [...answers].map(([instance, result]) => ({
    ...instance,
    namespace: places.get(`${instance.app}/${instance.country}`)?.namespace ?? '',
    ping: result,
  }))
}

/** Apps whose answer is known beforehand; a foreign chart may not say the environment. */
function verifiable({ instances }: RollbackPlan): Instance[] {
  return instances.flatMap(({ app, country, environment }) =>
    environment === undefined ? [] : [{ app, country, environment, tls: false }],
  )
}

async function dryRun(
  session: Session,
  plans: readonly ReadyPlan[],
  options: RollbackOptions,
): Promise<Omit<RollbackResult, 'context' | 'notes'>> {
  const { applyNamespaces, keepNamespaces } = await import('../cluster/namespaces.js')
  const kept = await keepNamespaces(
    session.cluster,
    plans.flatMap(({ keep }) => keep),
    { dryRun: true },
  )
  const applied = await applyNamespaces(
    session.cluster,
    plans.flatMap(({ needed }) => needed),
    { dryRun: true },
  )
  const helmLines = plans.map(({ namespace, request }) =>
    session.helm
      .inNamespace(namespace)
      .commandLine(rollbackArguments({ ...request, wait: options.wait, timeout: options.timeout })),
  )
  return {
    ok: true,
    dryRun: true,
    releases: plans.map((plan) => ({
      release: plan.release,
      namespace: plan.namespace,
      from: plan.from,
      to: plan.to,
      outcome: 'planned',
      revision: null,
      status: plan.status,
      changes: plan.changes,
      summary: `${plan.release} would go back to revision ${String(plan.to)}.`,
    })),
    apps: [],
    commands: [...kept.commands, ...applied.commands, ...helmLines],
  }
}

/** The error a result stands for, if any. */
export function rollbackError({ releases, apps, dryRun: planned }: RollbackResult): K8sflowError | undefined {
  if (planned) return undefined
  const summaries = releases.map(({ summary }) => summary).join(' ')
  const data = {
    releases: releases.map(({ release, outcome, revision, status }) => ({
      release,
      outcome,
      revision,
      status,
    })),
  }
  if (releases.some(({ outcome }) => outcome === 'interrupted'))
    return new InterruptedError(`Interrupted. ${summaries}`, {
      code: 'INTERRUPTED',
      suggestions: ['See what runs with: k8sflow status', 'Run the same again to finish it.'],
      data,
    })
  const failed = releases.filter(({ outcome }) => outcome === 'failed')
  if (failed.length > 0)
    return new FailedError(failed.map((release) => failureText(release)).join(' '), {
      code: 'ROLLBACK_FAILED',
      suggestions: [
        ...failed.map(
          ({ release }) => `Go to the last good revision with: k8sflow rollback --release ${release}`,
        ),
        'See what runs with: k8sflow status',
      ],
      data,
    })
  return pingError(apps)
}

function interruptedSummary(
  { release, to }: RollbackPlan,
  { revision, status }: Pick<RolledBackRelease, 'revision' | 'status'>,
): string {
  const at = `Release ${release} is at revision ${String(revision ?? '?')}, state ${status ?? 'unknown'}`
  return status === 'deployed'
    ? `${at}: that is revision ${String(to)} again, but its pods were not waited for.`
    : `${at}.`
}

/** The cause in a few words: the pods' where they tell, else helm's. */
function failureText({ release, to, summary, reason = '', pods = [] }: RolledBackRelease): string {
  const unwell = pods.map(({ app, country, reason: why }) => `${app}/${country} ${why}`)
  const cause = unwell.length > 0 ? ` (${unwell.join(', ')})` : `: ${reason.split('\n')[0] ?? ''}`
  return `Rolling ${release} back to revision ${String(to)} failed${cause}. ${summary}`
}

function pingError(apps: readonly RolledBackApp[]): K8sflowError | undefined {
  const silent = apps.filter((app) => !app.ping.ok)
  if (silent.length === 0) return undefined
  const named = silent.map(({ app, country }) => `${app}/${country}`).join(', ')
  return new K8sflowError(
    `Rolled back, but ${named} did not answer /ping as it should: ${silent[0]?.ping.answer ?? ''}`,
    EXIT_CODES.pingFailed,
    {
      code: 'PING_FAILED',
      suggestions: ['See what runs with: k8sflow status'],
    },
  )
}

function oneAtATime(names: readonly string[]): InvalidInputError {
  return new InvalidInputError(
    `A revision number belongs to one release, but ${names.join(' and ')} are named.`,
    {
      code: 'REVISION_AMBIGUOUS',
      suggestions: [
        'Name one app with -p, or leave the number out: each goes back to its last good revision.',
      ],
    },
  )
}
