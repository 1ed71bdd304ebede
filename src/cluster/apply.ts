import { FailedError } from '../errors.js'
import type { Cluster, ObjectMeta } from './cluster.js'
import { ApiStatusError } from './cluster.js'
import { FIELD_MANAGER } from './namespaces.js'

/** A whole object, as it is applied. */
export interface KubernetesObject {
  apiVersion: string
  kind: string
  metadata: ObjectMeta
  [field: string]: unknown
}

/**
 * Makes an object, or changes it to what is given, by server-side apply as `k8sflow`; fields of others stay.
 * @param plural what the kind is called in paths, such as `secrets`
 * @param options `force` takes over fields that others have set; without it they are a conflict
 * @throws FailedError when the API server refuses it, a conflict included
 */
export async function applyObject(
  cluster: Cluster,
  plural: string,
  object: KubernetesObject,
  options: { force: boolean },
): Promise<void> {
  try {
    await cluster.send({
      method: 'PATCH',
      path: objectPath(plural, object),
      query: { fieldManager: FIELD_MANAGER, force: options.force },
      contentType: 'application/apply-patch+yaml',
      body: object,
    })
  } catch (error) {
    throw notApplied(object, error)
  }
}

/**
 * Makes an object unless there is one of its name: of several that try at once the API server lets one.
 * @returns whether it was made
 * @throws FailedError when the API server refuses it for another reason
 */
export async function createObject(
  cluster: Cluster,
  plural: string,
  object: KubernetesObject,
): Promise<boolean> {
  return unlessStatus([409], object, async () =>
    cluster.send({
      method: 'POST',
      path: listPath(plural, object),
      query: { fieldManager: FIELD_MANAGER },
      body: object,
    }),
  )
}

/**
 * Changes the named fields of an object, null removes one, unless it is no longer the version that was read.
 * @param change names the version as `metadata.resourceVersion`
 * @returns whether it was changed
 * @throws FailedError when the API server refuses it for another reason
 */
export async function changeObject(
  cluster: Cluster,
  plural: string,
  change: KubernetesObject,
): Promise<boolean> {
  return unlessStatus([404, 409], change, async () =>
    cluster.send({
      method: 'PATCH',
      path: objectPath(plural, change),
      query: { fieldManager: FIELD_MANAGER },
      contentType: 'application/merge-patch+json',
      body: change,
    }),
  )
}

/** Whether what was sent was done, or answered with one of these. */
async function unlessStatus(
  statuses: readonly number[],
  object: KubernetesObject,
  send: () => Promise<unknown>,
): Promise<boolean> {
  try {
    await send()
    return true
  } catch (error) {
    if (error instanceof ApiStatusError && statuses.includes(error.status)) return false
    throw notApplied(object, error)
  }
}

function listPath(plural: string, { apiVersion, metadata }: KubernetesObject): string {
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`
  const place = metadata.namespace === undefined ? '' : `/namespaces/${metadata.namespace}`
  return `${root}${place}/${plural}`
}

function objectPath(plural: string, object: KubernetesObject): string {
  return `${listPath(plural, object)}/${object.metadata.name}`
}

function notApplied({ kind, metadata }: KubernetesObject, error: unknown): unknown {
  if (!(error instanceof ApiStatusError)) return error
  const name = [metadata.namespace, metadata.name].filter(Boolean).join('/')
  return new FailedError(`${kind} ${name} could not be applied: ${error.message}`, {
    code: 'NOT_APPLIED',
    cause: error,
    suggestions:
      error.status === 409
        ? ['Somebody else has changed it. If that is not wanted, delete it and run this again.']
        : [],
    data: { kind, name, status: error.status },
  })
}
