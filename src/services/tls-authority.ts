import type { X509Certificate } from 'node:crypto'

import { day } from '../day.js'
import type { TlsSecret } from '../cluster/tls-secrets.js'
import { FailedError } from '../errors.js'
import type { Issued } from '../pki/certificates.js'
import { HOST_DOMAIN } from '../values/contract.js'
import { certificatesIn, DAY_MS, isIssuedBy, keyFits, timeLeft } from './tls-certificate.js'

/** Clients accept at most 398 days from public authorities, and some from all. */
export const LEAF_DAYS = 397
/** Ten years: each new authority has to be trusted on every device. */
const AUTHORITY_DAYS = 3650
/** Clocks differ, those of boards without a battery above all. */
const BACKDATED_MS = 5 * 60 * 1000
/** The next authority can be trusted for as long as a leaf lives before it signs the first one. */
const SUCCESSOR_DAYS = 2 * LEAF_DAYS

/** What was done about the authority. */
export type AuthorityChange = 'created' | 'successor made' | 'successor took over' | 'unchanged'

/** The authority as it is kept in its Secret, and what has changed. */
export interface Authority {
  change: AuthorityChange
  /** What signs. */
  signer: Issued
  /** All certificates to trust, the signer's first: also the next one's, and those whose leaves may still be about. */
  trusted: string[]
  /** All entries of the Secret. */
  entries: Record<string, string>
  /** Whether certificates signed by it were never announced: everybody has to trust it now. */
  abrupt: boolean
}

/**
 * Decides what becomes of the authority: made where there is none, kept until a leaf no longer fits into the rest of
 * its life, and then succeeded by one that was made, and exported, long before.
 * @throws FailedError when the Secret does not hold what this wrote
 */
export async function nextAuthority(secret: TlsSecret | undefined, now: Date): Promise<Authority> {
  if (secret === undefined) return created(now, [])
  const kept = await read(secret)
  const previous = certificatesIn(secret.entry('ca.crt') ?? '')
    .filter((certificate) => timeLeft(certificate, now) > 0)
    .map((certificate) => certificate.toString())
  const left = timeLeft(kept.current.facts, now)
  if (left >= SUCCESSOR_DAYS * DAY_MS) return authority('unchanged', kept, previous)
  if (left >= LEAF_DAYS * DAY_MS)
    return kept.next === undefined
      ? authority('successor made', { ...kept, next: await made(now) }, previous)
      : authority('unchanged', kept, previous)
  // Nobody has run this for more than a year: nothing is left of the time to get used to the next one.
  if (kept.next === undefined || timeLeft(kept.next.facts, now) < LEAF_DAYS * DAY_MS)
    return created(now, previous)
  return authority('successor took over', { current: kept.next }, previous)
}

/** When a leaf made now begins and ends; neither before nor after what signs it. */
export function leafValidity({ certificate }: Issued, now: Date): { notBefore: Date; notAfter: Date } {
  const begin = Math.max(now.getTime() - BACKDATED_MS, certificate.notBefore.getTime())
  const end = Math.min(now.getTime() + LEAF_DAYS * DAY_MS, certificate.notAfter.getTime())
  return { notBefore: new Date(begin), notAfter: new Date(end) }
}

/** Whether one of these authorities, in PEM, has signed a leaf. */
export function signedByOneOf(trusted: readonly string[], leaf: X509Certificate): boolean {
  return trusted.flatMap(certificatesIn).some((issuer) => isIssuedBy(leaf, issuer))
}

/** A certificate with its keys, both as kept and as the library has them. */
interface Kept {
  facts: X509Certificate
  pem: string
  key: string
  issued: Issued
}

async function created(now: Date, previous: readonly string[]): Promise<Authority> {
  return {
    ...(await authority('created', { current: await made(now) }, previous)),
    abrupt: previous.length > 0,
  }
}

async function authority(
  change: AuthorityChange,
  { current, next }: { current: Kept; next?: Kept | undefined },
  previous: readonly string[],
): Promise<Authority> {
  const trusted = [...new Set([current.pem, ...(next === undefined ? [] : [next.pem]), ...previous])]
  return {
    change,
    signer: current.issued,
    trusted,
    abrupt: false,
    entries: {
      'tls.crt': current.pem,
      'tls.key': current.key,
      'ca.crt': trusted.join(''),
      ...(next === undefined ? {} : { 'next.crt': next.pem, 'next.key': next.key }),
    },
  }
}

async function made(now: Date): Promise<Kept> {
  const { certificatePem, makeAuthority, privateKeyPem } = await import('../pki/certificates.js')
  const issued = await makeAuthority({
    // The date tells two apart in the lists of browsers.
    commonName: `k8sflow CA ${day(now)}`,
    notBefore: new Date(now.getTime() - BACKDATED_MS),
    notAfter: new Date(now.getTime() + AUTHORITY_DAYS * DAY_MS),
    use: 'server',
    domains: [HOST_DOMAIN],
  })
  return kept(certificatePem(issued.certificate), privateKeyPem(issued.keys), issued)
}

function kept(pem: string, key: string, issued: Issued): Kept {
  const [facts] = certificatesIn(pem)
  if (facts === undefined) throw new Error('a certificate just made cannot be read')
  // As Node writes it, so that the same certificate is the same text.
  return { facts, pem: facts.toString(), key, issued }
}

async function read(secret: TlsSecret): Promise<{ current: Kept; next?: Kept | undefined }> {
  const current = await readPair(secret, 'tls')
  if (current === undefined) throw damaged(secret)
  return { current, next: await readPair(secret, 'next') }
}

async function readPair(secret: TlsSecret, name: string): Promise<Kept | undefined> {
  const key = secret.entry(`${name}.key`)
  const [facts] = certificatesIn(secret.entry(`${name}.crt`) ?? '')
  if (key === undefined || facts === undefined) return undefined
  if (!keyFits(facts, key) || !facts.ca) throw damaged(secret)
  const { readCertificate, readPrivateKey } = await import('../pki/certificates.js')
  const pem = facts.toString()
  return { facts, pem, key, issued: { certificate: readCertificate(pem), keys: await readPrivateKey(key) } }
}

function damaged({ namespace, name }: TlsSecret): FailedError {
  return new FailedError(
    `Secret ${namespace}/${name} does not hold an authority and its key. Nothing was changed.`,
    {
      code: 'AUTHORITY_DAMAGED',
      suggestions: [
        `Restore it from a backup. Or make a new one, which every device then has to trust: kubectl delete secret -n ${namespace} ${name}`,
      ],
      data: { namespace, secret: name },
    },
  )
}
