import { setTimeout as pause } from 'node:timers/promises'

import type { Cluster } from '../cluster/cluster.js'
import { podStates, type PodState } from '../cluster/pods.js'
import type { Progress } from '../progress.js'
import { countryNamespace } from '../values/contract.js'
import { type Instance, instanceName } from './deploy-plan.js'
import { forEachLimited } from './limited.js'

const PAUSE_MS = 2000
const AT_ONCE = 4
const MESSAGE_LENGTH = 160
const PROBLEM = ' pods ready, '

/**
 * Reports the pods of every app and country, a line per change, until it is told to stop. One request per country
 * and round; a failed one is left out, since this only watches.
 */
export function watchPods(
  cluster: Cluster,
  instances: readonly Instance[],
  progress: Progress,
  pauseMs = PAUSE_MS,
): { stop: () => Promise<void> } {
  const stopped = new AbortController()
  const told = new Map<string, string[]>()
  const countries = [...new Set(instances.map(({ country }) => country))]
  const round = async () =>
    forEachLimited(countries, AT_ONCE, async (country) => {
      if (stopped.signal.aborted) return
      const here = instances.filter((instance) => instance.country === country)
      const pods = await podsOf(cluster, here).catch(() => undefined)
      if (pods === undefined || stopped.signal.aborted) return
      for (const instance of here) {
        const text = describePods(pods.filter(({ app }) => app === instanceName(instance)))
        const subject = `${instance.app}/${instance.country}`
        const before = told.get(subject) ?? []
        if (text === undefined || isOldNews(text, before)) continue
        told.set(subject, [...before, text])
        progress({ kind: 'step', state: 'progress', subject, text })
      }
    })
  const watching = (async () => {
    while (!stopped.signal.aborted) {
      await pause(pauseMs, undefined, { signal: stopped.signal }).catch(() => undefined)
      if (!stopped.signal.aborted) await round()
    }
  })()
  return {
    stop: async () => {
      stopped.abort()
      await watching
    },
  }
}

/** A crashing pod alternates between a few states until the time is up: each is told once, and progress always. */
function isOldNews(text: string, before: readonly string[]): boolean {
  return before.at(-1) === text || (text.includes(PROBLEM) && before.includes(text))
}

/** The pods of apps that share a country. */
export async function podsOf(cluster: Cluster, instances: readonly Instance[]): Promise<PodState[]> {
  const [first] = instances
  if (first === undefined) return []
  const selector = `app in (${instances.map((instance) => instanceName(instance)).join(',')})`
  return podStates(cluster, countryNamespace(first.country), selector)
}

/** `1/2 pods ready, ImagePullBackOff: …`; undefined while there are no pods. */
export function describePods(pods: readonly PodState[]): string | undefined {
  const alive = pods.filter(({ terminating }) => !terminating)
  if (alive.length === 0) return undefined
  const ready = alive.filter((pod) => pod.ready).length
  const problem = alive.find((pod) => !pod.ready && pod.problem !== undefined)?.problem
  const counted = `${String(ready)}/${String(alive.length)} pods ready`
  const message = problem === undefined ? '' : shortened(plainMessage(problem))
  return problem === undefined ? counted : `${counted}, ${problem.reason}${message}`
}

/** A problem's message without the ids that Kubernetes puts into it, and without the growing back-off times. */
export function plainMessage({ message }: { message: string }): string {
  return message
    .replaceAll(/back-off \S+ restarting failed container=\S+ pod=[^\s;]+/g, 'restarted again and again')
    .replaceAll(/\s+/g, ' ')
    .trim()
}

function shortened(line: string): string {
  if (line === '') return ''
  return `: ${line.length > MESSAGE_LENGTH ? `${line.slice(0, MESSAGE_LENGTH - 1)}…` : line}`
}
