import { readFile } from 'node:fs/promises'
import { isIP, isIPv4 } from 'node:net'

import { InvalidInputError } from '../errors.js'
import { isHostName } from './hosts-address.js'

/** What `expose check` is told, as typed. */
export interface ExposeCheckOptions {
  host: string
  /** One IPv4, one IPv6 address, or both. */
  publicAddress?: readonly string[] | undefined
  port?: readonly string[] | undefined
  /** File with the PEM of a CA to trust. */
  ca?: string | undefined
}

export interface CheckedExposeOptions {
  host: string
  publicAddresses: string[]
  ports: number[]
  /** PEM. */
  ca?: string
}

const DEFAULT_PORTS = ['80', '443']

/** Ports on which TLS is spoken: 443, and those that end with it, such as 8443. */
export function speaksTls(port: number): boolean {
  return String(port).endsWith('443')
}

/**
 * Checks all that was typed, asking nobody.
 * @throws InvalidInputError naming every problem
 */
export async function checkExposeOptions(options: ExposeCheckOptions): Promise<CheckedExposeOptions> {
  const host = options.host.trim().toLowerCase().replace(/\.$/, '')
  const addresses = listed(options.publicAddress)
  const ports = listed(options.port ?? DEFAULT_PORTS)
  const problems = [
    ...(isHostName(host)
      ? []
      : [`"${options.host}" is not a host name; write it as app1-it.info, without http:// and path.`]),
    ...addresses
      .filter((address) => isIP(address) === 0)
      .map((address) => `--public-address "${address}" is not an IP address.`),
    ...(new Set(addresses.map((address) => isIPv4(address))).size < addresses.length
      ? ['--public-address takes one IPv4 and one IPv6 address at most.']
      : []),
    ...ports
      .filter((port) => !/^\d{1,5}$/.test(port) || Number(port) < 1 || Number(port) > 65_535)
      .map((port) => `--port "${port}" is not a port; ports are 1 to 65535.`),
  ]
  if (problems.length > 0)
    throw new InvalidInputError(problems.join('\n'), {
      code: 'INVALID_INPUT',
      suggestions: [
        'For example: k8sflow expose check app1-it.info --public-address 203.0.113.7 --port 80,443',
      ],
    })
  const ca = options.ca === undefined ? undefined : await readCa(options.ca)
  return {
    host,
    publicAddresses: addresses,
    ports: [...new Set(ports.map(Number))],
    ...(ca === undefined ? {} : { ca }),
  }
}

function listed(values: readonly string[] | undefined): string[] {
  return (values ?? [])
    .flatMap((value) => value.split(','))
    .map((value) => value.trim())
    .filter((value) => value !== '')
}

async function readCa(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw invalidCa(`${file} cannot be read: ${cause.message}.`, cause)
  })
  const { X509Certificate } = await import('node:crypto')
  try {
    new X509Certificate(text)
  } catch (cause) {
    throw invalidCa(`${file} holds no certificate in PEM.`, cause)
  }
  return text
}

function invalidCa(message: string, cause?: unknown): InvalidInputError {
  return new InvalidInputError(message, {
    code: 'INVALID_CA',
    cause,
    suggestions: ['Name the file with the CA that signed the certificates.'],
  })
}
