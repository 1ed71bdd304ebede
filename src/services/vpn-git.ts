import { existsSync } from 'node:fs'
import { realpath } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'

import { InvalidInputError } from '../errors.js'
import type { Progress } from '../progress.js'
import type { Exposure } from '../tools/git.js'

/** One of each kind: a rule for `*.key` does not ignore what else holds a key. */
const SECRET_FILES = [
  'vpn.json',
  'ca.key',
  'tls-crypt.key',
  'server/k8sflow.conf',
  'users/user.ovpn',
  // What a run that is killed leaves behind.
  'users/.user.ovpn.k8sflow-tmp',
]

/**
 * Makes sure that git neither has the keys of a folder nor would take them.
 * @param folder need not exist yet
 * @throws InvalidInputError when it has or would, or when that cannot be known
 */
export async function checkGit(folder: string, progress: Progress): Promise<void> {
  const [{ exposure }, { createRunner }] = await Promise.all([
    import('../tools/git.js'),
    import('../tools/runner.js'),
  ])
  const existing = nearestExisting(folder)
  const real = await realpath(existing)
  const inside = relative(existing, folder) || '.'
  const found = await exposure(createRunner(progress), real, { folder: inside, files: SECRET_FILES })
  if (found === undefined ? !inRepository(real) : found === 'none' || found === 'ignored') return
  throw new InvalidInputError(`${reason(found, folder)} Nothing was changed.`, {
    code: 'VPN_IN_GIT',
    suggestions: [
      'Keep the VPN outside of every repository: leave --dir out, or name another folder.',
      ...(found === 'addable' ? ['Or have git ignore the whole folder, with a line in .gitignore.'] : []),
      ...(found === 'tracked'
        ? ['Keys that were committed are no secret any more: make the VPN anew, in another folder.']
        : []),
    ],
    data: { dir: folder, git: found ?? 'missing' },
  })
}

function reason(found: Exposure | undefined, folder: string): string {
  if (found === 'tracked') return `${folder} holds files that are in git, and the VPN's keys must never be.`
  if (found === 'addable')
    return `${folder} is in a git repository that would take the VPN's keys with the next commit.`
  return `${folder} is in a git repository, and git is not installed to say whether it is ignored there.`
}

function nearestExisting(folder: string): string {
  return existsSync(folder) || dirname(folder) === folder ? folder : nearestExisting(dirname(folder))
}

function inRepository(folder: string): boolean {
  return existsSync(join(folder, '.git')) || (dirname(folder) !== folder && inRepository(dirname(folder)))
}
