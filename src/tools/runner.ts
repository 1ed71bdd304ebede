import { execa } from 'execa'

import { FailedError, MissingProgramError } from '../errors.js'
import type { Progress } from '../progress.js'
import { commandLine } from './command-line.js'

/** One run of a program: an argument list, never a shell line. */
export interface Invocation {
  program: string
  args: readonly string[]
  cwd?: string
  /** Added to (and overriding) the environment of k8sflow itself. */
  env?: Readonly<Record<string, string | undefined>>
  stdin?: string
  /** Called for each line as it comes. */
  onStdout?: (line: string) => void
  onStderr?: (line: string) => void
  /**
   * Asks the program to end: one SIGINT and no second signal, because helm cleans up after the first and a
   * harder one leaves its release pending (facts, "Signals").
   */
  signal?: AbortSignal
  /**
   * Runs the program in a process group of its own, so that Ctrl-C at a terminal, which signals the whole
   * foreground group, does not reach it a second time.
   */
  ownGroup?: boolean
  /** Another signal to ask with; never a harder one for helm. */
  stopSignal?: 'SIGTERM'
  /**
   * Milliseconds after being asked at which the program is killed, with its whole group where it has one. Left out:
   * never after `signal`, a few seconds after `timeoutMs`.
   */
  killAfterMs?: number
  /** Milliseconds after which the program is asked to end, with SIGTERM; for what changes nothing, never for changes. */
  timeoutMs?: number
}

/** What a program left behind; a non-zero exit code is a result, not an exception. */
export interface Completed {
  exitCode: number
  stdout: string
  stderr: string
  /** The signal that ended the program, if one did. */
  endedBy?: string
}

/** The one place that starts processes. */
export interface Runner {
  /**
   * Runs a program to its end.
   * @throws MissingProgramError when it cannot be found or executed
   */
  run(invocation: Invocation): Promise<Completed>
}

/** Bytes of output kept of one stream: `helm upgrade -o json` of 249 countries stays far below it. */
const MAX_OUTPUT = 256 * 1024 * 1024
/** For a program that was to answer a question, and does not end when its time is over. */
const KILL_AFTER_TIMEOUT_MS = 5000

/** Makes the runner; every command line it starts is first told to `progress`, redacted. */
export function createRunner(progress: Progress): Runner {
  return {
    async run(invocation) {
      const { program, args } = invocation
      progress({ kind: 'command', line: commandLine(program, args) })
      const subprocess = execa(program, [...args], processOptions(invocation))
      const told = Promise.all([
        forEachLine(() => subprocess.iterable({ from: 'stdout' }), invocation.onStdout),
        forEachLine(() => subprocess.iterable({ from: 'stderr' }), invocation.onStderr),
      ])
      const { signal, stopSignal = 'SIGINT', timeoutMs, killAfterMs } = invocation
      let killing: NodeJS.Timeout | undefined
      const ask = (word: 'SIGINT' | 'SIGTERM', patienceMs: number | undefined) => {
        subprocess.kill(word)
        if (patienceMs !== undefined) killing ??= setTimeout(() => kill(subprocess, invocation), patienceMs)
      }
      const interrupt = () => ask(stopSignal, killAfterMs)
      if (signal?.aborted) interrupt()
      signal?.addEventListener('abort', interrupt, { once: true })
      const timing =
        timeoutMs === undefined
          ? undefined
          : setTimeout(() => ask('SIGTERM', killAfterMs ?? KILL_AFTER_TIMEOUT_MS), timeoutMs)
      try {
        const result = await subprocess
        await told
        if (result.exitCode === undefined && result.signal === undefined) throw startFailure(program, result)
        return {
          exitCode: result.exitCode ?? 1,
          stdout: result.stdout,
          stderr: result.stderr,
          ...(result.signal === undefined ? {} : { endedBy: result.signal }),
        }
      } finally {
        signal?.removeEventListener('abort', interrupt)
        clearTimeout(timing)
        clearTimeout(killing)
      }
    },
  }
}

function kill(
  subprocess: { pid?: number; kill(signal: 'SIGKILL'): boolean },
  { ownGroup }: Invocation,
): void {
  try {
    // What a program such as uvx has started lives on when only that program is killed.
    if (ownGroup && subprocess.pid !== undefined && process.platform !== 'win32')
      process.kill(-subprocess.pid, 'SIGKILL')
    else subprocess.kill('SIGKILL')
  } catch {
    // It has just ended.
  }
}

function processOptions(invocation: Invocation) {
  const ownGroup = invocation.ownGroup ?? false
  return {
    ...(invocation.cwd === undefined ? {} : { cwd: invocation.cwd }),
    ...(invocation.env === undefined ? {} : { env: invocation.env }),
    ...(invocation.stdin === undefined ? { stdin: 'ignore' as const } : { input: invocation.stdin }),
    detached: ownGroup,
    // A program with its own group is still waited for, and must not be killed when k8sflow ends early.
    cleanup: !ownGroup,
    forceKillAfterDelay: false,
    reject: false,
    stripFinalNewline: true,
    maxBuffer: MAX_OUTPUT,
  } as const
}

async function forEachLine(
  lines: () => AsyncIterable<unknown>,
  handle: ((line: string) => void) | undefined,
): Promise<void> {
  if (handle === undefined) return
  try {
    for await (const line of lines()) handle(String(line))
  } catch {
    // The program was not started, or the stream failed with it; the program's own result says why.
  }
}

function startFailure(
  program: string,
  result: { code?: string | undefined; originalMessage?: string | undefined; cause?: unknown },
): Error {
  const details = { code: 'PROGRAM_NOT_STARTED', cause: result.cause, data: { program } }
  if (result.code === 'ENOENT' || result.code === 'ENOTDIR')
    return new MissingProgramError(`${program} was not found.`, {
      ...details,
      code: 'PROGRAM_NOT_FOUND',
      suggestions: [`Install ${program}, or put the folder that holds it on PATH.`],
    })
  if (result.code === 'EACCES')
    return new MissingProgramError(`${program} cannot be executed (permission denied).`, {
      ...details,
      suggestions: [`Check the file's mode: chmod +x ${program}`],
    })
  // Not the whole message: that repeats all arguments, secrets included.
  return new FailedError(
    `${program} could not be started: ${result.originalMessage ?? 'unknown reason'}.`,
    details,
  )
}
