import type { V1Deployment } from '@kubernetes/client-node'

import type { Cluster, Wire } from './cluster.js'
import { endpointSlices } from './endpoint-slices.js'

const TIMEOUT_MS = 5000

/**
 * Whether only pods of a Deployment's newest revision are left behind its Service. helm ends its waiting as soon as the new
 * ones are ready; the old ones may go on answering until the controllers have caught up. True where that cannot be seen.
 */
export async function isRolledOut(
  cluster: Cluster,
  { namespace, deployment, service }: { namespace: string; deployment: string; service: string },
): Promise<boolean> {
  try {
    const found = await cluster.find<Wire<V1Deployment>>({
      path: `/apis/apps/v1/namespaces/${namespace}/deployments/${deployment}`,
      timeoutMs: TIMEOUT_MS,
    })
    const { observedGeneration, replicas = 0, updatedReplicas = 0 } = found?.status ?? {}
    if (observedGeneration === undefined) return true
    if (observedGeneration < (found?.metadata?.generation ?? 0) || updatedReplicas < replicas) return false
    const slices = await endpointSlices(cluster, { namespace, service }, { timeoutMs: TIMEOUT_MS })
    const ready = slices.map(({ endpoints }) =>
      endpoints.filter(({ conditions }) => conditions?.ready !== false),
    )
    // Of each family of addresses there is a slice of its own.
    return ready.every(({ length }) => length <= replicas)
  } catch {
    return true
  }
}
