import type { V1EndpointSlice } from '@kubernetes/client-node'

import type { Cluster, Wire } from './cluster.js'

export type EndpointSlice = Wire<V1EndpointSlice>

/** What is behind a Service: a slice for each family of addresses, and more where there are many pods. */
export async function endpointSlices(
  cluster: Cluster,
  { namespace, service }: { namespace: string; service: string },
  limits: { timeoutMs?: number } = {},
): Promise<EndpointSlice[]> {
  const slices = await cluster.list<EndpointSlice>({
    path: `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`,
    query: { labelSelector: `kubernetes.io/service-name=${service}` },
    ...limits,
  })
  // Go writes an empty list as null.
  return slices.map((slice) => ({
    ...slice,
    endpoints: (slice.endpoints as EndpointSlice['endpoints'] | null) ?? [],
  }))
}
