import { setTimeout as sleep } from 'node:timers/promises'

import type { Cluster } from '../cluster/cluster.js'
import { deploymentName } from '../values/contract.js'
import type { AppSample } from './loadtest-result.js'
import type { LoadtestTarget } from './loadtest-targets.js'

/** Autoscalers look every 15 s and metrics-server as often: more would cost a Pi and show nothing new. */
const SAMPLE_MS = 3000

/** Looks at the targets now: their Deployments, autoscalers, and the CPU of their pods; one request for each. */
export async function sampleApps(cluster: Cluster, targets: readonly LoadtestTarget[]): Promise<AppSample[]> {
  const [{ workloads }, { podCpu }] = await Promise.all([
    import('../cluster/workloads.js'),
    import('../cluster/pod-cpu.js'),
  ])
  const [running, used] = await Promise.all([
    workloads(cluster, { countries: [...new Set(targets.map(({ country }) => country))], hosts: false }),
    // metrics-server may be there and not answer; replicas are still worth seeing.
    podCpu(cluster, targets).catch(() => undefined),
  ])
  return targets.map(({ name }) => {
    const workload = running.find(({ app, country }) => deploymentName(app, country) === name)
    return {
      name,
      replicas: workload?.replicas ?? 0,
      ready: workload?.ready ?? 0,
      cpu: workload?.autoscaling?.currentCpu ?? null,
      cpuMillicores: used === undefined ? null : Math.round((used.get(name) ?? 0) * 10) / 10,
    }
  })
}

export interface Watch {
  /** Why the last look failed, when it did. */
  problem(): string | undefined
  /** How many looks failed. */
  failed(): number
  /** Ends the watching, once the look that is under way is over. */
  stop(): Promise<void>
}

/** Looks at the targets every few seconds until it is stopped. A look that fails is left out: the load goes on. */
export function watchApps(
  cluster: Cluster,
  targets: readonly LoadtestTarget[],
  onSample: (apps: AppSample[]) => void,
  intervalMs = SAMPLE_MS,
): Watch {
  const controller = new AbortController()
  let problem: string | undefined
  let failed = 0
  const looking = (async () => {
    while (!controller.signal.aborted) {
      try {
        onSample(await sampleApps(cluster, targets))
      } catch (error) {
        problem = (error as Error).message
        failed += 1
      }
      await sleep(intervalMs, undefined, { signal: controller.signal }).catch(() => undefined)
    }
  })()
  return {
    problem: () => problem,
    failed: () => failed,
    stop: async () => {
      controller.abort()
      await looking
    },
  }
}

/** Whether every target that is scaled is back at its minimum, its other pods gone. */
export function scaledDown(targets: readonly LoadtestTarget[], apps: readonly AppSample[]): boolean {
  return targets.every(({ name, autoscaling }) => {
    const now = apps.find((sample) => sample.name === name)
    if (autoscaling === undefined || now === undefined) return true
    return now.replicas <= autoscaling.minReplicas && now.ready <= autoscaling.minReplicas
  })
}
