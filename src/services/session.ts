import type { Need } from '../cluster/access.js'
import { type Cluster, pinnedContext } from '../cluster/cluster.js'
import type { Progress } from '../progress.js'
import type { Helm } from '../tools/helm.js'
import { RELEASE_NAMESPACE } from '../values/contract.js'
import { checkNamespace } from './namespace.js'

/** Which cluster, and where release records live; what the flags of `cluster()` say. */
export interface ClusterChoice {
  kubeconfig?: string | undefined
  context?: string | undefined
  namespace?: string | undefined
  release?: string | undefined
}

/** A cluster that answers and a helm that speaks to the same one. */
export interface Session {
  cluster: Cluster
  helm: Helm
  /** The API server's version, such as `v1.37.2`. */
  serverVersion: string
  /** Where k8sflow keeps its release records. */
  releaseNamespace: string
  /** Where it looks for releases: also in the context's own namespace, where the old tool's are, unless told where. */
  searchedNamespaces: string[]
}

/**
 * Connects to the cluster, checks that the user may do what is needed, and finds helm, which is given the very
 * context the cluster was reached by.
 * @throws InvalidInputError, ClusterAccessError or MissingProgramError
 */
export async function openSession(
  choice: ClusterChoice,
  progress: Progress,
  needs: readonly Need[] = [],
): Promise<Session> {
  checkNamespace(choice.namespace)
  const cluster = await connectTo(choice)
  const releaseNamespace = choice.namespace ?? RELEASE_NAMESPACE
  // helm keeps its records in Secrets: without them it can do nothing.
  const records: Need = { verb: 'list', resource: 'secrets', namespace: releaseNamespace }
  const [helm, { version }] = await Promise.all([
    findHelm(choice, pinnedContext(cluster), progress),
    checkNeeds(cluster, [records, ...needs]),
  ])
  return {
    cluster,
    helm,
    serverVersion: version,
    releaseNamespace,
    searchedNamespaces: searchedNamespaces(choice, cluster),
  }
}

async function connectTo(choice: ClusterChoice): Promise<Cluster> {
  const { connect } = await import('../cluster/client.js')
  return connect(choice)
}

async function checkNeeds(cluster: Cluster, needs: readonly Need[]): Promise<{ version: string }> {
  const { checkAccess } = await import('../cluster/access.js')
  return checkAccess(cluster, needs)
}

async function findHelm(
  choice: ClusterChoice,
  context: string | undefined,
  progress: Progress,
): Promise<Helm> {
  const [{ createHelm }, { createRunner }] = await Promise.all([
    import('../tools/helm.js'),
    import('../tools/runner.js'),
  ])
  return createHelm(createRunner(progress), {
    kubeconfig: choice.kubeconfig,
    context,
    namespace: choice.namespace ?? RELEASE_NAMESPACE,
  })
}

function searchedNamespaces(choice: ClusterChoice, cluster: Cluster): string[] {
  if (choice.namespace !== undefined) return [choice.namespace]
  return [...new Set([RELEASE_NAMESPACE, cluster.namespace])]
}
