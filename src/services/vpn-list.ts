import { readFile, stat } from 'node:fs/promises'

import { day } from '../day.js'
import { readVpnFile, readIndex, userFile, type VpnFiles, vpnFiles } from './vpn-folder.js'
import { newestOf, usersOf, type VpnCertificate, type VpnIndex } from './vpn-index.js'
import type { VpnOptions } from './vpn-options.js'
import { daysUntil, type VpnServer } from './vpn-settings.js'

/** Days before an end at which it is time to do something. */
const SOON_DAYS = 30
const SOON_AUTHORITY_DAYS = 365

export interface VpnUser {
  user: string
  state: 'valid' | 'expired' | 'revoked'
  notAfter: string
  revokedAt: string | null
  /** Hexadecimal, of the newest certificate. */
  serial: string
  /** The user's configuration, while it is in the folder. */
  file: string | null
}

export interface VpnListResult {
  dir: string
  server: VpnServer
  network: string
  routes: string[]
  authorityNotAfter: string
  serverNotAfter: string
  revocationList: { number: number; notAfter: string }
  users: VpnUser[]
  warnings: string[]
}

/**
 * Lists the users of a VPN, and what ends when.
 * @throws InvalidInputError when there is no VPN
 */
export async function listVpn(options: Pick<VpnOptions, 'dir'>, now = new Date()): Promise<VpnListResult> {
  const files = vpnFiles(options)
  const index = await readIndex(files)
  const { readCertificate } = await import('../pki/certificates.js')
  const authority = readCertificate(await readVpnFile(files.authority))
  const server = newestOf(index, null)
  const result: VpnListResult = {
    dir: files.dir,
    server: index.server,
    network: index.network,
    routes: index.routes,
    authorityNotAfter: authority.notAfter.toISOString(),
    serverNotAfter: server?.notAfter ?? '',
    revocationList: index.revocationList,
    users: await Promise.all(
      usersOf(index).map(async (user) => vpnUser(files, newestOf(index, user) as VpnCertificate, now)),
    ),
    warnings: [],
  }
  return { ...result, warnings: [...endings(result, now), ...(await unfinished(files, index))] }
}

async function vpnUser(files: VpnFiles, certificate: VpnCertificate, now: Date): Promise<VpnUser> {
  const { user, notAfter, revoked, serial } = certificate
  const file = userFile(files, user ?? '')
  const hasFile = await stat(file).then(
    () => true,
    () => false,
  )
  const expired = Date.parse(notAfter) <= now.getTime()
  return {
    user: user ?? '',
    state: revoked !== null ? 'revoked' : expired ? 'expired' : 'valid',
    notAfter,
    revokedAt: revoked,
    serial,
    file: hasFile ? file : null,
  }
}

function endings(result: VpnListResult, now: Date): string[] {
  const { authorityNotAfter, serverNotAfter, revocationList, users } = result
  const soon = users.filter(
    ({ state, notAfter }) => state === 'valid' && daysUntil(notAfter, now) < SOON_DAYS,
  )
  const ofServer = [
    ['server certificate', serverNotAfter],
    ['revocation list', revocationList.notAfter],
  ] as const
  return [
    ...(daysUntil(authorityNotAfter, now) < SOON_AUTHORITY_DAYS
      ? [
          `The authority ${ending(authorityNotAfter, now)}, and all certificates with it: make the VPN anew in another folder, and give everybody a new file.`,
        ]
      : []),
    ...ofServer
      .filter(([, notAfter]) => daysUntil(notAfter, now) < SOON_DAYS)
      .map(
        ([what, notAfter]) =>
          `The ${what} ${ending(notAfter, now)}, and nobody gets in after that: k8sflow vpn renew, then copy the server's files.`,
      ),
    ...soon.map(({ user, notAfter }) => `User ${user} ${ending(notAfter, now)}: k8sflow vpn renew ${user}`),
  ]
}

function ending(notAfter: string, now: Date): string {
  const days = daysUntil(notAfter, now)
  if (Date.parse(notAfter) <= now.getTime()) return `ended on ${day(notAfter)}`
  return days === 0 ? 'ends within a day' : `ends in ${String(days)} ${days === 1 ? 'day' : 'days'}`
}

/** Where a run was cut off between the index and a file of the server or of a user. */
async function unfinished(files: VpnFiles, index: VpnIndex): Promise<string[]> {
  const [{ readRevocationList }, { readCertificate }] = await Promise.all([
    import('../pki/revocations.js'),
    import('../pki/certificates.js'),
  ])
  const text = async (file: string) => readFile(file, 'utf8').catch(() => '')
  const listed = attempt(readRevocationList, await text(files.revocationList))?.number
  const serialIn = (configuration: string) =>
    attempt(readCertificate, /<cert>([^<]*)<\/cert>/.exec(configuration)?.[1] ?? '')?.serialNumber
  const served = serialIn(await text(files.serverConfiguration))
  const old = [
    ...(listed === index.revocationList.number ? [] : [files.revocationList]),
    ...(served === newestOf(index, null)?.serial ? [] : [files.serverConfiguration]),
  ]
  return [
    ...old.map((file) => `${file} is missing or older than the index: k8sflow vpn renew writes it anew.`),
    ...(await Promise.all(usersOf(index).map(async (user) => oldUserFile(user)))).flat(),
  ]

  /** A file that is missing has been handed over, as it should be. */
  async function oldUserFile(user: string): Promise<string[]> {
    const { serial, revoked } = newestOf(index, user) as VpnCertificate
    const file = userFile(files, user)
    const held = await text(file)
    if (held === '' || revoked !== null || serialIn(held) === serial) return []
    return [`${file} is older than the index: k8sflow vpn renew ${user} writes it anew.`]
  }
}

function attempt<Result>(read: (text: string) => Result, text: string): Result | undefined {
  try {
    return read(text)
  } catch {
    return undefined
  }
}
