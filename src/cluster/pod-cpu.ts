import { deploymentName } from '../values/contract.js'
import type { Cluster, ObjectMeta } from './cluster.js'
import { parseQuantity } from './quantity.js'

/** One app in one country. */
interface Place {
  app: string
  country: string
  namespace: string
}

interface PodMetrics {
  metadata: ObjectMeta
  containers?: { name: string; usage?: { cpu?: string } }[]
}

/**
 * The CPU that the apps use now, their pods together and sidecars left out, as metrics-server has it: some seconds old.
 * @returns millicores by `app1-it`; undefined when the cluster has no metrics, or the user may not read them
 */
export async function podCpu(
  cluster: Cluster,
  places: readonly Place[],
): Promise<Map<string, number> | undefined> {
  const names = places.map(({ app, country }) => deploymentName(app, country))
  const answer = await cluster.exchange({
    path: '/apis/metrics.k8s.io/v1beta1/pods',
    query: { labelSelector: `app in (${names.join(',')})` },
    timeoutMs: 5000,
  })
  if (answer.status !== 200) return undefined
  const { items = [] } = JSON.parse(answer.text) as { items?: PodMetrics[] }
  return new Map(
    places.map(({ app, country, namespace }) => {
      const name = deploymentName(app, country)
      const used = items
        .filter(({ metadata }) => metadata.namespace === namespace && metadata.name.startsWith(`${name}-`))
        .flatMap(({ containers = [] }) => containers.filter((container) => container.name === name))
        .map(({ usage }) => 1000 * (parseQuantity(usage?.cpu ?? '') ?? 0))
      return [name, used.reduce((sum, each) => sum + each, 0)] as const
    }),
  )
}
