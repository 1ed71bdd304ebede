import type { Cluster } from '../cluster/cluster.js'
import type { ObjectMeta } from '../cluster/cluster.js'
import { deleteReleaseRecords } from '../cluster/release-records.js'
import type { Helm } from '../tools/helm.js'
import type { ForeignOwner } from './deploy-guard.js'
import type { PlannedRelease } from './deploy-plan.js'
import { type ManifestObject, manifestObjects, objectKey } from './manifest-objects.js'

/** A release that planned ones take objects from. */
export interface Adoption {
  from: { name: string; namespace: string }
  /** Names of the planned releases that take from it. */
  by: string[]
  /** What it owns and nobody takes over: it stays as it is, and no release manages it any more. */
  leftovers: ManifestObject[]
  /** Namespaces it owns, which must outlive its records. */
  namespaces: string[]
}

/**
 * Works out what becomes of the releases whose objects are taken over. Their records must go: an upgrade or
 * uninstall of the old release would otherwise delete what is no longer its own.
 */
export async function planAdoptions(
  helm: Helm,
  rendering: { chart: string; set: readonly string[]; kubeVersion: string | undefined },
  takers: readonly { planned: PlannedRelease; owners: readonly ForeignOwner[] }[],
): Promise<Adoption[]> {
  const rendered = new Set<string>()
  const adoptions = new Map<string, Adoption>()
  for (const { planned, owners } of takers) {
    const manifest = await helm.template(
      { release: planned.release, files: planned.files, ...rendering },
      { stdin: planned.stdin },
    )
    for (const object of manifestObjects(manifest)) rendered.add(objectKey(object))
    for (const { release } of owners) {
      if (release === undefined) continue
      const key = `${release.namespace}/${release.name}`
      const adoption = adoptions.get(key) ?? { from: release, by: [], leftovers: [], namespaces: [] }
      adoption.by.push(planned.release)
      adoptions.set(key, adoption)
    }
  }
  for (const adoption of adoptions.values()) {
    const old = await oldObjects(helm, adoption.from)
    adoption.leftovers = old.filter(
      (object) => object.kind !== 'Namespace' && !rendered.has(objectKey(object)),
    )
    adoption.namespaces = old.filter(({ kind }) => kind === 'Namespace').map(({ name }) => name)
  }
  return [...adoptions.values()]
}

/** What an adoption leaves behind, for people; nothing when all is taken over. */
export function leftoverNote({ from, leftovers }: Adoption): string | undefined {
  if (leftovers.length === 0) return undefined
  const names = leftovers.slice(0, 12).map((object) => objectKey(object))
  const rest = leftovers.length - names.length
  const more = rest > 0 ? ` and ${String(rest)} more` : ''
  return `Of release ${from.name}, these are not taken over and stay as they are, managed by no release: ${names.join(', ')}${more}.`
}

/** The commands that do what {@link removeRecords} does. */
export function removeRecordsCommand({ from }: Adoption): string {
  return `kubectl delete secret,configmap -n ${from.namespace} -l owner=helm,name=${from.name}`
}

/**
 * Deletes the records of a release, wherever helm keeps them (HELM_DRIVER), and nothing else.
 * @returns how many there were
 */
export async function removeRecords(
  cluster: Cluster,
  { name, namespace }: { name: string; namespace: string },
): Promise<number> {
  const path = `/api/v1/namespaces/${namespace}/configmaps`
  const query = { labelSelector: `owner=helm,name=${name}` }
  const secrets = await deleteReleaseRecords(cluster, name, namespace)
  if (process.env['HELM_DRIVER'] !== 'configmap') return secrets.length
  const records = await cluster.list<{ metadata: ObjectMeta }>({ path, query })
  for (const { metadata } of records)
    await cluster.find({ method: 'DELETE', path: `${path}/${metadata.name}` })
  return secrets.length + records.length
}

/** Nothing when its records are gone already: its objects may still carry its name. */
async function oldObjects(helm: Helm, from: { name: string; namespace: string }): Promise<ManifestObject[]> {
  const old = helm.inNamespace(from.namespace)
  if ((await old.status(from.name)) === undefined) return []
  return manifestObjects(await old.getManifest(from.name))
}
