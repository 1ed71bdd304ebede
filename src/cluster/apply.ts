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
  const { apiVersion, kind, metadata } = object
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`
  const place = metadata.namespace === undefined ? '' : `/namespaces/${metadata.namespace}`
  try {
    await cluster.send({
      method: 'PATCH',
      path: `${root}${place}/${plural}/${metadata.name}`,
      query: { fieldManager: FIELD_MANAGER, force: options.force },
      contentType: 'application/apply-patch+yaml',
      body: object,
    })
  } catch (error) {
    if (!(error instanceof ApiStatusError)) throw error
    const name = [metadata.namespace, metadata.name].filter(Boolean).join('/')
    throw new FailedError(`${kind} ${name} could not be applied: ${error.message}`, {
      code: 'NOT_APPLIED',
      cause: error,
      suggestions:
        error.status === 409
          ? ['Somebody else has changed it. If that is not wanted, delete it and run this again.']
          : [],
      data: { kind, name, status: error.status },
    })
  }
}
