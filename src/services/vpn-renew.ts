import { day } from '../day.js'
import { InvalidInputError } from '../errors.js'
import type { Issued } from '../pki/certificates.js'
import { makeCertificate, revocationListOf, serverConfigurationOf, withNextList } from './vpn-authority.js'
import { changeVpn } from './vpn-change.js'
import {
  readIndex,
  readVpnFile,
  type VpnFiles,
  vpnFiles,
  writeIndex,
  writePrivate,
  writePublic,
} from './vpn-folder.js'
import { newestOf, usersOf, type VpnCertificate, type VpnIndex, withCertificate } from './vpn-index.js'
import type { VpnRenewOptions, VpnTools } from './vpn-options.js'
import { checkUser, daysUntil, endAfter } from './vpn-settings.js'
import { checkKnown, issueTo, type VpnAddResult } from './vpn-users.js'

/** Days before its end from which a user's certificate is renewed with all others. */
const WITHIN_DAYS = 30

export interface VpnRenewResult {
  dir: string
  /** What was made anew for the server, and is to be copied there; empty when only a user was renewed. */
  serverFiles: string[]
  serverNotAfter: string
  revocationList: { number: number; notAfter: string }
  /** Users with a new file; their old one works until its own end. */
  users: VpnAddResult[]
  authorityNotAfter: string
  notes: string[]
}

/**
 * Gives the server's certificate and the revocation list a new term, and users a new file whose certificates end soon;
 * with a user named, that one alone. A certificate that is replaced works until its end, so that there is time to
 * hand the new file over.
 * @throws InvalidInputError when there is no such user
 */
export async function renewVpn(options: VpnRenewOptions, tools: VpnTools): Promise<VpnRenewResult> {
  const now = tools.now?.() ?? new Date()
  const { days, within = WITHIN_DAYS } = options
  if (days !== undefined) endAfter(now, days)
  const user = options.user === undefined ? undefined : checkUser(options.user)
  const files = vpnFiles(options)
  if (user !== undefined) checkNotRevoked(user, await checkKnown(await readIndex(files), user))
  return changeVpn(files, { options, tools }, async (authority, before) => {
    // Another run may have revoked the user meanwhile, who would get in again.
    if (user !== undefined) checkNotRevoked(user, await checkKnown(before, user))
    let index = user === undefined ? await renewServer(files, before, { authority, now }) : before
    const chosen = user === undefined ? endingUsers(index, within, now) : [user]
    const users: VpnAddResult[] = []
    for (const name of chosen) {
      const term = days ?? newestOf(index, name)?.days ?? 0
      const issued = await issueTo(files, { index, authority, user: name, days: term, now })
      index = issued.index
      users.push(issued.result)
    }
    return {
      dir: files.dir,
      serverFiles: user === undefined ? [files.serverConfiguration, files.revocationList] : [],
      serverNotAfter: newestOf(index, null)?.notAfter ?? '',
      revocationList: index.revocationList,
      users,
      authorityNotAfter: authority.certificate.notAfter.toISOString(),
      notes: user === undefined ? lapsed(index, now) : [],
    }
  })
}

function checkNotRevoked(user: string, { revoked }: VpnCertificate): void {
  if (revoked === null) return
  throw new InvalidInputError(`User "${user}" was revoked on ${day(revoked)}. Nothing was changed.`, {
    code: 'USER_REVOKED',
    suggestions: [`To let them in again: k8sflow vpn add ${user}`],
    data: { user, revokedAt: revoked },
  })
}

/** The index first, as everywhere: a run that is cut off after it is finished by the next. */
async function renewServer(
  files: VpnFiles,
  before: VpnIndex,
  { authority, now }: { authority: Issued; now: Date },
): Promise<VpnIndex> {
  const [authorityPem, tlsCrypt] = await Promise.all([
    readVpnFile(files.authority),
    readVpnFile(files.tlsCrypt),
  ])
  const made = await makeCertificate(authority, { user: null, days: before.serverDays, now })
  const index = withNextList(withCertificate(before, made.entry), now)
  const list = await revocationListOf(index, authority, now)
  await writeIndex(files, index)
  await writePublic(files.revocationList, list)
  await writePrivate(
    files.serverConfiguration,
    serverConfigurationOf(index, {
      authority: authorityPem,
      certificate: made.certificate,
      key: made.key,
      tlsCrypt,
    }),
  )
  return index
}

/** Who is let in today and not much longer; whom nobody renewed in time was perhaps meant to go. */
function endingUsers(index: VpnIndex, within: number, now: Date): string[] {
  return usersOf(index).filter((user) => {
    const { revoked = null, notAfter = '' } = newestOf(index, user) ?? {}
    return revoked === null && Date.parse(notAfter) > now.getTime() && daysUntil(notAfter, now) < within
  })
}

function lapsed(index: VpnIndex, now: Date): string[] {
  return usersOf(index)
    .filter((user) => {
      const { revoked = null, notAfter = '' } = newestOf(index, user) ?? {}
      return revoked === null && Date.parse(notAfter) <= now.getTime()
    })
    .map((user) => `User ${user} has expired and stays so; to let them in again: k8sflow vpn renew ${user}`)
}
