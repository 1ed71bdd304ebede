import { printableLine } from '../printable.js'
import { statusFailure } from './access.js'
import type { Cluster, ObjectMeta } from './cluster.js'

/** The Service's port for TLS, with or without which the server speaks on the same one behind it. */
export const SERVER_PORT = 443

const API = '/apis/argoproj.io/v1alpha1'

interface WireSource {
  repoURL?: string
  targetRevision?: string
}

/** An Application, as far as k8sflow reads it (argo-cd's pkg/apis/application/v1alpha1/types.go). */
interface WireApplication {
  metadata: ObjectMeta
  spec?: {
    project?: string
    source?: WireSource
    /** Instead of the one. */
    sources?: WireSource[]
    syncPolicy?: { automated?: { enabled?: boolean } | null }
  }
  status?: {
    sync?: { status?: string; revision?: string }
    health?: { status?: string; message?: string }
    conditions?: { type?: string; message?: string }[]
    operationState?: { phase?: string; message?: string; finishedAt?: string }
  }
}

type Spec = NonNullable<WireApplication['spec']>

export interface Application {
  name: string
  namespace: string
  project: string
  repo: string
  /** The branch, tag or commit it follows. */
  revision: string
  /** Argo CD's word: `Synced`, `OutOfSync`; `Unknown` until it has looked. */
  sync: string
  /** Argo CD's word: `Healthy`, `Progressing`, `Degraded`, `Suspended`, `Missing`, `Unknown`. */
  health: string
  /** The commit it was last compared with. */
  commit: string | null
  /** When the last synchronisation ended. */
  syncedAt: string | null
  /** Whether Argo CD brings the cluster in line by itself. */
  automated: boolean
  /** What it complains about, a sentence each. */
  problems: string[]
}

/**
 * The Applications of a namespace.
 * @returns undefined where Argo CD is not installed
 * @throws ClusterAccessError when the user may not read them
 */
export async function applicationsIn(
  cluster: Cluster,
  namespace: string,
): Promise<Application[] | undefined> {
  const path = `${API}/namespaces/${namespace}/applications`
  const first = await cluster.exchange({ path, query: { limit: 1 } })
  if (first.status === 404) return undefined
  if (first.status >= 400) throw statusFailure(cluster, first)
  return (await cluster.list<WireApplication>({ path })).map((item) => application(item))
}

/**
 * The Applications of that name, in whatever namespace.
 * @returns `forbidden` where the user may not look for them; empty also where Argo CD is not installed
 */
export async function applicationsNamed(
  cluster: Cluster,
  name: string,
): Promise<readonly Application[] | 'forbidden'> {
  const query = { fieldSelector: `metadata.name=${name}` }
  const answer = await cluster.exchange({ path: `${API}/applications`, query })
  if (answer.status === 404) return []
  if (answer.status !== 200) return 'forbidden'
  const { items } = JSON.parse(answer.text) as { items: WireApplication[] | null }
  return (items ?? []).map((item) => application(item)).filter((found) => found.name === name)
}

/**
 * The Service of Argo CD's server where it is not called `argocd-server`: a release of its Helm chart puts its own
 * name before that, but labels it the same.
 */
export async function labelledServer(cluster: Cluster, namespace: string): Promise<string | undefined> {
  const services = await cluster.list<{ metadata: ObjectMeta; spec?: { ports?: { port: number }[] } }>({
    path: `/api/v1/namespaces/${namespace}/services`,
    query: { labelSelector: 'app.kubernetes.io/name=argocd-server' },
  })
  return services.find(({ spec }) => spec?.ports?.some(({ port }) => port === SERVER_PORT))?.metadata.name
}

/**
 * The password that Argo CD made for `admin` when it was installed.
 * @returns undefined where it is gone, as it should be once another one was set
 * @throws ClusterAccessError when the user may not read it
 */
export async function firstPassword(cluster: Cluster, namespace: string): Promise<string | undefined> {
  const secret = await cluster.find<{ data?: { password?: string } }>({
    path: `/api/v1/namespaces/${namespace}/secrets/argocd-initial-admin-secret`,
  })
  const password = secret?.data?.password
  return password === undefined ? undefined : printableLine(Buffer.from(password, 'base64').toString('utf8'))
}

function application({ metadata, spec = {}, status = {} }: WireApplication): Application {
  const { sync, health, operationState } = status
  return {
    name: metadata.name,
    namespace: metadata.namespace ?? '',
    project: spec.project ?? '',
    ...followed(spec),
    sync: text(sync?.status) || 'Unknown',
    health: text(health?.status) || 'Unknown',
    commit: text(sync?.revision) || null,
    syncedAt: operationState?.finishedAt ?? null,
    automated: isAutomated(spec.syncPolicy),
    problems: problems(status),
  }
}

function followed({ source, sources = [] }: Spec): Pick<Application, 'repo' | 'revision'> {
  const { repoURL, targetRevision } = source ?? sources[0] ?? {}
  return { repo: text(repoURL), revision: text(targetRevision) || 'HEAD' }
}

function isAutomated(policy: Spec['syncPolicy']): boolean {
  const automated = policy?.automated ?? undefined
  return automated !== undefined && automated.enabled !== false
}

function text(value: string | undefined): string {
  return printableLine(value ?? '')
}

function problems({
  health,
  conditions = [],
  operationState,
}: NonNullable<WireApplication['status']>): string[] {
  const failed = ['Failed', 'Error'].includes(operationState?.phase ?? '')
  return [
    ...conditions
      .filter(({ type = '' }) => /Error|Warning/.test(type))
      .map(({ type = '', message = '' }) => `${type}: ${message}`),
    ...(failed
      ? [`sync ${operationState?.phase?.toLowerCase() ?? ''}: ${operationState?.message ?? ''}`]
      : []),
    ...(health?.message === undefined || health.message === '' ? [] : [health.message]),
  ].map((problem) => text(problem).slice(0, 500))
}
