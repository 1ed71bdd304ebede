import { printableLine } from '../printable.js'
import { refused } from './access.js'
import type { Cluster } from './cluster.js'

const MAX_BODY = 4096

/** What an app answered to `GET /ping`. */
export interface PingAnswer {
  status: number
  /** The body's start, white space trimmed. */
  body: string
  /** Set when the API server answered in the app's place: what it says, such as that no pod is ready. */
  proxyError?: string
}

/**
 * Asks a Service for `/ping` through the API server's proxy, which needs neither an ingress nor a route to the pods.
 * @throws ClusterAccessError when the API server does not answer or the user may not use the proxy
 */
export async function pingThroughProxy(
  cluster: Cluster,
  namespace: string,
  service: string,
  timeoutMs = 5000,
): Promise<PingAnswer> {
  const answer = await cluster.exchange({
    path: `/api/v1/namespaces/${namespace}/services/http:${service}:http/proxy/ping`,
    accept: 'text/plain, */*',
    timeoutMs,
    maxBytes: MAX_BODY,
  })
  const proxyError = answer.status >= 400 ? apiServerMessage(answer.text) : undefined
  // Only the API server answers with a Status object; an app's own 403 is the app's answer.
  if (proxyError !== undefined && (answer.status === 401 || answer.status === 403))
    throw refused(cluster, answer.status, answer.text)
  return {
    status: answer.status,
    body: printableLine(answer.text),
    ...(proxyError === undefined ? {} : { proxyError }),
  }
}

function apiServerMessage(text: string): string | undefined {
  try {
    const parsed = JSON.parse(text) as { kind?: unknown; message?: unknown }
    return parsed.kind === 'Status' && typeof parsed.message === 'string' ? parsed.message : undefined
  } catch {
    return undefined
  }
}
