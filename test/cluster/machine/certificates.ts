import { execa } from 'execa'
import { randomBytes } from 'node:crypto'
import { chmod, mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { MachineError } from './failure.js'
import { state } from './paths.js'
import { dnsAddress, nodeAddress } from './namespace.js'

/** A certificate's or key's file in the running cluster's state. */
export function pki(file: string): string {
  return state('pki', file)
}

/** What a certificate says. */
export interface Subject {
  /** For example `/O=system:masters/CN=admin`: the group, then the user. */
  subject: string
  /** For example `IP:127.0.0.1,DNS:localhost`. */
  names?: string
  /** Less than 1 makes one that has already expired. */
  days?: number
}

/** Makes the cluster's certificate authority, its servers' and its administrator's certificates, and the token key. */
export async function createCertificates(): Promise<void> {
  await mkdir(state('pki'), { recursive: true, mode: 0o700 })
  await Promise.all([
    createAuthority('ca', '/CN=kube-ca'),
    openssl(['genrsa', '-out', pki('sa.key'), '2048']),
  ])
  const kubernetes = [
    'kubernetes',
    'kubernetes.default',
    'kubernetes.default.svc',
    'kubernetes.default.svc.cluster.local',
  ]
  const apiNames = ['127.0.0.1', nodeAddress, '10.43.0.1'].map((ip) => `IP:${ip}`)
  apiNames.push(...['localhost', ...kubernetes].map((name) => `DNS:${name}`))
  await Promise.all([
    issue('apiserver', { subject: '/CN=kube-apiserver', names: apiNames.join() }),
    issue('admin', { subject: '/O=system:masters/CN=admin' }),
    issue('node', {
      subject: '/O=system:nodes/CN=system:node:pi',
      names: `DNS:pi,IP:127.0.0.1,IP:${nodeAddress}`,
    }),
    issue('front-proxy', { subject: '/CN=front-proxy' }),
    issue('metrics-server', {
      subject: '/O=system:masters/CN=metrics-server',
      names: `DNS:metrics-server.kube-system.svc,IP:${nodeAddress},IP:${dnsAddress}`,
    }),
  ])
}

/** Makes a certificate authority of that name. */
export async function createAuthority(name: string, subject: string): Promise<void> {
  await createKey(name)
  await openssl([
    'req',
    '-x509',
    '-new',
    '-key',
    pki(`${name}.key`),
    '-subj',
    subject,
    '-days',
    '30',
    '-out',
    pki(`${name}.crt`),
  ])
}

/** Issues `<name>.crt` and `<name>.key` from the cluster's authority, for clients and servers alike. */
export async function issue(name: string, { subject, names, days = 30 }: Subject): Promise<void> {
  await createKey(name)
  const request = pki(`${name}.csr`)
  const extensions = pki(`${name}.ext`)
  await writeFile(
    extensions,
    `subjectAltName=${names ?? `DNS:${name}`}\nextendedKeyUsage=clientAuth,serverAuth\n`,
  )
  await openssl(['req', '-new', '-key', pki(`${name}.key`), '-subj', subject, '-out', request])
  const authority = ['-CA', pki('ca.crt'), '-CAkey', pki('ca.key')]
  // A random serial number, since certificates are issued side by side and a counter file would be shared.
  const serial = `0x${randomBytes(8).toString('hex')}`
  const rest = [
    '-set_serial',
    serial,
    '-days',
    String(days),
    '-extfile',
    extensions,
    '-out',
    pki(`${name}.crt`),
  ]
  await openssl(['x509', '-req', '-in', request, ...authority, ...rest])
}

async function createKey(name: string): Promise<void> {
  await openssl(['ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', pki(`${name}.key`)])
  await chmod(pki(`${name}.key`), 0o600)
}

async function openssl(args: string[]): Promise<void> {
  const result = await execa('openssl', args, { reject: false })
  if (result.failed) {
    const target = path.basename(args.at(-1) ?? '')
    throw new MachineError(`openssl ${args[0]} for ${target} failed: ${result.stderr || result.shortMessage}`)
  }
}
