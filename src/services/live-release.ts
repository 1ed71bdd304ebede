import type { Helm } from '../tools/helm.js'
import type { ReleaseRevision, ReleaseStatus } from '../tools/helm-output.js'
import { type ManifestObject, manifestObjects } from './manifest-objects.js'

/** A release as it is now. */
export interface LiveRelease {
  name: string
  /** Where its records are, or will be. */
  namespace: string
  status: ReleaseStatus | undefined
  /** Read only where the release is unfinished; empty otherwise. */
  history: readonly ReleaseRevision[]
  /** What its newest revision consists of. */
  objects: readonly ManifestObject[]
}

/** Looks for a release in several namespaces, the first of which is where a new one goes. */
export async function readLiveRelease(
  helm: Helm,
  name: string,
  namespaces: readonly string[],
): Promise<LiveRelease> {
  const places = await Promise.all(
    namespaces.map(async (namespace) => ({
      namespace,
      status: await helm.inNamespace(namespace).status(name),
    })),
  )
  const place = places.find(({ status }) => status !== undefined)
  if (place?.status === undefined) return absentRelease(name, namespaces)
  const { namespace, status } = place
  const here = helm.inNamespace(namespace)
  const [manifest, history] = await Promise.all([
    here.getManifest(name),
    status.status === 'deployed' ? [] : here.history(name),
  ])
  return { name, namespace, status, history, objects: manifestObjects(manifest) }
}

/** A release that is not there yet. */
export function absentRelease(name: string, namespaces: readonly string[]): LiveRelease {
  return { name, namespace: namespaces[0] ?? '', status: undefined, history: [], objects: [] }
}
