import { type Cluster, pinnedContext } from '../cluster/cluster.js'
import { ClusterAccessError, InvalidInputError } from '../errors.js'
import type { Progress } from '../progress.js'
import type { Helm } from '../tools/helm.js'
import { countryNamespace, RELEASE_NAMESPACE } from '../values/contract.js'
import { type PlannedRelease, plannedInstances } from './deploy-plan.js'

/** How connections fail, by the code of their error. */
const OFFLINE = new Set([
  'CLUSTER_REFUSED',
  'CLUSTER_SLOW',
  'CLUSTER_TIMEOUT',
  'CLUSTER_UNKNOWN_HOST',
  'CLUSTER_UNREACHABLE',
])

export interface ConnectionChoice {
  kubeconfig?: string | undefined
  context?: string | undefined
  namespace?: string | undefined
  dryRun: boolean
}

export interface Connection {
  helm: Helm
  /** Missing when it cannot be reached and nothing is to be changed anyway; `unreachable` says why. */
  cluster?: Cluster
  /** The API server's version. */
  serverVersion?: string
  unreachable?: string
  /** Where releases are looked for; new ones go to the first. */
  namespaces: string[]
}

/**
 * Finds helm and the cluster, and checks that the user may do what a deployment does. helm is given the very context
 * the cluster was reached by.
 * @throws ClusterAccessError (only a note when `dryRun` and the connection fails) and MissingProgramError
 */
export async function connectForDeploy(
  choice: ConnectionChoice,
  releases: readonly PlannedRelease[],
  progress: Progress,
): Promise<Connection> {
  const target = choice.namespace ?? RELEASE_NAMESPACE
  const [reached, { createHelm }, { createRunner }] = await Promise.all([
    reach(choice, target, releases),
    import('../tools/helm.js'),
    import('../tools/runner.js'),
  ])
  const context = reached.cluster === undefined ? choice.context : pinnedContext(reached.cluster)
  const helm = await createHelm(createRunner(progress), {
    kubeconfig: choice.kubeconfig,
    context,
    namespace: target,
  })
  const own = choice.namespace === undefined ? reached.cluster?.namespace : undefined
  return { helm, ...reached, namespaces: [...new Set([target, own ?? target])] }
}

async function reach(
  choice: ConnectionChoice,
  namespace: string,
  releases: readonly PlannedRelease[],
): Promise<{ cluster: Cluster; serverVersion: string } | { cluster?: never; unreachable: string }> {
  const [{ connect }, { checkAccess }] = await Promise.all([
    import('../cluster/client.js'),
    import('../cluster/access.js'),
  ])
  const [first] = plannedInstances(releases)
  try {
    const cluster = await connect(choice)
    const { version } = await checkAccess(cluster, [
      { verb: 'create', resource: 'secrets', namespace },
      ...(first === undefined
        ? []
        : [
            {
              verb: 'create',
              resource: 'deployments',
              group: 'apps',
              namespace: countryNamespace(first.country),
            },
          ]),
    ])
    return { cluster, serverVersion: version }
  } catch (error) {
    if (!choice.dryRun || !(error instanceof ClusterAccessError) || !isOffline(error)) throw error
    return { unreachable: [error.message, ...error.suggestions.slice(0, 1)].join(' ') }
  }
}

/** The cluster is not there, or there is none: anything else, such as a wrong context, is a mistake to be told. */
function isOffline({ code, data }: ClusterAccessError): boolean {
  return OFFLINE.has(code) || (code === 'KUBECONFIG_MISSING' && data['source'] === 'default')
}

/**
 * helm's rules for release names, checked before anything is asked of anybody.
 * @throws InvalidInputError
 */
export function checkReleaseName(name: string | undefined): void {
  if (name === undefined || (name.length <= 53 && /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(name))) return
  throw new InvalidInputError(`${JSON.stringify(name)} cannot be the name of a release.`, {
    code: 'INVALID_RELEASE_NAME',
    suggestions: ['Use at most 53 lower-case letters, digits and dashes, such as app1.'],
  })
}
