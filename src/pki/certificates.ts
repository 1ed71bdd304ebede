// First: the X.509 library's own dependencies look for it when they are loaded.
import 'reflect-metadata'

import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  Name,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509'
import { createPrivateKey, createPublicKey, KeyObject, webcrypto } from 'node:crypto'

/*
 * Loads the X.509 library, so it is to be imported when certificates are made, not before. Certificates follow
 * RFC 5280; keys are of the curve P-256, which every client knows.
 */

/** A private key and its public key, of the curve P-256. */
export type Keys = webcrypto.CryptoKeyPair

/** A certificate and the keys it is for. */
export interface Issued {
  certificate: X509Certificate
  keys: Keys
}

/** What a certificate may be shown for: by a server, or by a client. */
export type Use = 'server' | 'client'

export interface AuthorityOptions {
  /** At most 64 characters. */
  commonName: string
  notBefore: Date
  notAfter: Date
  /** Made if not given. */
  keys?: Keys
  /** All that certificates of this authority may be shown for. */
  use?: Use
  /** DNS domains below which all names of its certificates must be, such as `info`; IP addresses are then refused, too. */
  domains?: readonly string[]
}

export interface IssueOptions {
  authority: Issued
  /** At most 64 characters. */
  commonName: string
  /** The names of a server, which clients compare with the one they asked for. */
  dnsNames?: readonly string[]
  use: Use
  notBefore: Date
  notAfter: Date
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256' }
const USES: Readonly<Record<Use, ExtendedKeyUsage>> = {
  server: ExtendedKeyUsage.serverAuth,
  client: ExtendedKeyUsage.clientAuth,
}

/** Makes keys, which may be exported. */
export async function makeKeys(): Promise<Keys> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
}

/**
 * Makes a certificate authority: a self-signed certificate that may sign certificates and revocation lists, but no
 * further authorities.
 */
export async function makeAuthority(options: AuthorityOptions): Promise<Issued> {
  const keys = options.keys ?? (await makeKeys())
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: named(options.commonName),
    notBefore: options.notBefore,
    notAfter: options.notAfter,
    signingAlgorithm: { ...ALGORITHM, hash: 'SHA-256' },
    keys,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      ...(options.use === undefined ? [] : [new ExtendedKeyUsageExtension([USES[options.use]])]),
      ...(options.domains === undefined ? [] : [nameConstraints(options.domains)]),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  return { certificate, keys }
}

/** Makes keys and a certificate for them, signed by an authority. */
export async function issue(options: IssueOptions): Promise<Issued> {
  const { authority, commonName, dnsNames = [], use, notBefore, notAfter } = options
  const keys = await makeKeys()
  const certificate = await X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: named(commonName),
    issuer: authority.certificate.subjectName,
    notBefore,
    notAfter,
    publicKey: keys.publicKey,
    signingKey: authority.keys.privateKey,
    signingAlgorithm: { ...ALGORITHM, hash: 'SHA-256' },
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([USES[use]]),
      ...(dnsNames.length === 0
        ? []
        : [new SubjectAlternativeNameExtension(dnsNames.map((value) => ({ type: 'dns', value })))]),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
      await AuthorityKeyIdentifierExtension.create(authority.certificate.publicKey),
    ],
  })
  return { certificate, keys }
}

/** A certificate as PEM, with a line end. */
export function certificatePem(certificate: X509Certificate): string {
  return `${certificate.toString('pem')}\n`
}

/**
 * Reads the first certificate of a PEM text.
 * @throws Error when there is none
 */
export function readCertificate(pem: string): X509Certificate {
  const block = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/.exec(pem)?.[0]
  if (block === undefined) throw new Error('there is no certificate in PEM')
  return new X509Certificate(block)
}

/** A private key as PEM (PKCS#8), encrypted with AES-256 if there is a passphrase. A secret: for files of mode 0600. */
export function privateKeyPem({ privateKey }: Keys, passphrase?: string): string {
  const encrypted = passphrase === undefined ? {} : { cipher: 'aes-256-cbc', passphrase }
  return KeyObject.from(privateKey).export({ type: 'pkcs8', format: 'pem', ...encrypted }) as string
}

/**
 * Reads a private key that {@link privateKeyPem} wrote, or openssl did for the same curve.
 * @throws Error when it is damaged, of another kind, or the passphrase is missing or wrong
 */
export async function readPrivateKey(pem: string, passphrase?: string): Promise<Keys> {
  const key = createPrivateKey({ key: pem, ...(passphrase === undefined ? {} : { passphrase }) })
  const [privateKey, publicKey] = await Promise.all([
    webcrypto.subtle.importKey('pkcs8', key.export({ type: 'pkcs8', format: 'der' }), ALGORITHM, true, [
      'sign',
    ]),
    webcrypto.subtle.importKey(
      'spki',
      createPublicKey(key).export({ type: 'spki', format: 'der' }),
      ALGORITHM,
      true,
      ['verify'],
    ),
  ])
  return { privateKey, publicKey }
}

/** Said to be UTF-8, so that the library takes quotation marks in it for what they are. */
function named(commonName: string): Name {
  return new Name([{ CN: [{ utf8String: commonName }] }])
}

/** 16 random bytes as hexadecimal; the first one keeps the number positive and of full length. */
function serialNumber(): string {
  const bytes = webcrypto.getRandomValues(Buffer.alloc(16))
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40
  return bytes.toString('hex')
}

/** Name constraints (RFC 5280, 4.2.1.10), for which the library has no class: these domains, and no IP address at all. */
function nameConstraints(domains: readonly string[]): Extension {
  const subtrees = (tag: number, names: Buffer[]) => der(tag, ...names.map((name) => der(0x30, name)))
  const permitted = domains.map((domain) => der(0x82, Buffer.from(domain, 'ascii')))
  // An address and its mask, all zeros: every one.
  const excluded = [der(0x87, Buffer.alloc(8)), der(0x87, Buffer.alloc(32))]
  return new Extension('2.5.29.30', true, der(0x30, subtrees(0xa0, permitted), subtrees(0xa1, excluded)))
}

/** One DER value of less than 64 KiB. */
function der(tag: number, ...parts: Buffer[]): Buffer {
  const content = Buffer.concat(parts)
  const { length } = content
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...size]), content])
}
