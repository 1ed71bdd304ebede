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
      git('rev-parse', '--verify', 'HEAD^{commit}'),
      git('log', '-1', '--format=%H %ct', '--', '.'),
      git('status', '--porcelain', '--untracked-files=all', '--', '.'),
      git('remote', 'get-url', 'origin'),
    ])
  } catch (error) {
    if (error instanceof K8sflowError && error.code === 'PROGRAM_NOT_FOUND') return undefined
    throw error
  }
  const [head, log, status, origin] = answers
  if (head.exitCode !== 0 && isRefusal(head.stderr)) throw refused(folder, head.stderr)
  const [, lastChange, seconds] = /^([0-9a-f]{40,64}) (\d+)$/.exec(log.stdout.trim()) ?? []
  if (head.exitCode !== 0 || lastChange === undefined) return undefined
  return {
    commit: head.stdout.trim(),
    lastChange,
    lastChangeSeconds: Number(seconds),
    // A status that git could not find out is not a clean one.
    dirty: status.exitCode !== 0 || status.stdout.trim() !== '',
    ...(origin.exitCode === 0 && origin.stdout.trim() !== ''
      ? { origin: webAddress(origin.stdout.trim()) }
      : {}),
  }
}

/** No repository, or one without a commit, is an answer; anything else that git says is not. */
function isRefusal(stderr: string): boolean {
  return !/not a git repository|Needed a single revision|unknown revision|bad revision/i.test(stderr)
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
