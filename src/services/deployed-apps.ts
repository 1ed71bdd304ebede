import type { Cluster } from '../cluster/cluster.js'
import type { Workload } from '../cluster/workloads.js'
import { countryNamespace } from '../values/contract.js'
import { instanceName, type PlannedInstance } from './deploy-plan.js'
import type { DeployedApp, PingResult, ReleaseResult } from './deploy-result.js'

/** Looks at what runs after a deployment, in the order of the plan. */
export async function deployedApps(
  cluster: Cluster,
  found: {
    instances: readonly (PlannedInstance & { release: string })[]
    releases: readonly ReleaseResult[]
    pings: ReadonlyMap<string, PingResult>
  },
): Promise<DeployedApp[]> {
  const { workloads } = await import('../cluster/workloads.js')
  const countries = [...new Set(found.instances.map(({ country }) => country))]
  // How it ended is known; that it cannot be looked at now must not hide it.
  const now = await workloads(cluster, { countries }).catch((): Workload[] => [])
  return found.instances.map((instance) => {
    const { app, country, release } = instance
    const workload = now.find((candidate) => candidate.app === app && candidate.country === country)
    return {
      app,
      country,
      namespace: countryNamespace(country),
      release,
      revision: found.releases.find((result) => result.release === release)?.revision ?? null,
      ping: found.pings.get(instanceName(instance)) ?? null,
      ...asItRuns(instance, workload),
    }
  })
}

function asItRuns({ environment, tls }: PlannedInstance, workload: Workload | undefined) {
  if (workload === undefined) return { environment, ready: 0, desired: 0, image: '', url: '' }
  const [host] = workload.hosts
  return {
    environment: workload.environment ?? environment,
    ready: workload.ready,
    desired: workload.replicas,
    image: workload.image,
    url: host === undefined ? '' : `${tls ? 'https' : 'http'}://${host}`,
  }
}
