import { chmod, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { shellQuote } from '../../../src/tools/command-line.js'

/** What a helm answers to argument lists that start so; to all else with an empty success. */
export type HelmAnswers = Record<string, { stdout?: string; stderr?: string; exitCode?: number }>

export interface HelmScript {
  /** Its path. */
  program: string
  /** Argument lists it was called with. */
  calls(): Promise<string[]>
}

/** Writes a helm into a folder that keeps nothing in mind: it answers from a table, and starts faster than node. */
export async function writeHelmScript(folder: string, answers: HelmAnswers): Promise<HelmScript> {
  const program = join(folder, 'helm')
  const log = join(folder, 'helm.log')
  const all: HelmAnswers = { version: { stdout: 'v4.3.1' }, ...answers }
  const cases = Object.entries(all).map(
    ([start, { stdout = '', stderr = '', exitCode = 0 }]) =>
      `${shellQuote(start)}*) printf %s ${shellQuote(stdout)}; printf %s ${shellQuote(stderr)} >&2; exit ${String(exitCode)} ;;`,
  )
  await writeFile(
    program,
    `#!/bin/sh\necho "$*" >> ${shellQuote(log)}\ncase "$*" in\n${cases.join('\n')}\nesac\n`,
  )
  await chmod(program, 0o755)
  return {
    program,
    calls: async () => (await readFile(log, 'utf8').catch(() => '')).split('\n').filter(Boolean),
  }
}
