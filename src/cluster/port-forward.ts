import type { V1Service } from '@kubernetes/client-node'
import type { AddressInfo, Server, Socket } from 'node:net'
import { Writable } from 'node:stream'

import { FailedError, InterruptedError, InvalidInputError } from '../errors.js'
import { printableLine } from '../printable.js'
import type { Cluster, Wire } from './cluster.js'
import { endpointSlices } from './endpoint-slices.js'

const LOOPBACK = '127.0.0.1'

/** A port of a Service, by its number or name. */
export interface ServicePort {
  namespace: string
  service: string
  port: number | string
}

export interface ForwardOptions {
  /** Port on this machine; left out or 0, one that is free. */
  localPort?: number | undefined
  /** Closes it. */
  signal?: AbortSignal | undefined
  /**
   * Gets, in a sentence, why a connection could not be handed on; the forwarding itself goes on. Each sentence once: a browser
   * opens many connections, and tries again.
   */
  onProblem?: ((text: string) => void) | undefined
}

/** A port on this machine that leads to a Service. */
export interface ForwardedPort {
  /** The loopback address it listens at. */
  address: string
  port: number
  /** Stops listening and ends all connections; may be called again. */
  close(): Promise<void>
  /** Settled once it is closed, by `close` or the signal. */
  ended: Promise<void>
}

/**
 * Forwards a port of this machine's loopback to a ready pod behind a Service, as `kubectl port-forward service/NAME` does.
 * The pod is chosen anew for each connection, so it survives a pod that is replaced.
 * @throws InvalidInputError when the local port is taken or may not be used
 * @throws FailedError when there is no such Service or port, or no ready pod behind it
 * @throws ClusterAccessError when the API server does not answer or denies access
 */
export async function forwardPort(
  cluster: Cluster,
  target: ServicePort,
  { localPort = 0, signal, onProblem }: ForwardOptions = {},
): Promise<ForwardedPort> {
  await readyPod(cluster, target)
  if (signal?.aborted)
    throw new InterruptedError('Interrupted before the port was open.', { code: 'INTERRUPTED' })
  const { createServer } = await import('node:net')
  const sockets = new Set<Socket>()
  const told = new Set<string>()
  const tell = (error: unknown) => {
    const text = problemText(error)
    if (!told.has(text)) onProblem?.(text)
    told.add(text)
  }
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    // A browser that goes away in the middle of an answer is nothing to speak of.
    socket.on('error', () => undefined)
    connectSocket(cluster, target, socket).catch((error: unknown) => {
      socket.destroy()
      tell(error)
    })
  })
  const ended = new Promise<void>((resolve) => server.once('close', resolve))
  const port = await listen(server, localPort)
  server.on('error', tell)
  const close = async () => {
    server.close()
    for (const socket of sockets) socket.destroy()
    await ended
  }
  signal?.addEventListener('abort', () => void close(), { once: true })
  if (signal?.aborted) await close()
  return { address: LOOPBACK, port, close, ended }
}

async function listen(server: Server, wanted: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(listenFailure(wanted, error)))
    server.listen(wanted, LOOPBACK, () => resolve((server.address() as AddressInfo).port))
  })
}

function listenFailure(port: number, error: NodeJS.ErrnoException): Error {
  const reason =
    error.code === 'EADDRINUSE'
      ? 'another program listens there'
      : error.code === 'EACCES'
        ? 'this user may not listen there'
        : error.message
  return new InvalidInputError(`Port ${String(port)} of this machine cannot be used: ${reason}.`, {
    code: error.code === 'EADDRINUSE' ? 'PORT_IN_USE' : 'PORT_UNUSABLE',
    suggestions: ['Choose another port, above 1023.'],
    data: { port },
    cause: error,
  })
}

/** Ties one local connection to one to a pod. */
async function connectSocket(cluster: Cluster, target: ServicePort, socket: Socket): Promise<void> {
  let said = ''
  const { pod, port } = await readyPod(cluster, target)
  const connection = await cluster.connectToPod({
    namespace: target.namespace,
    pod,
    port,
    output: socket,
    problem: new Writable({
      write(chunk: Buffer, _encoding, done) {
        said += chunk.toString('utf8')
        done()
      },
    }),
    input: socket,
  })
  // A browser slower than the pod must not make this process hold the difference in memory.
  connection.onReceived(() => socket.writableNeedDrain && connection.pause())
  socket.on('drain', () => connection.resume())
  socket.on('close', () => {
    connection.resume()
    connection.close()
  })
  if (socket.destroyed) connection.close()
  await new Promise<void>((resolve) => connection.onClosed(resolve))
  socket.end()
  if (said !== '')
    throw new FailedError(`Pod ${pod} does not take the connection: ${printableLine(said)}`, {
      code: 'POD_REFUSED',
    })
}

function problemText(error: unknown): string {
  return error instanceof Error ? printableLine(error.message) : String(error)
}

/** A pod that is ready to serve the Service's port, and the port there. */
async function readyPod(cluster: Cluster, target: ServicePort): Promise<{ pod: string; port: number }> {
  const { namespace, service } = target
  const [found, slices] = await Promise.all([
    cluster.find<Wire<V1Service>>({ path: `/api/v1/namespaces/${namespace}/services/${service}` }),
    endpointSlices(cluster, target),
  ])
  if (found === undefined) throw missing(target, `There is no Service ${service} in namespace ${namespace}.`)
  const ports = found.spec?.ports ?? []
  const port = ports.find((candidate) => candidate.port === target.port || candidate.name === target.port)
  if (port === undefined) {
    const names = ports.map((candidate) => String(candidate.port)).join(', ') || 'none'
    throw missing(
      target,
      `Service ${service} in namespace ${namespace} has no port ${String(target.port)}; it has: ${names}.`,
    )
  }
  for (const slice of slices) {
    // The slice has the number that a named target port has in these pods.
    const podPort = slice.ports?.find(({ name }) => (name ?? '') === (port.name ?? ''))?.port
    const ready = slice.endpoints.find(
      ({ conditions, targetRef }) => conditions?.ready !== false && targetRef?.kind === 'Pod',
    )
    if (podPort !== undefined && ready?.targetRef?.name !== undefined)
      return { pod: ready.targetRef.name, port: podPort }
  }
  throw new FailedError(`No pod behind Service ${service} in namespace ${namespace} is ready.`, {
    code: 'NO_READY_POD',
    suggestions: [`See why: kubectl -n ${namespace} get pods`],
    data: { ...target },
  })
}

function missing(target: ServicePort, message: string): FailedError {
  return new FailedError(message, { code: 'SERVICE_MISSING', data: { ...target } })
}
