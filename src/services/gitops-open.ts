import type { Cluster } from '../cluster/cluster.js'
import type { ForwardedPort, ForwardOptions } from '../cluster/port-forward.js'
import { FailedError, K8sflowError } from '../errors.js'
import type { Progress } from '../progress.js'
import { ARGOCD_NAMESPACE } from './gitops-manifests.js'
import { type ArgocdChoice, INSTALL_ARGOCD } from './gitops-status.js'
import { checkNamespace } from './namespace.js'

const SERVICE = 'argocd-server'
/** More than a connection to the pod may take. */
const TLS_TIMEOUT_MS = 20_000

export interface GitopsOpenOptions extends ArgocdChoice {
  /** Port on this machine; left out, one that is free. */
  port?: number | undefined
  /** Read the first password. */
  password: boolean
}

export interface GitopsOpenResult {
  url: string
  user: string
  /** The first password; null where it was not asked for, or is not there any more. */
  password: string | null
  notes: string[]
}

/** What the command holds while the port is open. */
export interface OpenedArgocd {
  result: GitopsOpenResult
  /** Settled when the port is closed again. */
  ended: Promise<void>
}

/**
 * Forwards a local port to Argo CD's server, until the signal.
 * @throws FailedError where Argo CD is not installed or not ready
 */
export async function gitopsOpen(
  options: GitopsOpenOptions,
  { progress, signal }: { progress: Progress; signal: AbortSignal },
): Promise<OpenedArgocd> {
  checkNamespace(options.argocdNamespace)
  const [{ connect }, { checkAccess }] = await Promise.all([
    import('../cluster/client.js'),
    import('../cluster/access.js'),
  ])
  const cluster = await connect(options)
  await checkAccess(cluster)
  const namespace = options.argocdNamespace ?? ARGOCD_NAMESPACE
  const forwarded = await forwardServer(cluster, namespace, {
    localPort: options.port,
    signal,
    onProblem: (text) => progress({ kind: 'step', state: 'warning', text }),
  })
  try {
    const tls = await speaksTls(forwarded)
    const { password, notes } = await passwordOf(cluster, namespace, options.password)
    return {
      result: {
        url: `${tls ? 'https' : 'http'}://localhost:${String(forwarded.port)}`,
        user: 'admin',
        password,
        notes: [
          ...(tls
            ? ["The browser will warn: Argo CD's certificate is its own, made at its installation."]
            : []),
          ...notes,
        ],
      },
      ended: forwarded.ended,
    }
  } catch (error) {
    await forwarded.close()
    throw error
  }
}

async function forwardServer(
  cluster: Cluster,
  namespace: string,
  options: ForwardOptions,
): Promise<ForwardedPort> {
  const { forwardPort } = await import('../cluster/port-forward.js')
  const { labelledServer, SERVER_PORT } = await import('../cluster/argocd.js')
  const forward = async (service: string) =>
    forwardPort(cluster, { namespace, service, port: SERVER_PORT }, options)
  try {
    return await forward(SERVICE)
  } catch (error) {
    if (!(error instanceof K8sflowError) || error.code !== 'SERVICE_MISSING') throw error
    const service = await labelledServer(cluster, namespace)
    if (service === undefined) throw serverMissing(cluster.context, namespace)
    return forward(service)
  }
}

function serverMissing(context: string, namespace: string): FailedError {
  return new FailedError(
    `There is no server of Argo CD in namespace ${namespace} of the cluster of context "${context}".`,
    {
      code: 'ARGOCD_MISSING',
      suggestions: [
        'If Argo CD is in another namespace, name it with --argocd-namespace.',
        'Its "core" installation has no server; where that is what you have, see the Applications with: k8sflow gitops status',
        INSTALL_ARGOCD,
      ],
      data: { namespace },
    },
  )
}

/** Argo CD's server speaks TLS on its one port, unless it was told not to (`server.insecure`). */
async function speaksTls({ address, port }: ForwardedPort): Promise<boolean> {
  const { connect } = await import('node:tls')
  return new Promise((resolve) => {
    // Only whether it shakes hands is asked; nothing is sent.
    const socket = connect({ host: address, port, rejectUnauthorized: false }, () => {
      socket.destroy()
      resolve(true)
    })
    socket.setTimeout(TLS_TIMEOUT_MS, () => socket.destroy(new Error('no answer')))
    socket.on('error', () => resolve(false))
  })
}

async function passwordOf(
  cluster: Cluster,
  namespace: string,
  wanted: boolean,
): Promise<Pick<GitopsOpenResult, 'password' | 'notes'>> {
  if (!wanted)
    return { password: null, notes: ['The first password is shown at a terminal, or with --show-password.'] }
  const { firstPassword } = await import('../cluster/argocd.js')
  try {
    const password = await firstPassword(cluster, namespace)
    return password === undefined
      ? { password: null, notes: ['The first password is gone: another one was set.'] }
      : {
          password,
          notes: [
            `Set a password of your own (User Info), then: kubectl -n ${namespace} delete secret argocd-initial-admin-secret`,
          ],
        }
  } catch (error) {
    if (!(error instanceof K8sflowError)) throw error
    return { password: null, notes: [`The first password cannot be read: ${error.message}`] }
  }
}
