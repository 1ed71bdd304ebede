import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'

import * as pty from '@lydell/node-pty'

import { ROOT } from './harness.js'

/** The keys tests press. */
export const KEYS = {
  enter: '\r',
  down: '\u001b[B',
  up: '\u001b[A',
  space: ' ',
  ctrlC: '\u0003',
} as const

/** How the shell reports the end of k8sflow: its exit code, and whether the terminal echoes and edits lines again. */
export interface Ended {
  exitCode: number
  restored: boolean
}

/** k8sflow, as built, running in a terminal of its own. */
export interface Terminal {
  /** All that was printed, as text without control sequences. */
  text(): string
  /** All that was printed, as it came. */
  raw(): string
  /** Waits until a text has been printed after the last one that was waited for. */
  until(text: string): Promise<void>
  press(...keys: string[]): void
  end(): Promise<Ended>
}

/** Printed last of all: the terminal may report the end before the last output. */
const THE_END = 'that was all'

const PATIENCE_MS = 45_000

/** Starts `node bin/run.js` under a shell in a pseudo-terminal; `npm run build` must have run. */
export function startInTerminal(
  argv: readonly string[],
  cwd: string,
  env: Record<string, string> = {},
): Terminal {
  if (!existsSync(join(ROOT, 'dist'))) throw new Error('There is no dist; run npm run build first.')
  // The shell stays to say how it ended, and in what state it left the terminal; and a moment longer, since what is
  // printed just before the end can be lost with the terminal. Ctrl-C, where no prompt takes it as a key, is the shell's too.
  const script = `trap : INT; "$0" "$@"; echo "exit code $?"; stty -a; echo ${THE_END}; sleep 1`
  const child = pty.spawn('sh', ['-c', script, process.execPath, join(ROOT, 'bin', 'run.js'), ...argv], {
    cols: 100,
    rows: 40,
    cwd,
    env: { ...cleanEnvironment(), TERM: 'xterm-256color', ...env },
  })
  let output = ''
  let seen = 0
  let exitedAt = Number.POSITIVE_INFINITY
  child.onData((data) => (output += data))
  child.onExit(() => (exitedAt = Date.now()))
  const waitFor = async (condition: () => boolean, what: string) => {
    for (const start = Date.now(); !condition();) {
      const now = Date.now()
      if (now - start > PATIENCE_MS || now - exitedAt > 5000) {
        child.kill()
        throw new Error(`${what} did not come:\n${stripVTControlCharacters(output)}`)
      }
      await new Promise((done) => setTimeout(done, 10))
    }
  }
  return {
    text: () => stripVTControlCharacters(output).replaceAll('\r', ''),
    raw: () => output,
    async until(text) {
      const find = () => stripVTControlCharacters(output).indexOf(text, seen)
      await waitFor(() => find() >= 0, JSON.stringify(text))
      seen = find() + text.length
    },
    press(...keys) {
      for (const key of keys) child.write(key)
    },
    async end() {
      await waitFor(() => output.includes(THE_END), 'The end')
      const exitCode = Number(/exit code (\d+)/.exec(output)?.[1] ?? -1)
      const settings = output.slice(output.indexOf('exit code'))
      const cursorShown = output.lastIndexOf('\u001b[?25l') <= output.lastIndexOf('\u001b[?25h')
      return { exitCode, restored: / icanon/.test(settings) && / echo /.test(settings) && cursorShown }
    },
  }
}

/** No CI, no K8SFLOW_… and no colour settings from outside. */
function cleanEnvironment(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(process.env).filter(
      (entry): entry is [string, string] =>
        entry[1] !== undefined &&
        !/^(CI|NO_COLOR|FORCE_COLOR|K8SFLOW_.*|NODE_OPTIONS|NODE_V8_COVERAGE)$/.test(entry[0]),
    ),
  )
}
