import { FailedError, K8sflowError } from '../errors.js'
import { redactText } from './command-line.js'
import type { Runner } from './runner.js'

/** What git knows of a folder. */
export interface SourceState {
  /** The commit that is checked out, in full. */
  commit: string
  /** The newest commit that changed something in the folder, in full; in a shallow clone the oldest one there is. */
  lastChange: string
  /** When that was, in seconds since 1970. */
  lastChangeSeconds: number
  /** Whether the folder holds anything that is not committed: changed, deleted or untracked files. */
  dirty: boolean
  /** Where the repository was cloned from, without credentials. */
  origin?: string
}

/** Milliseconds a question to git may take: a cold checkout on a memory card is slow, a lock is for ever. */
const QUESTION_TIMEOUT = 60_000

/**
 * Asks git for the state of a folder.
 * @returns undefined where git is not installed, or the folder is in no repository, or nothing in it is committed
 * @throws FailedError when git refuses the repository, for example because another user owns it
 */
export async function sourceState(runner: Runner, folder: string): Promise<SourceState | undefined> {
  const git = async (...args: string[]) =>
    runner.run({ program: 'git', args: ['-C', folder, ...args], timeoutMs: QUESTION_TIMEOUT })
  let answers
  try {
    answers = await Promise.all([
      git('status', '--porcelain=v2', '--branch', '--untracked-files=all', '--', '.'),
      git('log', '-1', '--format=%H %ct', '--', '.'),
      git('config', '--get', 'remote.origin.url'),
    ])
  } catch (error) {
    if (error instanceof K8sflowError && error.code === 'PROGRAM_NOT_FOUND') return undefined
    throw error
  }
  const [status, log, origin] = answers
  if (status.exitCode !== 0) {
    if (/not a git repository/i.test(status.stderr)) return undefined
    throw refused(folder, status.stderr)
  }
  const commit = /^# branch\.oid ([0-9a-f]{40,64})$/m.exec(status.stdout)?.[1]
  const [, lastChange, seconds] = /^([0-9a-f]{40,64}) (\d+)$/.exec(log.stdout.trim()) ?? []
  if (commit === undefined || lastChange === undefined) return undefined
  return {
    commit,
    lastChange,
    lastChangeSeconds: Number(seconds),
    dirty: status.stdout.split('\n').some((line) => line !== '' && !line.startsWith('# ')),
    ...(origin.exitCode === 0 && origin.stdout.trim() !== ''
      ? { origin: webAddress(origin.stdout.trim()) }
      : {}),
  }
}

/** `git@host:path.git` and URLs with credentials, as an address that can be shown and opened. */
function webAddress(url: string): string {
  const [, host, path] = /^(?:ssh:\/\/)?git@([^:/]+)[:/](.+)$/.exec(url) ?? []
  const address =
    host === undefined ? url.replace(/^([a-z+]+:\/\/)[^/@]+@/i, '$1') : `https://${host}/${path ?? ''}`
  return redactText(address).replace(/\.git$/, '')
}

function refused(folder: string, stderr: string): FailedError {
  return new FailedError(`git refuses to read ${folder}: ${stderr.trim().split('\n')[0] ?? ''}`, {
    code: 'GIT_REFUSED',
    suggestions: [
      'See what git says there: git status',
      'Or name the tag yourself with --tag, outside of a repository.',
    ],
    data: { folder, stderr: stderr.slice(0, 2000) },
  })
}
