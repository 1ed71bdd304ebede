import type { Cluster } from '../cluster/cluster.js'
import type { Progress } from '../progress.js'
import type { Helm } from '../tools/helm.js'
import type { RollbackRequest, UpgradeRequest } from '../tools/helm-arguments.js'
import { HelmError } from '../tools/helm-errors.js'
import type { ReleaseStatus } from '../tools/helm-output.js'
import { removeRecords } from './adopt.js'
import { examineFailure, reportFailure } from './deploy-failure.js'
import type { PlannedRelease } from './deploy-plan.js'
import type { ReleaseResult } from './deploy-result.js'
import { lastGoodRevision, type Repair } from './release-repair.js'

/** All that is known about a release before it is deployed. */
export interface ReleaseTask {
  planned: PlannedRelease
  /** Speaks to the namespace of this release's records. */
  helm: Helm
  namespace: string
  /** Its newest revision before; undefined when there is no such release. */
  status: ReleaseStatus | undefined
  repair: Repair
  request: UpgradeRequest
}

export interface ReleaseRun {
  cluster: Cluster
  progress: Progress
  signal: AbortSignal
}

/** helm's refusals: it then has made no revision, whatever the newest one is. */
const NOT_OURS = new Set([
  'chart-not-fetched',
  'pending',
  'name-in-use',
  'ownership',
  'schema',
  'template',
  'forbidden',
  'unauthorized',
])

/**
 * Deploys one release to its end, whatever that is: repaired first where an earlier run left it pending, rolled
 * back when it fails. How it ended is in the result; only what nobody foresaw is thrown.
 */
export async function deployRelease(task: ReleaseTask, run: ReleaseRun): Promise<ReleaseResult> {
  const { planned, helm, request } = task
  const tell = teller(planned.release, run.progress)
  if (run.signal.aborted) return notStarted(task)
  let base = task.status?.revision ?? 0
  try {
    base = await repair(task, run)
    tell('start', `${task.status === undefined ? 'installing' : 'upgrading'}, ${counted(planned)}`)
    const { revision } = await helm.upgrade(request, { signal: run.signal, stdin: planned.stdin })
    tell('done', `deployed as revision ${String(revision)}`)
    return {
      ...identity(task),
      outcome: 'deployed',
      revision,
      status: 'deployed',
      summary: `${planned.release} is deployed as revision ${String(revision)}.`,
    }
  } catch (error) {
    if (!(error instanceof HelmError)) throw error
    return afterFailure(task, run, { error, base })
  }
}

/** Goes back to the last good revision before `failed`; undefined when there is none. */
export async function rollBack(
  task: ReleaseTask,
  run: ReleaseRun,
  failed: ReleaseResult,
): Promise<ReleaseResult | undefined> {
  const { planned, helm, request } = task
  const tell = teller(planned.release, run.progress)
  const good = lastGoodRevision(await helm.history(planned.release), failed.revision ?? undefined)
  if (good === undefined) return undefined
  tell('start', `rolling back to revision ${String(good.revision)}`)
  const { wait = false, timeout } = request
  try {
    await helm.rollback(
      {
        ...rollbackRequest(task, good.revision),
        wait,
        ...(timeout === undefined ? {} : { timeout }),
      },
      { signal: run.signal },
    )
  } catch (error) {
    if (!(error instanceof HelmError)) throw error
    tell('failed', `the rollback failed: ${firstLine(error.reason)}`)
    return {
      ...failed,
      ...(await newest(task)),
      outcome: run.signal.aborted ? 'interrupted' : 'rollback-failed',
      summary: `${planned.release}: revision ${String(failed.revision)} failed, and so did the rollback to revision ${String(good.revision)}: ${firstLine(error.reason)}`,
    }
  }
  const now = await newest(task)
  tell('done', `rolled back to revision ${String(good.revision)}, as revision ${String(now.revision)}`)
  return {
    ...failed,
    ...now,
    outcome: 'rolled-back',
    summary: `${planned.release}: revision ${String(failed.revision)} failed${podReasons(failed)} and was rolled back to revision ${String(good.revision)} (now revision ${String(now.revision)}).`,
  }
}

/** Goes back, over whatever the deployment itself may go over. */
export function rollbackRequest({ planned, request }: ReleaseTask, revision: number): RollbackRequest {
  const { forceConflicts = false } = request
  return { release: planned.release, revision, ...(forceConflicts ? { forceConflicts } : {}) }
}

/** Makes helm accept the release again, where it does not; gives back the revision it is at then. */
async function repair(task: ReleaseTask, run: ReleaseRun): Promise<number> {
  const { planned, helm, namespace, repair } = task
  if (repair.kind !== 'rollback' && repair.kind !== 'forget') return task.status?.revision ?? 0
  const { release } = planned
  const tell = teller(release, run.progress)
  const found = `an earlier run left it ${repair.status} (since ${repair.since})`
  if (repair.kind === 'rollback') {
    tell('warning', `${found}: going back to revision ${String(repair.revision)} first`)
    await helm.rollback(rollbackRequest(task, repair.revision), { signal: run.signal })
    return (await newest(task)).revision ?? 0
  }
  tell('warning', `${found} and it never was deployed: starting over with the objects that are there`)
  await removeRecords(run.cluster, { name: release, namespace })
  return 0
}

async function afterFailure(
  task: ReleaseTask,
  run: ReleaseRun,
  { error, base }: { error: HelmError; base: number },
): Promise<ReleaseResult> {
  const { planned } = task
  const tell = teller(planned.release, run.progress)
  const reason = error.reason
  const now = await newest(task)
  const failed = { ...identity(task), ...now, reason, kind: error.kind }
  // A revision that helm ended itself is marked failed: one in any other state is somebody else's.
  const ended = now.status === 'failed' || error.killed
  const made = now.revision !== null && now.revision > base && ended && !NOT_OURS.has(error.kind)
  if (run.signal.aborted) return interrupted(planned.release, base, failed)
  tell('failed', firstLine(reason))
  if (!made) return { ...failed, outcome: 'failed', summary: refusal(task, error, reason) }
  const pods = await examineFailure(run.cluster, planned.instances)
  reportFailure(pods, run.progress)
  const result = { ...failed, pods, outcome: 'failed' as const, summary: '' }
  const rolledBack = await rollBack(task, run, result)
  if (rolledBack !== undefined) return rolledBack
  tell('note', 'there is no earlier revision to go back to; it is left as it is')
  return {
    ...result,
    summary: `${planned.release} failed${podReasons(result)}, and there is no earlier revision to go back to; it is left as it is. helm said: ${firstLine(reason)}`,
  }
}

function interrupted(
  release: string,
  base: number,
  now: Omit<ReleaseResult, 'outcome' | 'summary'>,
): ReleaseResult {
  const { revision, status } = now
  const left =
    revision === null || revision === base
      ? `${release} was not changed${revision === null ? '' : ` and is at revision ${String(revision)}`}.`
      : `${release} was stopped halfway: revision ${String(revision)}${base === 0 ? '' : ` over revision ${String(base)}`} is marked ${status ?? 'unknown'}.`
  return { ...now, outcome: 'interrupted', summary: left }
}

function notStarted(task: ReleaseTask): ReleaseResult {
  return {
    ...identity(task),
    outcome: 'not-started',
    revision: task.status?.revision ?? null,
    status: task.status?.status ?? null,
    summary: `${task.planned.release} was not changed.`,
  }
}

function refusal({ planned }: ReleaseTask, error: HelmError, reason: string): string {
  if (error.kind === 'pending' || error.kind === 'name-in-use')
    return `${planned.release} was not changed: another operation on it is in progress, probably another deploy.`
  return `${planned.release} was not changed: ${reason}`
}

/** What the release is now; unknown where the cluster no longer answers. */
async function newest(task: ReleaseTask): Promise<{ revision: number | null; status: string | null }> {
  const status = await task.helm.status(task.planned.release).catch((error: unknown) => {
    if (error instanceof HelmError) return undefined
    throw error
  })
  return { revision: status?.revision ?? null, status: status?.status ?? null }
}

function identity({ planned, namespace }: ReleaseTask) {
  return { release: planned.release, namespace, apps: [...planned.apps] }
}

function counted({ instances }: PlannedRelease): string {
  const [first] = instances
  const countries = [...new Set(instances.map(({ country }) => country))]
  const named = countries.length > 6 ? `${String(countries.length)} countries` : countries.join(', ')
  return `${first?.environment ?? ''} in ${named}`
}

/** ` (ImagePullBackOff in it, es)` */
function podReasons({ pods = [] }: Pick<ReleaseResult, 'pods'>): string {
  const reasons = [...new Set(pods.map(({ reason }) => reason))]
  if (reasons.length === 0) return ''
  const each = reasons.map(
    (reason) =>
      `${reason} in ${pods
        .filter((pod) => pod.reason === reason)
        .map(({ country }) => country)
        .join(', ')}`,
  )
  return ` (${each.join('; ')})`
}

function teller(release: string, progress: Progress) {
  return (state: 'start' | 'done' | 'failed' | 'warning' | 'note', text: string) => {
    progress({ kind: 'step', state, subject: release, text })
  }
}

function firstLine(text: string): string {
  return text.split('\n')[0] ?? text
}
