import type { RequestOptions } from 'node:https'

import { timeLimit } from '../time-limit.js'
import type { ApiAnswer, ApiRequest } from './cluster.js'

/** Milliseconds to reach the server, TLS included, before it counts as not answering. */
const CONNECT_TIMEOUT_MS = 5000
const DEFAULT_TIMEOUT_MS = 30_000
const DEFAULT_MAX_BYTES = 64 * 1024 * 1024

/** The server took too long; `phase` says whether a connection was ever made. */
export class TimeoutFailure extends Error {
  readonly code = 'K8SFLOW_TIMEOUT'
  constructor(
    readonly phase: 'connect' | 'answer',
    readonly milliseconds: number,
  ) {
    super(phase === 'connect' ? 'no connection' : 'no complete answer')
  }
}

/** The full URL of a request; a path in the server's own URL (as behind a proxy) is kept. */
export function requestUrl(server: string, request: Pick<ApiRequest, 'path' | 'query'>): URL {
  const url = new URL(server)
  url.pathname = url.pathname.replace(/\/$/, '') + request.path
  for (const [name, value] of Object.entries(request.query ?? {}))
    if (value !== undefined) url.searchParams.set(name, String(value))
  return url
}

/**
 * Sends one request over HTTP or HTTPS, bounded in time and in the size of the answer. Time counts from when it is
 * this request's turn: until then it waits for others of its agent, each of which has its own limit.
 */
export async function sendHttp(
  server: string,
  request: ApiRequest,
  options: RequestOptions,
): Promise<ApiAnswer> {
  const url = requestUrl(server, request)
  const { request: open } = url.protocol === 'http:' ? await import('node:http') : await import('node:https')
  const body = request.body === undefined ? undefined : JSON.stringify(request.body)
  const timeoutMs = request.timeoutMs ?? DEFAULT_TIMEOUT_MS
  const maxBytes = request.maxBytes ?? DEFAULT_MAX_BYTES

  return new Promise<ApiAnswer>((resolve, reject) => {
    const outgoing = open(url, {
      ...options,
      method: request.method ?? 'GET',
      headers: {
        ...options.headers,
        accept: request.accept ?? 'application/json',
        'user-agent': 'k8sflow',
        ...(body === undefined
          ? {}
          : {
              'content-type': request.contentType ?? 'application/json',
              'content-length': Buffer.byteLength(body),
            }),
      },
    })
    const connectMs = Math.min(CONNECT_TIMEOUT_MS, timeoutMs)
    let connected = () => {}
    let answered = () => {}
    const settle = () => {
      connected()
      answered()
    }
    const begin = () => {
      answered = timeLimit(timeoutMs, () => outgoing.destroy(new TimeoutFailure('answer', timeoutMs)))
      connected = timeLimit(connectMs, () => outgoing.destroy(new TimeoutFailure('connect', connectMs)))
    }
    // An agent without a limit, such as that of a proxy, has no queue: it gives the socket when it is connected.
    const queues = typeof options.agent === 'object' && Number.isFinite(options.agent.maxSockets)
    if (!queues) begin()
    outgoing.on('socket', (socket) => {
      if (outgoing.destroyed) return
      if (queues) begin()
      if (socket.connecting)
        socket.once(url.protocol === 'http:' ? 'connect' : 'secureConnect', () => connected())
      else connected()
    })
    outgoing.on('error', (error) => {
      settle()
      reject(error)
    })
    outgoing.on('response', (incoming) => {
      connected()
      const chunks: Buffer[] = []
      let size = 0
      const finish = (truncated: boolean) => {
        settle()
        const text = Buffer.concat(chunks).subarray(0, maxBytes).toString('utf8')
        resolve({ status: incoming.statusCode ?? 0, text, truncated })
      }
      incoming.on('data', (chunk: Buffer) => {
        chunks.push(chunk)
        size += chunk.length
        if (size <= maxBytes) return
        finish(true)
        incoming.destroy()
      })
      incoming.on('end', () => finish(false))
      incoming.on('error', (error) => {
        settle()
        reject(error)
      })
    })
    outgoing.end(body)
  })
}
