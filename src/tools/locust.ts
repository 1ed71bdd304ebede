import { join, resolve } from 'node:path'

import { K8sflowError, MissingProgramError } from '../errors.js'
import { packageRoot } from '../package-root.js'
import { printable } from '../printable.js'
import { commandLine } from './command-line.js'
import { type LocustEnd, type LocustSecond, readLocustLine } from './locust-output.js'
import { checkVersion } from './program-version.js'
import type { Completed, Runner } from './runner.js'

/** What one user class of the locustfile asks. */
export interface LocustTarget {
  /** `app1-it`. */
  name: string
  /** Where it is asked, such as `http://192.168.1.10`. */
  url: string
  /** The Host header; null leaves it alone. */
  host: string | null
  /** What `GET /ping` must answer. */
  ping: string
}

/** One load test. */
export interface LocustTest {
  targets: readonly LocustTarget[]
  users: number
  /** Users added per second. */
  spawnRate: number
  seconds: number
}

export interface LocustOptions {
  /** The folder it is started in, which should be empty: Locust reads its settings from files there. */
  cwd: string
  signal: AbortSignal
  /** Called about once per second. */
  onSecond: (second: LocustSecond) => void
}

/** How a test ended. */
export interface LocustRun {
  /** Undefined when Locust ended before it could sum up. */
  end: LocustEnd | undefined
  exitCode: number
  endedBy?: string
  /** The last lines it printed that are not numbers, oldest first. */
  lastLines: string[]
  /** This machine was too busy to make more load. */
  busy: boolean
}

/** Locust, however it is started. */
export interface Locust {
  version: string
  /** What is started: `locust`, `uvx locust`. */
  command: string
  /** The command of a test, as one line. */
  commandLine(test: LocustTest): string
  run(test: LocustTest, options: LocustOptions): Promise<LocustRun>
}

/** The oldest Locust that was tried. */
export const OLDEST_LOCUST = '2.20.0'

/** Downloads Locust where it is not in uvx's or pipx's cache yet. */
const VERSION_TIMEOUT_MS = 300_000
/** How long Locust may take to start and to end beyond its own time. */
const GRACE_MS = 90_000
/** How long after a signal: it finishes requests and sums up, which takes well below a second. */
const KILL_AFTER_MS = 10_000
/** Ctrl-C reaches k8sflow alone. uvx passes SIGTERM on, but not the first SIGINT. */
const STOPPING = { ownGroup: true, stopSignal: 'SIGTERM', killAfterMs: KILL_AFTER_MS } as const
const LAST_LINES = 12

const LOCUST = {
  name: 'Locust',
  oldest: OLDEST_LOCUST,
  advice: [
    'Install Locust: pipx install locust, or: uv tool install locust',
    'With uv or pipx alone it is fetched when it is needed: https://docs.astral.sh/uv/',
    'If it is installed elsewhere, say where: export K8SFLOW_LOCUST=/path/to/locust',
  ],
} as const

/**
 * Finds Locust: K8SFLOW_LOCUST, else `locust` on PATH, else through uvx, else through pipx, which fetch it.
 * @param onFetch called before one of the last two is asked, which may take a while
 * @param signal ends that
 * @throws MissingProgramError when there is none of them, or it is too old
 */
export async function findLocust(
  runner: Runner,
  onFetch: (program: string) => void,
  signal?: AbortSignal,
): Promise<Locust> {
  const own = process.env['K8SFLOW_LOCUST']
  const ways = own
    ? // A test runs in another folder, where a relative path would lead nowhere.
      [{ program: /[/\\]/.test(own) ? resolve(own) : own, before: [] }]
    : [
        { program: 'locust', before: [] },
        { program: 'uvx', before: ['locust'] },
        { program: 'pipx', before: ['run', 'locust'] },
      ]
  for (const { program, before } of ways) {
    if (before.length > 0) onFetch(program)
    const answer = await askVersion(runner, program, before, signal)
    if (answer !== undefined) return locustOver(runner, program, before, checkedVersion(program, answer))
  }
  throw new MissingProgramError(
    own
      ? `Locust was not found (K8SFLOW_LOCUST is "${own}").`
      : 'Locust was not found: there is neither locust nor uvx nor pipx on PATH.',
    { code: 'LOCUST_NOT_FOUND', suggestions: LOCUST.advice },
  )
}

function locustOver(runner: Runner, program: string, before: readonly string[], version: string): Locust {
  return {
    version,
    command: [program, ...before].join(' '),
    commandLine: (test) => commandLine(program, [...before, ...testArguments(test)]),
    async run(test, { cwd, signal, onSecond }) {
      let end: LocustEnd | undefined
      let busy = false
      const lastLines: string[] = []
      const keep = (line: string) => {
        if (line.trim() === '') return
        busy ||= /CPU usage (above|was too high)/.test(line)
        lastLines.push(printable(line))
        if (lastLines.length > LAST_LINES) lastLines.shift()
      }
      const onStdout = (text: string) => {
        const line = readLocustLine(text)
        if (line === undefined) return void keep(text)
        if (line.kind === 'end') end = line
        else onSecond(line)
      }
      const { exitCode, endedBy } = await runner.run({
        program,
        args: [...before, ...testArguments(test)],
        cwd,
        env: { ...environment(), K8SFLOW_TARGETS: targetsText(test) },
        onStdout,
        onStderr: keep,
        signal,
        ...STOPPING,
        timeoutMs: test.seconds * 1000 + GRACE_MS,
      })
      return { end, exitCode, lastLines, busy, ...(endedBy === undefined ? {} : { endedBy }) }
    },
  }
}

function testArguments({ users, spawnRate, seconds }: LocustTest): string[] {
  return [
    ...['--locustfile', join(packageRoot(), 'loadtest', 'locustfile.py'), '--headless', '--only-summary'],
    ...['--users', String(users), '--spawn-rate', String(spawnRate), '--run-time', `${String(seconds)}s`],
    // Requests that failed are part of the result, and no failure of Locust.
    ...['--exit-code-on-error', '0'],
  ]
}

/** No more than the locustfile reads: Linux takes 128 KiB in one variable, and 249 countries with two apps come near. */
function targetsText({ targets }: LocustTest): string {
  return JSON.stringify(targets.map(({ name, url, host, ping }) => ({ name, url, host, ping })))
}

function environment(): Record<string, string | undefined> {
  // Locust takes settings from them; k8sflow says all of its own on the command line.
  const settings = Object.keys(process.env).filter((name) => name.startsWith('LOCUST_'))
  return {
    ...Object.fromEntries(settings.map((name) => [name, undefined])),
    // Python buffers what goes into a pipe, and a locale of C would not take all letters.
    PYTHONUNBUFFERED: '1',
    PYTHONIOENCODING: 'utf-8',
  }
}

/** Undefined when the program is not there. */
async function askVersion(
  runner: Runner,
  program: string,
  before: readonly string[],
  signal: AbortSignal | undefined,
): Promise<Completed | undefined> {
  try {
    return await runner.run({
      program,
      args: [...before, '--version'],
      env: environment(),
      timeoutMs: VERSION_TIMEOUT_MS,
      ...(signal === undefined ? {} : { signal }),
      ...STOPPING,
    })
  } catch (error) {
    if (error instanceof K8sflowError && error.code === 'PROGRAM_NOT_FOUND') return undefined
    throw error
  }
}

function checkedVersion(program: string, answer: Completed): string {
  const said = /^locust (\d+\.\d+\.\d+)/m.exec(answer.stdout)?.[1]
  return checkVersion(program, answer, said, LOCUST).version
}
