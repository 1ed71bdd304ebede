import type { KubeConfig } from '@kubernetes/client-node'

import { timeLimit } from '../time-limit.js'
import { connectionFailure, statusFailure } from './access.js'
import type { ClusterTarget, PodConnection, PodPort } from './cluster.js'
import { TimeoutFailure } from './http.js'

/** Milliseconds until the API server, and through it the pod's node, must have taken the connection. */
const OPEN_TIMEOUT_MS = 10_000

/** Milliseconds for the other side to agree to the end of a connection; nobody should wait for a node that is gone. */
const CLOSE_TIMEOUT_MS = 2000

/** What is used of the WebSocket that client-node makes. */
interface Socket {
  close(): void
  terminate(): void
  pause(): void
  resume(): void
  on(event: 'close' | 'message' | 'error', listener: () => void): unknown
}

/**
 * Opens a connection to a port of a pod with client-node's port-forward.
 * @throws ClusterAccessError, ApiStatusError when it is not taken
 */
export async function openPodPort(
  config: KubeConfig,
  target: ClusterTarget,
  { namespace, pod, port, output, problem, input }: PodPort,
): Promise<PodConnection> {
  const { PortForward } = await import('@kubernetes/client-node')
  const opening = new PortForward(config).portForward(namespace, pod, [port], output, problem, input)
  let socket: Socket
  try {
    socket = (await within(OPEN_TIMEOUT_MS, opening as Promise<Socket>)) as Socket
  } catch (error) {
    throw openFailure(target, namespace, error)
  }
  // Without a listener an error after the opening would end the process; a "close" always follows it.
  socket.on('error', () => undefined)
  return {
    close() {
      socket.close()
      setTimeout(() => socket.terminate(), CLOSE_TIMEOUT_MS).unref()
    },
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    onClosed: (listener) => void socket.on('close', listener),
    onReceived: (listener) => void socket.on('message', listener),
  }
}

async function within(milliseconds: number, opening: Promise<Socket>): Promise<Socket> {
  let inTime = () => {}
  let late = false
  const timeout = new Promise<never>((_resolve, reject) => {
    inTime = timeLimit(milliseconds, () => {
      late = true
      reject(new TimeoutFailure('answer', milliseconds))
    })
  })
  opening.then(
    (socket) => late && socket.close(),
    () => undefined,
  )
  return Promise.race([opening, timeout]).finally(inTime)
}

/** client-node rejects with the WebSocket's ErrorEvent; a refusal is only in its words, `Unexpected server response: 403`. */
function openFailure(target: ClusterTarget, namespace: string, failure: unknown): Error {
  const { error } = failure as { error?: unknown }
  const cause = error instanceof Error ? error : failure
  const message = cause instanceof Error ? cause.message : ''
  const status = Number(/^Unexpected server response: (\d{3})$/.exec(message)?.[1] ?? 0)
  if (status === 0) return connectionFailure(target, cause)
  const words =
    status === 403
      ? `cannot create resource "pods/portforward" in API group "" in the namespace "${namespace}"`
      : `the API server answers with status ${String(status)}`
  return statusFailure(target, { status, text: JSON.stringify({ message: words }) })
}
