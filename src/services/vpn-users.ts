import { day } from '../day.js'
import type { Issued } from '../pki/certificates.js'
import { InvalidInputError } from '../errors.js'
import { makeCertificate, revocationListOf, withNextList } from './vpn-authority.js'
import { changeVpn } from './vpn-change.js'
import { userConfiguration } from './vpn-configuration.js'
import {
  makePrivateFolder,
  readIndex,
  readVpnFile,
  userFile,
  type VpnFiles,
  vpnFiles,
  writeIndex,
  writePrivate,
  writePublic,
} from './vpn-folder.js'
import { newestOf, usersOf, type VpnCertificate, type VpnIndex, withCertificate } from './vpn-index.js'
import type { VpnOptions, VpnTools, VpnUserOptions } from './vpn-options.js'
import { checkUser, endAfter, USER_DAYS } from './vpn-settings.js'
import { rm } from 'node:fs/promises'
import { dirname } from 'node:path'

export interface VpnAddResult {
  dir: string
  user: string
  /** The user's configuration, with everything in it. */
  file: string
  /** Hexadecimal. */
  serial: string
  notAfter: string
}

export interface VpnRevokeResult {
  dir: string
  user: string
  /** All certificates of the user that count no more. */
  serials: string[]
  revokedAt: string
  /** True when the user was revoked before; the list is written anew all the same. */
  already: boolean
  /** To be copied to the server, which lets the user in until then. */
  revocationList: string
  /** Number of the list. */
  number: number
  /** Until when the list holds; OpenVPN lets nobody in after that. */
  listNotAfter: string
}

/**
 * Makes a certificate for a user, and the one file the user needs.
 * @throws InvalidInputError when the name cannot be used, or the user has a certificate that counts
 */
export async function addUser(options: VpnUserOptions, tools: VpnTools): Promise<VpnAddResult> {
  const user = checkUser(options.user)
  const now = tools.now?.() ?? new Date()
  const days = options.days ?? USER_DAYS
  endAfter(now, days)
  const files = vpnFiles(options)
  checkAbsent(await readIndex(files), user, now)
  return changeVpn(files, { options, tools }, async (authority, index) => {
    // Another run may have added the user meanwhile.
    checkAbsent(index, user, now)
    const { result } = await issueTo(files, { index, authority, user, days, now })
    return result
  })
}

/**
 * Makes certificate and configuration of a user. The index comes first: a certificate it did not know could never be
 * revoked, while a file that is missing is made anew by `renew`.
 */
export async function issueTo(
  files: VpnFiles,
  {
    index,
    authority,
    user,
    days,
    now,
  }: { index: VpnIndex; authority: Issued; user: string; days: number; now: Date },
): Promise<{ index: VpnIndex; result: VpnAddResult }> {
  const tlsCrypt = await readVpnFile(files.tlsCrypt)
  const authorityPem = await readVpnFile(files.authority)
  const made = await makeCertificate(authority, { user, days, now })
  const { serial, notAfter } = made.entry
  const next = withCertificate(index, made.entry)
  const file = userFile(files, user)
  await makePrivateFolder(dirname(file))
  await writeIndex(files, next)
  await writePrivate(
    file,
    userConfiguration(
      index.server,
      { name: user, notAfter },
      { authority: authorityPem, certificate: made.certificate, key: made.key, tlsCrypt },
    ),
  )
  return { index: next, result: { dir: files.dir, user, file, serial, notAfter } }
}

/**
 * Revokes all certificates of a user. The index comes first: from a list made without it a later one would let the
 * user in again; a run that is cut off in between is finished by the next one.
 * @throws InvalidInputError when there is no such user
 */
export async function revokeUser(
  options: VpnOptions & { user: string },
  tools: VpnTools,
): Promise<VpnRevokeResult> {
  const user = checkUser(options.user)
  const now = tools.now?.() ?? new Date()
  const files = vpnFiles(options)
  await checkKnown(await readIndex(files), user)
  return changeVpn(files, { options, tools }, async (authority, before) => {
    const already = newestOf(before, user)?.revoked ?? null
    const index = withNextList(
      {
        ...before,
        certificates: before.certificates.map((certificate) =>
          certificate.user === user && certificate.revoked === null
            ? { ...certificate, revoked: now.toISOString() }
            : certificate,
        ),
      },
      now,
    )
    await writeIndex(files, index)
    await writePublic(files.revocationList, await revocationListOf(index, authority, now))
    // Of no use any more, and there is a key in it.
    await rm(userFile(files, user), { force: true })
    return {
      dir: files.dir,
      user,
      serials: index.certificates.filter((one) => one.user === user).map(({ serial }) => serial),
      revokedAt: already ?? now.toISOString(),
      already: already !== null,
      revocationList: files.revocationList,
      number: index.revocationList.number,
      listNotAfter: index.revocationList.notAfter,
    }
  })
}

/** @throws InvalidInputError unless a user has or had a certificate */
export async function checkKnown(index: VpnIndex, user: string): Promise<VpnCertificate> {
  const certificate = newestOf(index, user)
  if (certificate !== undefined) return certificate
  const users = usersOf(index)
  const { nearest } = await import('../values/nearest.js')
  const near = await nearest(user, users)
  throw new InvalidInputError(`There is no user "${user}". Nothing was changed.`, {
    code: 'USER_UNKNOWN',
    suggestions: [
      ...(near === undefined ? [] : [`Did you mean ${near}?`]),
      users.length === 0 ? `Add the first one: k8sflow vpn add ${user}` : 'See all: k8sflow vpn list',
    ],
    data: { users },
  })
}

function checkAbsent(index: VpnIndex, user: string, now: Date): void {
  const certificate = newestOf(index, user)
  if (
    certificate === undefined ||
    certificate.revoked !== null ||
    Date.parse(certificate.notAfter) <= now.getTime()
  )
    return
  throw new InvalidInputError(
    `User "${user}" has a certificate that holds until ${day(certificate.notAfter)}. Nothing was changed.`,
    {
      code: 'USER_EXISTS',
      suggestions: [
        `For a new file: k8sflow vpn renew ${user}`,
        `If the old one is lost or known to others, first: k8sflow vpn revoke ${user}`,
        'Another device of the same person is another user: ann-phone.',
      ],
      data: { user, notAfter: certificate.notAfter },
    },
  )
}
