import type { Cluster } from '../../src/cluster/cluster.js'
import { waitFor } from './machine/wait.js'

/** A kind that a CustomResourceDefinition adds. */
export interface CustomKind {
  group: string
  version: string
  plural: string
}

interface Discovery {
  items: {
    metadata: { name: string }
    versions: { version: string; resources?: { resource: string }[] }[]
  }[]
}

/**
 * Waits until the API server serves new kinds and lists them for helm to find. Both come a moment after the definition has the
 * condition `Established`, and not at the same time.
 */
export async function kindsServed(cluster: Cluster, kinds: readonly CustomKind[]): Promise<void> {
  for (const { group, version, plural } of kinds)
    await waitFor({ what: `${plural}.${group} to be served`, seconds: 180, intervalMs: 200 }, async () => {
      const { status, text } = await cluster.exchange({
        path: `/apis/${group}/${version}/${plural}`,
        query: { limit: 1 },
      })
      if (status !== 200) throw new Error(text)
      const accept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList'
      const { items } = JSON.parse((await cluster.exchange({ path: '/apis', accept })).text) as Discovery
      return items
        .find(({ metadata }) => metadata.name === group)
        ?.versions.find((candidate) => candidate.version === version)
        ?.resources?.some(({ resource }) => resource === plural)
    })
}
