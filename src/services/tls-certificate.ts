import { createPrivateKey, X509Certificate } from 'node:crypto'

export const DAY_MS = 24 * 60 * 60 * 1000

/** What a certificate says, read without the library that makes them. */
export interface CertificateFacts {
  /** Common name of the subject, or all of it where there is none. */
  subject: string
  /** The same of its issuer. */
  issuer: string
  /** ISO 8601, UTC. */
  notBefore: string
  /** ISO 8601, UTC. */
  notAfter: string
  /** SHA-256 of the certificate, in upper-case hexadecimal with colons, as browsers show it. */
  fingerprint: string
}

/** All certificates of a PEM text; those that cannot be read are left out. */
export function certificatesIn(pem: string): X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
  return blocks.flatMap((block) => readable(() => new X509Certificate(block)) ?? [])
}

/** Facts of a certificate. */
export function certificateFacts(certificate: X509Certificate): CertificateFacts {
  return {
    subject: shortName(certificate.subject),
    issuer: shortName(certificate.issuer),
    notBefore: isoTime(certificate.validFrom),
    notAfter: isoTime(certificate.validTo),
    fingerprint: certificate.fingerprint256,
  }
}

/** Whether a private key in PEM is the one a certificate is for. */
export function keyFits(certificate: X509Certificate, pem: string | undefined): boolean {
  return pem !== undefined && readable(() => certificate.checkPrivateKey(createPrivateKey(pem))) === true
}

/** Whether `issuer` has signed `certificate`. */
export function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey)
}

/** The DNS names of a certificate, sorted. */
export function dnsNames({ subjectAltName = '' }: X509Certificate): string[] {
  return subjectAltName
    .split(', ')
    .flatMap((name) => /^DNS:([^"]+)$/.exec(name)?.[1] ?? [])
    .sort()
}

/** Milliseconds until a certificate expires, negative when it has. */
export function timeLeft(certificate: X509Certificate, now: Date): number {
  return Date.parse(certificate.validTo) - now.getTime()
}

/** Whether a certificate is not valid yet: somebody's clock is wrong, as a rule. */
export function hasNotBegun(certificate: X509Certificate, now: Date): boolean {
  return Date.parse(certificate.validFrom) > now.getTime()
}

/** Milliseconds of a certificate's whole life. */
export function lifetime(certificate: X509Certificate): number {
  return Date.parse(certificate.validTo) - Date.parse(certificate.validFrom)
}

/** Node gives a distinguished name as lines `CN=…`. */
function shortName(name: string): string {
  return /^CN=(.*)$/m.exec(name)?.[1] ?? name.replaceAll('\n', ', ')
}

function isoTime(text: string): string {
  return new Date(text).toISOString()
}

function readable<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}
