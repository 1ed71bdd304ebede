import { FailedError } from '../errors.js'
import { commandLine } from '../tools/command-line.js'
import { listed } from './access.js'
import type { Cluster, ObjectMeta } from './cluster.js'
import { ApiStatusError } from './cluster.js'

export const FIELD_MANAGER = 'k8sflow'
const KEEP_ANNOTATION = 'helm.sh/resource-policy'
const MANAGED_BY = 'app.kubernetes.io/managed-by'
const POD_SECURITY = 'pod-security.kubernetes.io/enforce'

/** Labels of the namespaces k8sflow creates; those that others made keep their own. */
const NAMESPACE_LABELS = {
  [MANAGED_BY]: 'k8sflow',
  'app.kubernetes.io/part-of': 'we-road',
  [POD_SECURITY]: 'restricted',
  'pod-security.kubernetes.io/warn': 'restricted',
} as const

interface NamespaceObject {
  metadata: ObjectMeta
  status?: { conditions?: { type: string; status: string; message?: string }[] }
}

/** A namespace and whose it is. */
export interface NamespaceInfo {
  name: string
  exists: boolean
  /** Being deleted: nothing can be created in it until it is gone. */
  terminating: boolean
  createdByK8sflow: boolean
  /** The helm release that owns it, if one does. */
  release?: { name: string; namespace: string }
  /** Annotated so that helm never deletes it. */
  kept: boolean
  podSecurity?: string
  /** Why its deletion does not get on, as Kubernetes says. */
  stuck?: string
}

export interface AppliedNamespaces {
  /** Created now, or with `dryRun` to be created. */
  created: string[]
  /** Already there. */
  existing: string[]
  warnings: string[]
  /** What was done, or with `dryRun` would be, as kubectl commands. */
  commands: string[]
}

/** Says of each namespace whether it exists and whose it is, in the order of `names`. */
export async function namespaceOwners(cluster: Cluster, names: readonly string[]): Promise<NamespaceInfo[]> {
  const found = new Map(
    (await readNamespaces(cluster, names)).map((object) => [object.metadata.name, object]),
  )
  return names.map((name) => namespaceInfo(name, found.get(name)))
}

/**
 * Makes the namespaces that do not exist yet, with Pod Security `restricted`. Those that exist are left exactly as
 * they are, whoever made them; one that enforces no `restricted` is worth a warning.
 * @throws FailedError when one of them is just being deleted
 */
export async function applyNamespaces(
  cluster: Cluster,
  names: readonly string[],
  options: { dryRun?: boolean } = {},
): Promise<AppliedNamespaces> {
  const infos = await namespaceOwners(cluster, [...new Set(names)])
  const terminating = infos.filter((info) => info.terminating).map((info) => info.name)
  if (terminating.length > 0)
    throw new FailedError(
      `Being deleted, so nothing can be created in it: namespace ${listed(terminating)}.`,
      {
        code: 'NAMESPACE_TERMINATING',
        suggestions: [`Wait until it is gone: kubectl wait --for=delete namespace/${terminating[0] ?? ''}`],
        data: { namespaces: terminating },
      },
    )
  const missing = infos.filter((info) => !info.exists).map((info) => info.name)
  const existing = infos.filter((info) => info.exists)
  if (options.dryRun !== true) await Promise.all(missing.map(async (name) => create(cluster, name)))
  return {
    created: missing,
    existing: existing.map((info) => info.name),
    warnings: podSecurityWarnings(existing),
    commands: missing.map((name) => applyCommand(name)),
  }
}

/**
 * Annotates existing namespaces that a helm release owns, so that helm keeps them whatever it renders; the
 * annotation must be on the live object before helm runs (facts, part 2, §1).
 * @returns the names that were annotated now, or with `dryRun` would be
 */
export async function keepNamespaces(
  cluster: Cluster,
  names: readonly string[],
  options: { dryRun?: boolean } = {},
): Promise<{ annotated: string[]; commands: string[] }> {
  const infos = await namespaceOwners(cluster, [...new Set(names)])
  const owned = infos.filter((info) => info.exists && info.release !== undefined && !info.kept)
  const annotated = owned.map((info) => info.name)
  if (options.dryRun !== true) await Promise.all(annotated.map(async (name) => annotateKeep(cluster, name)))
  return {
    annotated,
    commands: annotated.map((name) =>
      commandLine('kubectl', ['annotate', '--overwrite', 'namespace', name, `${KEEP_ANNOTATION}=keep`]),
    ),
  }
}

/**
 * Deletes namespaces with all they hold, and waits until they are gone.
 * @returns the names still there when the time was up, and why
 */
export async function deleteNamespaces(
  cluster: Cluster,
  names: readonly string[],
  options: { timeoutMs: number; pollMs?: number },
): Promise<{ remaining: string[]; reason?: string }> {
  await Promise.all(
    names.map(async (name) => cluster.find({ method: 'DELETE', path: `/api/v1/namespaces/${name}` })),
  )
  const until = Date.now() + options.timeoutMs
  let remaining = [...names]
  for (;;) {
    const infos = await namespaceOwners(cluster, remaining)
    remaining = infos.filter((info) => info.exists).map((info) => info.name)
    const reason = infos.find((info) => info.stuck !== undefined)?.stuck
    if (remaining.length === 0) return { remaining }
    if (Date.now() >= until) return { remaining, ...(reason === undefined ? {} : { reason }) }
    await new Promise((resolve) => setTimeout(resolve, options.pollMs ?? 1000))
  }
}

/** One list when that is allowed, else one request each: a user may be allowed to see only these namespaces. */
async function readNamespaces(cluster: Cluster, names: readonly string[]): Promise<NamespaceObject[]> {
  if (names.length > 1) {
    const answer = await cluster.exchange({ path: '/api/v1/namespaces' })
    if (answer.status === 200) {
      const all = (JSON.parse(answer.text) as { items: NamespaceObject[] }).items
      return all.filter((object) => names.includes(object.metadata.name))
    }
  }
  const found = await Promise.all(
    names.map(async (name) => cluster.find<NamespaceObject>({ path: `/api/v1/namespaces/${name}` })),
  )
  return found.filter((object) => object !== undefined)
}

function namespaceInfo(name: string, object: NamespaceObject | undefined): NamespaceInfo {
  const labels = object?.metadata.labels ?? {}
  const annotations = object?.metadata.annotations ?? {}
  const release = annotations['meta.helm.sh/release-name']
  const podSecurity = labels[POD_SECURITY]
  const stuck = object?.status?.conditions?.find(({ status }) => status === 'True')?.message
  return {
    name,
    exists: object !== undefined,
    terminating: object?.metadata.deletionTimestamp !== undefined,
    createdByK8sflow: labels[MANAGED_BY] === 'k8sflow',
    kept: annotations[KEEP_ANNOTATION] === 'keep',
    ...(podSecurity === undefined ? {} : { podSecurity }),
    ...(stuck === undefined ? {} : { stuck }),
    ...(release === undefined
      ? {}
      : { release: { name: release, namespace: annotations['meta.helm.sh/release-namespace'] ?? '' } }),
  }
}

function namespaceObject(name: string) {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels: NAMESPACE_LABELS } }
}

/** Server-side apply, so that two deploys at once may both create it; what others added stays. */
async function create(cluster: Cluster, name: string): Promise<void> {
  try {
    await cluster.send({
      method: 'PATCH',
      path: `/api/v1/namespaces/${name}`,
      query: { fieldManager: FIELD_MANAGER, force: true },
      contentType: 'application/apply-patch+yaml',
      body: namespaceObject(name),
    })
  } catch (error) {
    if (!(error instanceof ApiStatusError)) throw error
    throw new FailedError(`Namespace ${name} could not be created: ${error.message}`, {
      code: 'NAMESPACE_NOT_CREATED',
      cause: error,
      data: { namespace: name, status: error.status },
    })
  }
}

async function annotateKeep(cluster: Cluster, name: string): Promise<void> {
  await cluster.find({
    method: 'PATCH',
    path: `/api/v1/namespaces/${name}`,
    query: { fieldManager: FIELD_MANAGER },
    contentType: 'application/merge-patch+json',
    body: { metadata: { annotations: { [KEEP_ANNOTATION]: 'keep' } } },
  })
}

function podSecurityWarnings(existing: readonly NamespaceInfo[]): string[] {
  const lax = existing.filter((info) => info.podSecurity !== 'restricted' && /^we-road-/.test(info.name))
  if (lax.length === 0) return []
  const names = lax.map((info) => info.name)
  return [
    `Pod Security "restricted" is not enforced in ${listed(names)}, which k8sflow did not create and leaves as it is. ` +
      `To enforce it: kubectl label namespace ${names.join(' ')} ${POD_SECURITY}=restricted`,
  ]
}

function applyCommand(name: string): string {
  const object = commandLine('echo', [JSON.stringify(namespaceObject(name))])
  return `${object} | kubectl apply --server-side --field-manager=${FIELD_MANAGER} -f -`
}
