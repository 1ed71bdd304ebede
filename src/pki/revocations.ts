// Before the X.509 library, as certificates.ts says.
import 'reflect-metadata'

import {
  AuthorityKeyIdentifierExtension,
  Extension,
  PemConverter,
  X509Crl,
  X509CrlGenerator,
  X509CrlReason,
} from '@peculiar/x509'

import type { Issued } from './certificates.js'

/** A certificate that counts no more, and since when. */
export interface Revocation {
  /** Hexadecimal, as the certificate itself has it. */
  serial: string
  date: Date
}

export interface RevocationListOptions {
  authority: Issued
  /** Higher than that of every list before. */
  number: number
  thisUpdate: Date
  /** After this OpenVPN lets nobody in any more. */
  nextUpdate: Date
  revoked: readonly Revocation[]
}

/** What a revocation list says, without its signature. */
export interface ReadRevocationList {
  number: number
  nextUpdate: Date | undefined
  serials: string[]
}

const CRL_NUMBER = '2.5.29.20'

/** Makes a signed revocation list, version 2 of RFC 5280, as PEM with a line end. */
export async function revocationListPem(options: RevocationListOptions): Promise<string> {
  const { authority, number, thisUpdate, nextUpdate, revoked } = options
  const list = await X509CrlGenerator.create({
    issuer: authority.certificate.subjectName,
    thisUpdate,
    nextUpdate,
    signingKey: authority.keys.privateKey,
    signingAlgorithm: { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' },
    entries: revoked.map(({ serial, date }) => ({
      serialNumber: serial,
      revocationDate: date,
      // Without any reason the library writes an empty list of extensions, which RFC 5280 does not allow.
      reason: X509CrlReason.privilegeWithdrawn,
    })),
    extensions: [
      await AuthorityKeyIdentifierExtension.create(authority.certificate.publicKey),
      new Extension(CRL_NUMBER, false, derInteger(number)),
    ],
  })
  // The library's own heading, "CRL", is not that of RFC 7468, and openssl does not know it.
  return `${PemConverter.encode(list.rawData, 'X509 CRL')}\n`
}

/**
 * Reads a list that {@link revocationListPem} made.
 * @throws Error when it is damaged
 */
export function readRevocationList(pem: string): ReadRevocationList {
  const list = new X509Crl(pem)
  const number = list.extensions.find(({ type }) => type === CRL_NUMBER)
  if (number === undefined) throw new Error('the revocation list has no number')
  return {
    number: Number(`0x${Buffer.from(number.value).subarray(2).toString('hex')}`),
    nextUpdate: list.nextUpdate,
    serials: list.entries.map(({ serialNumber }) => serialNumber),
  }
}

/** A whole number from 0 up in DER; a first bit that is set would make it negative. */
function derInteger(value: number): Buffer {
  const digits = value.toString(16)
  const bytes = Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, 'hex')
  const content = (bytes[0] ?? 0) < 0x80 ? bytes : Buffer.concat([Buffer.from([0]), bytes])
  return Buffer.concat([Buffer.from([0x02, content.length]), content])
}
