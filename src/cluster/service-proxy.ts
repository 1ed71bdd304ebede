import { randomBytes } from 'node:crypto'
import type { Agent, IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import type { RequestOptions } from 'node:https'
import type { AddressInfo } from 'node:net'

import { connectionOptions } from './client.js'
import { requestUrl } from './http.js'
import { type KubeconfigChoice, loadKubeconfig } from './kubeconfig.js'

/** A Service by its namespace and name; its port is the one named `http`. */
export interface ProxiedService {
  namespace: string
  service: string
}

export interface ServiceProxy {
  /** The address of a Service on this machine, without a slash at its end. */
  url(name: string): string
  close(): Promise<void>
}

/** Connections to the API server: each user of a load test waits for its answer. */
const MAX_SOCKETS = 64
const ANSWER_TIMEOUT_MS = 15_000
/** Headers that belong to one connection, and those that only the API server is to get from us; so are all of `impersonate-`. */
const NOT_PASSED_ON = new Set([
  ...['connection', 'keep-alive', 'transfer-encoding', 'upgrade', 'te', 'trailer', 'proxy-connection'],
  ...['authorization', 'cookie', 'host'],
])

/**
 * Serves a few Services on a loopback port, through the API server's service proxy and with the user's credentials, so
 * that a program without any can reach them. The API server picks a pod for each request. Only GET and HEAD of these Services are
 * passed on, and only to whoever knows the addresses: they begin with a random word.
 * @throws ClusterAccessError when there is no usable kubeconfig
 */
export async function openServiceProxy(
  choice: KubeconfigChoice,
  services: ReadonlyMap<string, ProxiedService>,
): Promise<ServiceProxy> {
  const { config } = await loadKubeconfig(choice)
  const server = config.getCurrentCluster()?.server ?? ''
  const options = connectionOptions(config, MAX_SOCKETS)
  const secret = randomBytes(16).toString('hex')
  const { createServer } = await import('node:http')
  const { request: open } = server.startsWith('http:')
    ? await import('node:http')
    : await import('node:https')

  const agents = new Set<Agent>()
  const pass = (incoming: IncomingMessage, response: ServerResponse, url: URL, base: RequestOptions) => {
    if (typeof base.agent === 'object') agents.add(base.agent)
    const headers = { ...passedOn(incoming.headers), ...base.headers, 'user-agent': 'k8sflow' }
    const outgoing = open(url, { ...base, method: incoming.method, headers, timeout: ANSWER_TIMEOUT_MS })
    outgoing.on('timeout', () => outgoing.destroy(new Error('the API server did not answer in time')))
    outgoing.on('error', (error) => {
      if (response.headersSent) response.destroy()
      else response.writeHead(502, { 'content-type': 'text/plain' }).end(error.message)
    })
    outgoing.on('response', (answer) => {
      response.writeHead(answer.statusCode ?? 502, passedOn(answer.headers))
      answer.on('error', () => response.destroy())
      answer.pipe(response)
    })
    response.on('close', () => outgoing.destroy())
    outgoing.end()
  }
  const listener = createServer((incoming, response) => {
    const path = upstreamPath(incoming, secret, services)
    if (path === undefined) return void response.writeHead(404).end()
    const url = requestUrl(server, { path })
    options().then(
      (base) => pass(incoming, response, url, base),
      (error: unknown) => response.writeHead(502).end(String((error as Error).message)),
    )
  })
  await new Promise<void>((resolve, reject) => {
    listener.once('error', reject)
    listener.listen(0, '127.0.0.1', resolve)
  })
  const { port } = listener.address() as AddressInfo
  return {
    url: (name) => `http://127.0.0.1:${String(port)}/${secret}/${name}`,
    close: async () => {
      listener.closeAllConnections()
      await new Promise((resolve) => listener.close(resolve))
      for (const agent of agents) agent.destroy()
    },
  }
}

/** Where a request goes on the API server; undefined is nowhere. */
function upstreamPath(
  { method, url = '/' }: IncomingMessage,
  secret: string,
  services: ReadonlyMap<string, ProxiedService>,
): string | undefined {
  if (method !== 'GET' && method !== 'HEAD') return undefined
  if (!URL.canParse(url, 'http://proxy')) return undefined
  // Dots are resolved here: behind the Service's part they would lead to other objects of the API.
  const { pathname } = new URL(url, 'http://proxy')
  const [, given, name = '', ...rest] = pathname.split('/')
  const found = given === secret && !pathname.includes('%') ? services.get(name) : undefined
  if (found === undefined) return undefined
  const { namespace, service } = found
  return `/api/v1/namespaces/${namespace}/services/http:${service}:http/proxy/${rest.join('/')}`
}

function passedOn(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => !NOT_PASSED_ON.has(name) && !name.startsWith('impersonate-')),
  )
}
