import type { V1Pod, V1Service } from '@kubernetes/client-node'

import type { Cluster, Wire } from '../../src/cluster/cluster.js'
import { endpointSlices } from '../../src/cluster/endpoint-slices.js'
import { waitFor } from './machine/wait.js'

/**
 * Waits until a Service leads to exactly the pods it selects, each of them ready and none on its way out. Controllers write that
 * down a moment after the pods have changed, and whoever asks meanwhile is led to a pod that is gone, or to none.
 */
export async function endpointsSettled(cluster: Cluster, namespace: string, service: string): Promise<void> {
  const root = `/api/v1/namespaces/${namespace}`
  await waitFor(
    { what: `Service ${service} to lead to its pods`, seconds: 180, intervalMs: 300 },
    async () => {
      const { spec } = await cluster.send<Wire<V1Service>>({ path: `${root}/services/${service}` })
      const labels = Object.entries(spec?.selector ?? {}).map(([name, value]) => `${name}=${value}`)
      const [pods, slices] = await Promise.all([
        cluster.list<Wire<V1Pod>>({ path: `${root}/pods`, query: { labelSelector: labels.join() } }),
        endpointSlices(cluster, { namespace, service }),
      ])
      const endpoints = slices.flatMap((slice) => slice.endpoints)
      const led = endpoints.map(({ targetRef }) => targetRef?.name ?? '').sort()
      const there = pods.map(({ metadata }) => metadata?.name ?? '').sort()
      const settled =
        there.length > 0 &&
        there.join() === led.join() &&
        pods.every(({ metadata }) => metadata?.deletionTimestamp === undefined) &&
        endpoints.every(({ conditions }) => conditions?.ready === true)
      if (!settled) throw new Error(`pods ${there.join()}, endpoints ${JSON.stringify(endpoints)}`)
      return true
    },
  )
}
