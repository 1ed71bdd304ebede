import type { Cluster, ObjectMeta } from './cluster.js'

const METADATA_ONLY = 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json'

/** A Secret in which helm keeps one revision of a release. */
export interface ReleaseRecord {
  release: string
  namespace: string
  revision: number
  status: string
  secret: string
}

/** The records of one release, or of all in a namespace, oldest revision first; their contents are not read. */
export async function releaseRecords(
  cluster: Cluster,
  namespace: string,
  release?: string,
): Promise<ReleaseRecord[]> {
  const secrets = await cluster.list<{ metadata: ObjectMeta }>({
    path: `/api/v1/namespaces/${namespace}/secrets`,
    query: { labelSelector: release === undefined ? 'owner=helm' : `owner=helm,name=${release}` },
    accept: METADATA_ONLY,
  })
  return secrets
    .map(({ metadata }) => ({
      release: metadata.labels?.['name'] ?? '',
      namespace,
      revision: Number(metadata.labels?.['version'] ?? 0),
      status: metadata.labels?.['status'] ?? 'unknown',
      secret: metadata.name,
    }))
    .sort((a, b) => a.release.localeCompare(b.release) || a.revision - b.revision)
}

/**
 * Deletes a release's records and nothing else: helm then knows the release no longer, and can never delete the
 * objects that another release has taken over.
 * @returns the names of the Secrets that were deleted
 */
export async function deleteReleaseRecords(
  cluster: Cluster,
  release: string,
  namespace: string,
): Promise<string[]> {
  const records = await releaseRecords(cluster, namespace, release)
  await Promise.all(
    records.map(async ({ secret }) =>
      cluster.find({ method: 'DELETE', path: `/api/v1/namespaces/${namespace}/secrets/${secret}` }),
    ),
  )
  return records.map(({ secret }) => secret)
}
