import type { Application } from '../cluster/argocd.js'
import { FailedError } from '../errors.js'
import { ARGOCD_NAMESPACE, PROJECT } from './gitops-manifests.js'
import { checkNamespace } from './namespace.js'

/** Which cluster, and where Argo CD is in it. */
export interface ArgocdChoice {
  kubeconfig?: string | undefined
  context?: string | undefined
  argocdNamespace?: string | undefined
}

export interface GitopsStatusResult {
  context: string
  server: string
  /** Argo CD's own namespace. */
  namespace: string
  /** Every Application is there, Synced and Healthy. */
  healthy: boolean
  applications: Application[]
  notes: string[]
}

/**
 * Reads how Argo CD sees the Applications of the AppProject that `gitops` writes.
 * @throws FailedError where Argo CD is not installed
 */
export async function gitopsStatus(options: ArgocdChoice): Promise<GitopsStatusResult> {
  checkNamespace(options.argocdNamespace)
  const { connect } = await import('../cluster/client.js')
  const { checkAccess } = await import('../cluster/access.js')
  const { applicationsIn } = await import('../cluster/argocd.js')
  const cluster = await connect(options)
  await checkAccess(cluster)
  const namespace = options.argocdNamespace ?? ARGOCD_NAMESPACE
  const all = await applicationsIn(cluster, namespace)
  if (all === undefined) throw argocdMissing(cluster.context)
  const applications = all
    .filter(({ project }) => project === PROJECT)
    .sort((a, b) => a.name.localeCompare(b.name))
  return {
    context: cluster.context,
    server: cluster.server,
    namespace,
    healthy:
      applications.length > 0 &&
      applications.every(({ sync, health }) => sync === 'Synced' && health === 'Healthy'),
    applications,
    notes:
      applications.length > 0
        ? []
        : [
            `No Application of project ${PROJECT} is in namespace ${namespace}. Write them with "k8sflow gitops", then: kubectl apply -f argocd/ (if Argo CD is in another namespace, name it with --argocd-namespace)`,
          ],
  }
}

export const INSTALL_ARGOCD =
  'Install it as its documentation says: https://argo-cd.readthedocs.io/en/stable/getting_started/'

function argocdMissing(context: string): FailedError {
  return new FailedError(`Argo CD is not installed in the cluster of context "${context}".`, {
    code: 'ARGOCD_MISSING',
    suggestions: [INSTALL_ARGOCD, 'If it is the wrong cluster, choose another with --context.'],
  })
}
