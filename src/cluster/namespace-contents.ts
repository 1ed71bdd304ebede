import type { Cluster, ObjectMeta } from './cluster.js'

const AGGREGATED_DISCOVERY =
  'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json'
const METADATA_ONLY = 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json'
const AT_ONCE = 8

/** An object in a namespace that belongs to none of the releases about to go. */
export interface ForeignObject {
  namespace: string
  kind: string
  name: string
  /** The helm release it belongs to, if to any. */
  release?: string
}

/** One kind of object that lives in namespaces. */
interface Resource {
  path: string
  plural: string
  kind: string
}

interface Discovery {
  items?: {
    metadata?: { name?: string }
    versions?: {
      version: string
      resources?: {
        resource: string
        scope: string
        verbs: string[]
        responseKind?: { kind?: string }
      }[]
    }[]
  }[]
}

/** What every namespace has of itself, or what is only a trace of something else that is listed too. */
const OF_THE_NAMESPACE: readonly RegExp[] = [
  /^ConfigMap\/kube-root-ca\.crt$/,
  /^ServiceAccount\/default$/,
  /^(Event|Endpoints|EndpointSlice|Lease|PodMetrics|ControllerRevision)\//,
]

/**
 * Everything in a namespace, of every kind the cluster knows, but what the namespace has of itself, what belongs to
 * one of the releases `own`, and what another object owns (that one is listed, or belongs to the release).
 */
export async function foreignObjects(
  cluster: Cluster,
  namespace: string,
  own: readonly { name: string; namespace: string }[],
): Promise<ForeignObject[]> {
  const resources = await namespacedResources(cluster)
  const found: ForeignObject[] = []
  const queue = resources.values()
  const worker = async () => {
    for (const resource of queue) {
      const answer = await cluster.exchange({
        path: `${resource.path}/namespaces/${namespace}/${resource.plural}`,
        accept: METADATA_ONLY,
      })
      // A broken aggregated API (503) has no objects to lose here; being refused a look is another matter.
      if (answer.status === 403) {
        found.push({ namespace, kind: resource.kind, name: '(not allowed to look)' })
        continue
      }
      if (answer.status !== 200) continue
      const { items } = JSON.parse(answer.text) as { items: { metadata: ObjectMeta }[] | null }
      // Go writes an empty list of metadata as null.
      found.push(...(items ?? []).flatMap(({ metadata }) => foreign(namespace, resource.kind, metadata, own)))
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
  return found.sort((a, b) => a.kind.localeCompare(b.kind) || a.name.localeCompare(b.name))
}

/** A certificate that `k8sflow tls` made for an app, or cert-manager for a Certificate, which is listed itself. */
function isTrace(kind: string, { labels = {}, annotations = {} }: ObjectMeta): boolean {
  return (
    kind === 'Secret' &&
    (labels['k8sflow.io/certificate'] !== undefined ||
      annotations['cert-manager.io/certificate-name'] !== undefined)
  )
}

function foreign(
  namespace: string,
  kind: string,
  metadata: ObjectMeta,
  own: readonly { name: string; namespace: string }[],
): ForeignObject[] {
  const { name, annotations = {}, ownerReferences = [] } = metadata
  if (ownerReferences.length > 0 || isTrace(kind, metadata)) return []
  if (OF_THE_NAMESPACE.some((pattern) => pattern.test(`${kind}/${name}`))) return []
  const release = annotations['meta.helm.sh/release-name']
  const place = annotations['meta.helm.sh/release-namespace']
  if (own.some((doomed) => doomed.name === release && doomed.namespace === place)) return []
  return [{ namespace, kind, name, ...(release === undefined ? {} : { release }) }]
}

/** Every kind that lives in namespaces and can be listed and deleted; of each group, the preferred version. */
async function namespacedResources(cluster: Cluster): Promise<Resource[]> {
  const [core, groups] = await Promise.all([
    cluster.send<Discovery>({ path: '/api', accept: AGGREGATED_DISCOVERY }),
    cluster.send<Discovery>({ path: '/apis', accept: AGGREGATED_DISCOVERY }),
  ])
  return [...(core.items ?? []), ...(groups.items ?? [])].flatMap(({ metadata, versions = [] }) => {
    const group = metadata?.name ?? ''
    const seen = new Set<string>()
    return versions.flatMap(({ version, resources = [] }) =>
      resources.flatMap(({ resource, scope, verbs, responseKind }) => {
        const usable = scope === 'Namespaced' && verbs.includes('list') && verbs.includes('delete')
        if (!usable || seen.has(resource)) return []
        seen.add(resource)
        const path = group === '' ? `/api/${version}` : `/apis/${group}/${version}`
        return [{ path, plural: resource, kind: responseKind?.kind ?? resource }]
      }),
    )
  })
}
