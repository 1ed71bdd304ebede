import type { Issued } from '../pki/certificates.js'
import { withFolderLock } from '../tools/folder-lock.js'
import { openAuthority } from './vpn-authority.js'
import { checkPrivate, readIndex, type VpnFiles } from './vpn-folder.js'
import { checkGit } from './vpn-git.js'
import type { VpnIndex } from './vpn-index.js'
import type { VpnOptions, VpnTools } from './vpn-options.js'

/**
 * Lets work change a VPN with its authority's key: one run at a time, and never where git would take its keys. Whoever
 * is asked for a passphrase holds nobody up.
 * @param work gets the index as it is now, whatever another run has just written
 * @throws InvalidInputError, FailedError
 */
export async function changeVpn<Result>(
  files: VpnFiles,
  { options, tools }: { options: VpnOptions; tools: VpnTools },
  work: (authority: Issued, index: VpnIndex) => Promise<Result>,
): Promise<Result> {
  await checkPrivate(files)
  await checkGit(files.dir, tools.progress)
  const authority = await openAuthority(files, options, tools)
  return withFolderLock(files.dir, async () => work(authority, await readIndex(files)))
}
