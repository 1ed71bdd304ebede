import type { IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { checkServerIdentity, type TLSSocket } from 'node:tls'

import { timeLimit } from '../time-limit.js'

/** Where to knock: an IP address and a TCP port. */
export interface Endpoint {
  address: string
  port: number
}

/** What a TCP port does when knocked at; `no-route` where this machine has no way to the address. */
export type PortState = 'open' | 'refused' | 'silent' | 'no-route' | 'failed'

export interface PortAnswer {
  state: PortState
  milliseconds: number
  /** The system's own word, such as `ECONNREFUSED`. */
  code?: string
}

/** A server's certificate, as far as a check needs it. */
export interface SeenCertificate {
  subject: string
  issuer: string
  /** DNS names and IP addresses it is for. */
  names: string[]
  /** ISO 8601. */
  notBefore: string
  notAfter: string
  /** Whether one of the names is the host asked for. */
  matches: boolean
  /** Whether it leads to a root that is trusted: those of Node.js, or the given CA. */
  trusted: boolean
  /** Why not, in OpenSSL's words. */
  distrust?: string
}

export interface HttpAnswer {
  status: number
  /** The body's first 4 KiB. */
  body: string
  location?: string
  milliseconds: number
}

/** How far an exchange came: a certificate, an answer, and what ended it where it did not end by itself. */
export interface HttpExchange {
  certificate?: SeenCertificate
  answer?: HttpAnswer
  problem?: { code: string; message: string }
}

const MAX_BODY = 4096

/** Opens a TCP connection and closes it again, within `timeoutMs`. Never throws. */
export async function knock({ address, port }: Endpoint, timeoutMs: number): Promise<PortAnswer> {
  const start = performance.now()
  return new Promise((resolve) => {
    const socket = connect({ host: address, port })
    const settle = (state: PortState, code?: string) => {
      inTime()
      socket.destroy()
      const milliseconds = Math.round(performance.now() - start)
      resolve({ state, milliseconds, ...(code === undefined ? {} : { code }) })
    }
    const inTime = timeLimit(timeoutMs, () => settle('silent', 'ETIMEDOUT'))
    socket.once('connect', () => settle('open'))
    socket.once('error', ({ code = 'EUNKNOWN' }: NodeJS.ErrnoException) => settle(portState(code), code))
  })
}

function portState(code: string): PortState {
  if (code === 'ECONNREFUSED') return 'refused'
  if (code === 'ETIMEDOUT') return 'silent'
  return ['ENETUNREACH', 'EHOSTUNREACH', 'EADDRNOTAVAIL'].includes(code) ? 'no-route' : 'failed'
}

/**
 * Sends `GET path` to an address with the Host header (and, over TLS, the server name) of `host`, within `timeoutMs`.
 * A certificate that is not good is reported, and the exchange goes on. Never throws.
 * @param ca PEM of a further root to trust
 */
export async function exchange(
  { address, port }: Endpoint,
  options: { host: string; path: string; tls: boolean; ca?: string | undefined; timeoutMs: number },
): Promise<HttpExchange> {
  const { host, path, tls, ca, timeoutMs } = options
  const { request } = tls ? await import('node:https') : await import('node:http')
  const roots = ca === undefined ? [] : [...(await import('node:tls')).rootCertificates, ca]
  const start = performance.now()
  return new Promise((resolve) => {
    let certificate: SeenCertificate | undefined
    const outgoing = request({
      host: address,
      port,
      path,
      agent: false,
      headers: { host: usual(port, tls) ? host : `${host}:${String(port)}`, 'user-agent': 'k8sflow' },
      ...(tls
        ? { servername: host, rejectUnauthorized: false, ...(roots.length === 0 ? {} : { ca: roots }) }
        : {}),
    })
    const settle = (found: HttpExchange) => {
      inTime()
      outgoing.destroy()
      resolve({ ...(certificate === undefined ? {} : { certificate }), ...found })
    }
    const inTime = timeLimit(timeoutMs, () =>
      settle({ problem: { code: 'ETIMEDOUT', message: 'no answer' } }),
    )
    outgoing.on('socket', (socket) =>
      socket.once('secureConnect', () => {
        certificate = seenCertificate(socket as TLSSocket, host)
      }),
    )
    outgoing.on('error', ({ code = 'EUNKNOWN', message }: NodeJS.ErrnoException) =>
      settle({ problem: { code, message } }),
    )
    outgoing.on('response', (incoming) => {
      void bodyOf(incoming).then((body) => {
        const { statusCode: status = 0, headers } = incoming
        const milliseconds = Math.round(performance.now() - start)
        const { location } = headers
        settle({ answer: { status, body, milliseconds, ...(location === undefined ? {} : { location }) } })
      })
    })
    outgoing.end()
  })
}

function usual(port: number, tls: boolean): boolean {
  return port === (tls ? 443 : 80)
}

/** As much of the body as comes and is needed; what breaks off in the middle is what has come till then. */
async function bodyOf(incoming: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  try {
    for await (const chunk of incoming as AsyncIterable<Buffer>) {
      chunks.push(chunk)
      size += chunk.length
      if (size >= MAX_BODY) break
    }
  } catch {
    // The status has been said.
  }
  return Buffer.concat(chunks).subarray(0, MAX_BODY).toString('utf8')
}

function seenCertificate(socket: TLSSocket, host: string): SeenCertificate | undefined {
  const certificate = socket.getPeerCertificate()
  if (certificate.raw === undefined) return undefined
  const { subject, issuer, subjectaltname = '', valid_from: from, valid_to: to } = certificate
  const distrust = (socket.authorizationError as Error | string | undefined)?.toString() ?? ''
  // With SNI the name is checked apart; the verifier says one thing only, and dates are read from the certificate.
  const aside = /CERT_HAS_EXPIRED|CERT_NOT_YET_VALID|ALTNAME_INVALID/.test(distrust)
  return {
    subject: commonName(subject),
    issuer: commonName(issuer),
    names: [...subjectaltname.matchAll(/(?:DNS|IP Address):([^,]+)/g)].map(([, name = '']) => name.trim()),
    notBefore: new Date(from).toISOString(),
    notAfter: new Date(to).toISOString(),
    matches: checkServerIdentity(host, certificate) === undefined,
    trusted: distrust === '' || aside,
    ...(distrust === '' || aside ? {} : { distrust }),
  }
}

function commonName({ CN, O }: { CN?: string | string[]; O?: string | string[] }): string {
  return [CN ?? O ?? ''].flat().join(', ')
}
