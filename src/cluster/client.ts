import type { Agent } from 'node:http'
import type { RequestOptions } from 'node:https'

import type { KubeConfig } from '@kubernetes/client-node'

import { redactText } from '../tools/command-line.js'
import { connectionFailure, statusFailure } from './access.js'
import type { ApiAnswer, ApiRequest, Cluster, ClusterTarget, PodConnection, PodPort } from './cluster.js'
import { sendHttp } from './http.js'
import { type KubeconfigChoice, loadKubeconfig } from './kubeconfig.js'

const PAGE_SIZE = 500
/** Requests in flight at once: enough to be quick, few enough for an API server on a Raspberry Pi. */
const MAX_SOCKETS = 8
/** Milliseconds for which the token of a credential plugin is reused without asking the plugin again. */
const CREDENTIALS_FOR_MS = 60_000

/**
 * Prepares a connection to the cluster that the kubeconfig and context name; nothing is sent yet.
 * @throws ClusterAccessError when there is no usable kubeconfig or no such context
 */
export async function connect(choice: KubeconfigChoice = {}): Promise<Cluster> {
  const { config, name } = await loadKubeconfig(choice)
  const context = config.getContextObject(config.getCurrentContext())
  const server = config.getCurrentCluster()?.server ?? ''
  const certificate = clientCertificate(config)
  const target: ClusterTarget & { namespace: string } = {
    context: config.getCurrentContext(),
    server: publicServer(server),
    user: context?.user ?? '',
    kubeconfig: name,
    contexts: config.contexts.map((item) => item.name),
    namespace: context?.namespace ?? 'default',
    ...(certificate === undefined ? {} : { clientCertificate: certificate }),
  }
  const options = connectionOptions(config)
  const exchange = async (request: ApiRequest) => {
    try {
      return await sendHttp(server, request, await options())
    } catch (error) {
      throw connectionFailure(target, error)
    }
  }
  return clusterOver(target, exchange, async (port) => {
    const { openPodPort } = await import('./pod-connection.js')
    return openPodPort(config, target, port)
  })
}

/** The server's URL without what may be secret: user name, password and query. */
function publicServer(server: string): string {
  if (!URL.canParse(server)) return redactText(server)
  const { protocol, host, pathname, username, password, search, hash } = new URL(server)
  if (!username && !password && !search && !hash) return server
  return `${protocol}//${host}${pathname === '/' ? '' : pathname}`
}

/** A Cluster whose requests go through `exchange`, and whose connections to pods through `connectToPod`. */
export function clusterOver(
  target: ClusterTarget & { namespace: string },
  exchange: (request: ApiRequest) => Promise<ApiAnswer>,
  connectToPod: (port: PodPort) => Promise<PodConnection>,
): Cluster {
  const send = async <T>(request: ApiRequest): Promise<T> => {
    const answer = await exchange(request)
    if (answer.status >= 400) throw statusFailure(target, answer)
    return JSON.parse(answer.text) as T
  }
  return {
    ...target,
    exchange,
    send,
    connectToPod,
    async find<T>(request: ApiRequest) {
      const answer = await exchange(request)
      if (answer.status === 404) return undefined
      if (answer.status >= 400) throw statusFailure(target, answer)
      return JSON.parse(answer.text) as T
    },
    async list<T>(request: ApiRequest) {
      const items: T[] = []
      let next: string | undefined
      do {
        const page: { items?: T[]; metadata?: { continue?: string } } = await send({
          ...request,
          query: { ...request.query, limit: PAGE_SIZE, continue: next },
        })
        items.push(...(page.items ?? []))
        next = page.metadata?.continue || undefined
      } while (next !== undefined)
      return items
    },
  }
}

/**
 * TLS and authentication as client-node makes them out of the kubeconfig, with connections that are kept open:
 * client-node itself opens a new one for each request, which takes a Raspberry Pi longer than the answer.
 */
export function connectionOptions(
  config: KubeConfig,
  maxSockets = MAX_SOCKETS,
): () => Promise<RequestOptions> {
  const cluster = config.getCurrentCluster()
  const user = config.getCurrentUser()
  // client-node refuses plain http unless TLS verification is off; kubectl and helm accept it.
  if (cluster?.server.startsWith('http:')) Object.assign(cluster, { skipTLSVerify: true })
  // client-node leaves out the cluster's CA when a context has no user.
  if (!user) {
    config.users.push({ name: '' })
    Object.assign(config.getContextObject(config.getCurrentContext()) ?? {}, { user: '' })
  }
  let current: { options: Promise<RequestOptions>; until: number } | undefined
  const expires = user?.exec !== undefined || user?.authProvider !== undefined
  return async () => {
    if (current === undefined || Date.now() > current.until)
      current = {
        options: makeOptions(config, maxSockets),
        until: expires ? Date.now() + CREDENTIALS_FOR_MS : Number.POSITIVE_INFINITY,
      }
    return current.options
  }
}

async function makeOptions(config: KubeConfig, maxSockets: number): Promise<RequestOptions> {
  const cluster = config.getCurrentCluster()
  const options: RequestOptions = {}
  await config.applyToHTTPSOptions(options)
  if (cluster?.proxyUrl) return options
  return { ...options, agent: await keepAliveAgent(cluster?.server ?? '', options, maxSockets) }
}

async function keepAliveAgent(server: string, tls: RequestOptions, maxSockets: number): Promise<Agent> {
  const { Agent: AgentClass } = server.startsWith('http:')
    ? await import('node:http')
    : await import('node:https')
  return new AgentClass({
    keepAlive: true,
    maxSockets,
    // Node gives each address of a host 250 ms by default, too little for a Pi behind a VPN.
    autoSelectFamilyAttemptTimeout: 2500,
    ca: tls.ca,
    cert: tls.cert,
    key: tls.key,
    servername: tls.servername,
    rejectUnauthorized: tls.rejectUnauthorized,
  } as ConstructorParameters<typeof AgentClass>[0])
}

function clientCertificate(config: KubeConfig): string | undefined {
  const data = config.getCurrentUser()?.certData
  return data ? Buffer.from(data, 'base64').toString('utf8') : undefined
}
