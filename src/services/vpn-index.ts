import { FailedError } from '../errors.js'
import type { Proto, VpnServer } from './vpn-settings.js'

/** Everything the VPN's folder knows besides keys and certificates themselves: its file `vpn.json`. */
export interface VpnIndex {
  version: 1
  server: VpnServer
  /** The VPN's own addresses, as CIDR. */
  network: string
  /** What users reach, as CIDR. */
  routes: string[]
  /** Days that the server's certificate and each revocation list hold. */
  serverDays: number
  revocationList: { number: number; notAfter: string }
  /** All that were ever made, oldest first. */
  certificates: VpnCertificate[]
}

export interface VpnCertificate {
  /** Hexadecimal. */
  serial: string
  /** Whose it is; null is the server. */
  user: string | null
  notAfter: string
  /** Days for which it was made, and will be again. */
  days: number
  /** Since when it counts no more. */
  revoked: string | null
}

/** The newest certificate of a user, or of the server (null). */
export function newestOf({ certificates }: VpnIndex, user: string | null): VpnCertificate | undefined {
  return certificates.findLast((certificate) => certificate.user === user)
}

/** All users, in the order of their names. */
export function usersOf({ certificates }: VpnIndex): string[] {
  return [...new Set(certificates.flatMap(({ user }) => user ?? []))].sort()
}

/** The index with one more certificate. */
export function withCertificate(index: VpnIndex, certificate: VpnCertificate): VpnIndex {
  return { ...index, certificates: [...index.certificates, certificate] }
}

export function indexText(index: VpnIndex): string {
  return `${JSON.stringify(index, null, 2)}\n`
}

/**
 * Reads what {@link indexText} made.
 * @throws FailedError when it is damaged, or of a newer k8sflow
 */
export function parseIndex(text: string, file: string): VpnIndex {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw damaged(file, 'it is not JSON', cause)
  }
  if (!isObject(value)) throw damaged(file, 'it holds no object')
  if (typeof value['version'] === 'number' && value['version'] > 1)
    throw damaged(file, `a newer k8sflow wrote it (version ${String(value['version'])})`)
  if (!isIndex(value)) throw damaged(file, 'parts of it are missing')
  return value
}

function isIndex(value: Record<string, unknown>): value is Record<string, unknown> & VpnIndex {
  const { version, server, network, routes, serverDays, revocationList, certificates } = value
  const protos: Proto[] = ['udp', 'tcp']
  return (
    version === 1 &&
    isObject(server) &&
    typeof server['name'] === 'string' &&
    Number.isInteger(server['port']) &&
    protos.includes(server['proto'] as Proto) &&
    typeof network === 'string' &&
    Array.isArray(routes) &&
    routes.every((route) => typeof route === 'string') &&
    Number.isInteger(serverDays) &&
    isObject(revocationList) &&
    Number.isInteger(revocationList['number']) &&
    isTime(revocationList['notAfter']) &&
    Array.isArray(certificates) &&
    certificates.every((certificate) => isCertificate(certificate)) &&
    certificates.some(({ user }) => user === null)
  )
}

function isCertificate(value: unknown): value is VpnCertificate {
  if (!isObject(value)) return false
  const { serial, user, notAfter, days, revoked } = value
  return (
    typeof serial === 'string' &&
    (user === null || typeof user === 'string') &&
    isTime(notAfter) &&
    Number.isInteger(days) &&
    (revoked === null || isTime(revoked))
  )
}

function isTime(value: unknown): value is string {
  return typeof value === 'string' && !Number.isNaN(Date.parse(value))
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function damaged(file: string, reason: string, cause?: unknown): FailedError {
  return new FailedError(`${file} is not a usable index of a VPN: ${reason}.`, {
    code: 'VPN_INDEX_DAMAGED',
    suggestions: ['Put it back from a backup of the folder: without it nobody can be revoked.'],
    data: { file },
    ...(cause === undefined ? {} : { cause }),
  })
}
