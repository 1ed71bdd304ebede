import type { V1Secret, V1ServiceList } from '@kubernetes/client-node'

import type { Cluster, Wire } from '../cluster/cluster.js'
import { FailedError, InvalidInputError } from '../errors.js'
import type { Progress } from '../progress.js'
import { MONITORING_RELEASE } from './monitoring-stack.js'
import { checkNamespace } from './namespace.js'
import type { ClusterChoice } from './session.js'

export interface MonitoringOpenOptions extends Pick<ClusterChoice, 'kubeconfig' | 'context'> {
  namespace: string
  /** Port on this machine; left out, one that is free. */
  port?: number | undefined
  showPassword: boolean
  /** Whether a person reads what is printed: a password goes nowhere else. */
  atTerminal: boolean
}

export interface OpenGrafana {
  context: string
  namespace: string
  service: string
  /** Where Grafana is on this machine, until the command ends. */
  url: string
  /** The dashboard of the apps there. */
  dashboard: string
  /** Whom to log in as; null where the Secret is not there or may not be read. */
  user: string | null
  /** Only when it was asked for, at a terminal. */
  password?: string
}

export interface OpenHelp {
  progress: Progress
  signal: AbortSignal
  /** Called as soon as Grafana can be reached. */
  onOpen: (grafana: OpenGrafana) => void | Promise<void>
}

/**
 * Forwards a port of this machine to Grafana until it is interrupted.
 * @throws InvalidInputError when a password is asked for where no person reads it, or the port is taken
 * @throws FailedError when there is no Grafana, or none that is ready
 */
export async function openMonitoring(options: MonitoringOpenOptions, help: OpenHelp): Promise<void> {
  checkNamespace(options.namespace)
  if (options.showPassword && !options.atTerminal)
    throw new InvalidInputError('A password is shown at a terminal only.', {
      code: 'NO_TERMINAL',
      suggestions: ['Run it at a terminal, or leave --show-password out.'],
    })
  const { connect } = await import('../cluster/client.js')
  const { checkAccess } = await import('../cluster/access.js')
  const { forwardPort } = await import('../cluster/port-forward.js')
  const cluster = await connect(options)
  await checkAccess(cluster)
  const { service, port } = await findGrafana(cluster, options.namespace)
  const login = await readLogin(cluster, options.namespace, service)
  const forwarded = await forwardPort(
    cluster,
    { namespace: options.namespace, service, port },
    {
      localPort: options.port,
      signal: help.signal,
      onProblem: (text) => help.progress({ kind: 'step', state: 'warning', text }),
    },
  )
  const url = `http://${forwarded.address}:${String(forwarded.port)}`
  try {
    await help.onOpen({
      context: cluster.context,
      namespace: options.namespace,
      service,
      url,
      dashboard: `${url}/d/k8sflow`,
      user: login?.user ?? null,
      ...(options.showPassword && login !== undefined ? { password: login.password } : {}),
    })
    await forwarded.ended
  } finally {
    await forwarded.close()
  }
}

async function findGrafana(cluster: Cluster, namespace: string): Promise<{ service: string; port: number }> {
  const { items } = await cluster.send<Wire<V1ServiceList>>({
    path: `/api/v1/namespaces/${namespace}/services`,
    query: {
      labelSelector: `app.kubernetes.io/name=grafana,app.kubernetes.io/instance=${MONITORING_RELEASE}`,
    },
  })
  const [found] = items
  const port = found?.spec?.ports?.[0]?.port
  if (found?.metadata?.name === undefined || port === undefined)
    throw new FailedError(
      `There is no Grafana of k8sflow's in namespace ${namespace} of context "${cluster.context}".`,
      {
        code: 'GRAFANA_MISSING',
        suggestions: [
          'Install it with: k8sflow monitoring install',
          'Where it is in another namespace, name that with --monitoring-namespace.',
        ],
        data: { namespace },
      },
    )
  return { service: found.metadata.name, port }
}

/** Grafana's chart names the Secret as the Service; undefined where it is not there or may not be read. */
async function readLogin(
  cluster: Cluster,
  namespace: string,
  name: string,
): Promise<{ user: string; password: string } | undefined> {
  const { status, text } = await cluster.exchange({ path: `/api/v1/namespaces/${namespace}/secrets/${name}` })
  if (status !== 200) return undefined
  const { data = {} } = JSON.parse(text) as Wire<V1Secret>
  const value = (key: string) => Buffer.from(data[key] ?? '', 'base64').toString('utf8')
  return { user: value('admin-user'), password: value('admin-password') }
}
