import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { connect, createServer as createTcpServer, type Server as TcpServer, type Socket } from 'node:net'

import {
  certificatePem,
  type Issued,
  issue,
  makeAuthority,
  privateKeyPem,
} from '../../../src/pki/certificates.js'

/** Lets a server of {@link httpServer} answer at the other loopback address, too: `localhost` may be both. */
export async function alsoOnIpv6(
  { port }: Listening,
  answer: RequestListener,
): Promise<Listening | undefined> {
  return listening(createServer(answer), port, '::1').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EADDRNOTAVAIL' || error.code === 'EAFNOSUPPORT') return undefined
    throw error
  })
}

/** A server of a test; its port is free again once it is closed. */
export interface Listening {
  port: number
  close: () => Promise<void>
}

const LOOPBACK = '127.0.0.1'
const DAY_MS = 24 * 3600 * 1000

/** An HTTP server that gives one answer, and keeps the Host headers it saw. */
export async function httpServer(
  answer: RequestListener,
): Promise<Listening & { hosts: (string | undefined)[] }> {
  const hosts: (string | undefined)[] = []
  const server = createServer((request, response) => {
    hosts.push(request.headers.host)
    answer(request, response)
  })
  return { ...(await listening(server, 0)), hosts }
}

/** What is special about a certificate; `from` and `to` are the days, from now, between which it is good. */
export interface Special {
  commonName?: string
  from?: number
  to?: number
}

/** A CA, made anew. */
export async function authority(commonName = 'k8sflow test CA'): Promise<Issued> {
  return makeAuthority({ commonName, ...validity({ from: -400, to: 400 }) })
}

/** An HTTPS server with a certificate for these names, on a port that ends with 443. */
export async function httpsServer(
  ca: Issued,
  dnsNames: string[],
  answer: RequestListener,
  special: Special = {},
): Promise<Listening> {
  const { certificate, keys } = await issue({
    authority: ca,
    commonName: special.commonName ?? dnsNames[0] ?? 'nobody',
    dnsNames,
    use: 'server',
    ...validity(special),
  })
  const server = createTlsServer({ cert: certificatePem(certificate), key: privateKeyPem(keys) }, answer)
  return listeningForTls(server)
}

/** A TCP server; `tls` puts it on a port that ends with 443. */
export async function tcpServer(onSocket: (socket: Socket) => void, tls = false): Promise<Listening> {
  const server = createTcpServer(onSocket)
  return tls ? listeningForTls(server) : listening(server, 0)
}

/** A port on which nothing listens. */
export async function closedPort(): Promise<number> {
  const { port, close } = await tcpServer(() => undefined)
  await close()
  return port
}

/**
 * A port that swallows what is sent to it, as behind a firewall that drops: a process that is stopped, its queue of
 * connections full. Linux only.
 */
export async function silentPort(): Promise<Listening> {
  const script = `const server = require('node:net').createServer()
    server.listen({ host: '${LOOPBACK}', port: 0, backlog: 1 }, () => console.log(server.address().port))`
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  const port = Number(line.toString())
  child.kill('SIGSTOP')
  const filling: Socket[] = []
  for (let full = false; !full;) {
    const socket = connect({ host: LOOPBACK, port })
    socket.on('error', () => undefined)
    filling.push(socket)
    const waited = new Promise((resolve) => setTimeout(resolve, 300))
    await Promise.race([once(socket, 'connect'), waited])
    // Where this process slept, the time is up before it hears of a connection that was made long ago.
    await new Promise((resolve) => setImmediate(resolve))
    full = socket.connecting
    if (filling.length > 50) throw new Error('the queue of connections does not fill')
  }
  return {
    port,
    close: async () => {
      for (const socket of filling) socket.destroy()
      child.kill('SIGKILL')
      await once(child, 'exit')
    },
  }
}

function validity({ from = -100, to = 100 }: Special): { notBefore: Date; notAfter: Date } {
  return { notBefore: new Date(Date.now() + from * DAY_MS), notAfter: new Date(Date.now() + to * DAY_MS) }
}

async function listeningForTls(server: Server | TcpServer): Promise<Listening> {
  for (let thousands = 20; thousands < 60; thousands++)
    try {
      return await listening(server, thousands * 1000 + 443)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
    }
  throw new Error('no port that ends with 443 is free')
}

async function listening(server: Server | TcpServer, port: number, address = LOOPBACK): Promise<Listening> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, address, () => {
      server.off('error', reject)
      resolve()
    })
  })
  return {
    port: (server.address() as { port: number }).port,
    close: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
