import type { Cluster } from '../cluster/cluster.js'
import { recentEvents } from '../cluster/events.js'
import { podLogTail, type PodState } from '../cluster/pods.js'
import type { Progress } from '../progress.js'
import { countryNamespace } from '../values/contract.js'
import { type Instance, instanceName } from './deploy-plan.js'
import type { FailedPod } from './deploy-result.js'
import { plainMessage, podsOf } from './deploy-watch.js'
import { forEachLimited } from './limited.js'

const LOG_LINES = 20
const EVENTS = 8
/** Pods shown in full; one cause usually fails them all, and two hundred countries would hide it. */
const SHOWN = 6

/**
 * Finds out why apps did not come up: every pod that is not ready, its reason, last log lines and events. Asked
 * before anything is rolled back, since that deletes the pods and what they could tell.
 */
export async function examineFailure(cluster: Cluster, instances: readonly Instance[]): Promise<FailedPod[]> {
  const found: FailedPod[] = []
  await forEachLimited(instances, 4, async (instance) => {
    if (found.length >= SHOWN) return
    const pods = await podsOf(cluster, [instance]).catch(() => [])
    const unwell = pods.filter((pod) => !pod.ready && !pod.terminating)
    const [newest] = unwell.sort((a, b) => b.createdAt.localeCompare(a.createdAt))
    if (newest !== undefined) found.push(await examinePod(cluster, instance, newest))
    else if (pods.length === 0) {
      const without = await examineMissing(cluster, instance)
      if (without !== undefined) found.push(without)
    }
  })
  return found.slice(0, SHOWN)
}

/** Shows what was found, for people. */
export function reportFailure(pods: readonly FailedPod[], progress: Progress): void {
  for (const { app, country, name, reason, message, log, events } of pods) {
    const subject = `${app}/${country}`
    progress({
      kind: 'step',
      state: 'failed',
      subject,
      text: `pod ${name} is not ready: ${reason}${message === '' ? '' : ` (${message})`}`,
    })
    if (log.length > 0) progress({ kind: 'lines', title: `Last log lines of ${name}:`, lines: log })
    if (events.length > 0) progress({ kind: 'lines', title: `Events of ${app}-${country}:`, lines: events })
  }
}

async function examinePod(cluster: Cluster, instance: Instance, pod: PodState): Promise<FailedPod> {
  const place = { namespace: pod.namespace, name: pod.name, container: pod.container }
  const current = await podLogTail(cluster, place, LOG_LINES).catch(() => [])
  // A container that was just started again has said nothing yet; how its last run ended is the question.
  const log =
    current.length === 0 && pod.restarts > 0
      ? await podLogTail(cluster, place, LOG_LINES, { previous: true }).catch(() => [])
      : current
  return {
    app: instance.app,
    country: instance.country,
    name: pod.name,
    reason: pod.problem?.reason ?? 'NotReady',
    message:
      pod.problem === undefined
        ? `phase ${pod.phase}, its readiness probe does not succeed`
        : plainMessage(pod.problem),
    log,
    events: await eventLines(cluster, instance, pod.name),
  }
}

/** No pod at all: a quota, Pod Security or an admission webhook refused it, which only events tell. */
async function examineMissing(cluster: Cluster, instance: Instance): Promise<FailedPod | undefined> {
  const events = await eventLines(cluster, instance, instanceName(instance))
  if (!events.some((line) => line.startsWith('Warning'))) return undefined
  return {
    app: instance.app,
    country: instance.country,
    name: instanceName(instance),
    reason: 'NoPods',
    message: 'no pod was created',
    log: [],
    events,
  }
}

async function eventLines(cluster: Cluster, instance: Instance, object: string): Promise<string[]> {
  const namespace = countryNamespace(instance.country)
  const events = await recentEvents(cluster, namespace, object, EVENTS).catch(() => [])
  return events.map(
    ({ type, reason, message, count }) =>
      `${type} ${reason}: ${message}${count > 1 ? ` (${String(count)} times)` : ''}`,
  )
}
