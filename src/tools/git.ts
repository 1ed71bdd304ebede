import { join } from 'node:path'

import { FailedError, K8sflowError } from '../errors.js'
import type { Completed, Runner } from './runner.js'

/** What git knows of a folder. */
export interface SourceState {
  /** The commit that is checked out, in full. */
  commit: string
  /** The newest commit that changed something in the folder, in full. */
  lastChange: string
  /** When that was, in seconds since 1970. */
  lastChangeSeconds: number
  /** Whether the folder holds anything that is not committed: changed, deleted or untracked files. */
  dirty: boolean
  /** Set where the clone is shallow and ends at {@link lastChange}: the true one may be older. */
  shallow?: true
  /** Where the repository was cloned from, without credentials. */
  origin?: string
}

/** Milliseconds a question to git may take: a cold checkout on a memory card is slow, a lock is for ever. */
const QUESTION_TIMEOUT = 60_000

/** Git answers in English, keeps its hands off the index, and does not look where a hook that runs us points it. */
const ENVIRONMENT = {
  LC_ALL: 'C',
  GIT_OPTIONAL_LOCKS: '0',
  GIT_DIR: undefined,
  GIT_WORK_TREE: undefined,
  GIT_INDEX_FILE: undefined,
  GIT_PREFIX: undefined,
}

/**
 * Asks git for the state of a folder.
 * @returns undefined where git is not installed, or the folder is in no repository, or nothing in it is committed
 * @throws FailedError when git refuses the repository, for example because another user owns it
 */
export async function sourceState(runner: Runner, folder: string): Promise<SourceState | undefined> {
  const git = async (...args: string[]) => question(runner, folder, args)
  let answers
  try {
    answers = await Promise.all([
      git('status', '--porcelain=v2', '--branch', '--untracked-files=all', '--', '.'),
      git('log', '-1', '--no-show-signature', '--format=%H %ct %p', '--', '.'),
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
  const [, lastChange, seconds, parents] = /^([0-9a-f]{40,64}) (\d+) ?(.*)$/.exec(log.stdout) ?? []
  if (commit === undefined || lastChange === undefined) return undefined
  // Where a shallow clone ends, a commit has lost its parents, and seems to have made everything.
  const isShallow = parents === '' && (await git('rev-parse', '--is-shallow-repository')).stdout === 'true'
  const address = webAddress(origin.stdout.trim())
  return {
    commit,
    lastChange,
    lastChangeSeconds: Number(seconds),
    dirty: status.stdout.split('\n').some((line) => line !== '' && !line.startsWith('# ')),
    ...(isShallow ? { shallow: true } : {}),
    ...(address === undefined ? {} : { origin: address }),
  }
}

/** Whether git has a file, or would take it with the next `git add .`. */
export type Exposure = 'none' | 'ignored' | 'addable' | 'tracked'

/**
 * Asks git about a folder and about files in it, none of which need exist yet.
 * @param base a folder that exists
 * @param folder relative to it: tracked is whatever git has in here
 * @param files relative to `folder`: ignored counts only for all of them
 * @returns undefined where git is not installed
 * @throws FailedError when git refuses the repository
 */
export async function exposure(
  runner: Runner,
  base: string,
  { folder, files }: { folder: string; files: readonly string[] },
): Promise<Exposure | undefined> {
  const git = async (...args: string[]) => question(runner, base, args)
  try {
    const inside = await git('rev-parse', '--is-inside-work-tree')
    if (inside.exitCode !== 0) {
      if (/not a git repository/i.test(inside.stderr)) return 'none'
      throw refused(base, inside.stderr)
    }
    // Within .git itself nothing is ever added.
    if (inside.stdout !== 'true') return 'none'
    // Begun so, a path is never taken for a pattern, as `:x` would be.
    const named = (path: string) => `./${path}`
    const tracked = await git('ls-files', '--', named(folder))
    if (tracked.exitCode !== 0) throw refused(base, tracked.stderr)
    if (tracked.stdout !== '') return 'tracked'
    const ignored = await git('check-ignore', '--', ...files.map((file) => named(join(folder, file))))
    // 1 says that none of them is ignored.
    if (ignored.exitCode > 1) throw refused(base, ignored.stderr)
    return ignored.stdout.split('\n').filter(Boolean).length === files.length ? 'ignored' : 'addable'
  } catch (error) {
    if (error instanceof K8sflowError && error.code === 'PROGRAM_NOT_FOUND') return undefined
    throw error
  }
}

/** A working copy, as others find it at its remote. */
export interface Checkout {
  /** Its top folder. */
  root: string
  /** Undefined where a commit is checked out rather than a branch. */
  branch?: string
  /** Where it was cloned from, as an https address without credentials; undefined for a path on this machine. */
  remote?: string
}

/**
 * Asks git which working copy a folder belongs to.
 * @returns undefined where git is not installed, or the folder is in none
 */
export async function checkoutOf(runner: Runner, folder: string): Promise<Checkout | undefined> {
  const git = async (...args: string[]) => question(runner, folder, args)
  let answers
  try {
    answers = await Promise.all([
      git('rev-parse', '--show-toplevel'),
      git('symbolic-ref', '--short', '-q', 'HEAD'),
      git('config', '--get', 'remote.origin.url'),
    ])
  } catch (error) {
    if (error instanceof K8sflowError && error.code === 'PROGRAM_NOT_FOUND') return undefined
    throw error
  }
  const [top, branch, origin] = answers.map(({ exitCode, stdout }) => (exitCode === 0 ? stdout.trim() : ''))
  if (answers[0].exitCode !== 0 && !/not a git repository/i.test(answers[0].stderr))
    throw refused(folder, answers[0].stderr)
  if (!top) return undefined
  const address = webAddress(origin ?? '')
  // Some hosts answer an address without ".git" with a redirection, which Argo CD does not follow.
  const suffix = origin?.endsWith('.git') === true ? '.git' : ''
  return {
    root: top,
    ...(branch ? { branch } : {}),
    ...(address === undefined ? {} : { remote: `${address.replace(/^http:/, 'https:')}${suffix}` }),
  }
}

/** Those of the paths in a working copy that hold anything that is not committed, or that git ignores altogether. */
export async function uncommitted(runner: Runner, root: string, paths: readonly string[]): Promise<string[]> {
  const says = async (...args: string[]) => {
    const { exitCode, stdout } = await question(runner, root, args)
    return exitCode === 0 ? stdout.trim() : undefined
  }
  const all = await Promise.all(
    paths.map(async (path) => ({
      path,
      changes: await says('status', '--porcelain', '--untracked-files=all', '--', path),
      tracked: await says('ls-files', '--', path),
    })),
  )
  return all.filter(({ changes = '', tracked }) => changes !== '' || tracked === '').map(({ path }) => path)
}

async function question(runner: Runner, folder: string, args: readonly string[]): Promise<Completed> {
  return runner.run({
    program: 'git',
    args: ['-C', folder, ...args],
    env: ENVIRONMENT,
    timeoutMs: QUESTION_TIMEOUT,
  })
}

/**
 * An address that can be shown and opened: `git@host:path.git` and URLs, without credentials. A path on this machine
 * is none, and would give the same source another digest elsewhere.
 */
function webAddress(url: string): string | undefined {
  const [, host, path] =
    /^[^/@:]+@([^/:]+):\/?(.+)$/.exec(url) ?? /^ssh:\/\/(?:[^/@]*@)?([^/:]+)(?::\d+)?\/(.+)$/.exec(url) ?? []
  const [, scheme = 'https://', place = host === undefined ? undefined : `${host}/${path ?? ''}`] =
    /^(https?:\/\/)(?:[^/@]*@)?([^?#]+)/i.exec(url) ?? []
  return place === undefined ? undefined : `${scheme}${place}`.replace(/\/?(\.git)?\/?$/, '')
}

function refused(folder: string, stderr: string): FailedError {
  const owner = /safe\.directory (\S+)/.exec(stderr)?.[1]
  return new FailedError(`git refuses to read ${folder}: ${stderr.trim().split('\n')[0] ?? ''}`, {
    code: 'GIT_REFUSED',
    suggestions:
      owner === undefined
        ? [`See what git says there: git -C ${folder} status`]
        : [`If you trust what is in it: git config --global --add safe.directory ${owner}`],
    data: { folder, stderr: stderr.slice(0, 2000) },
  })
}
