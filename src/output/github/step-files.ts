import { randomUUID } from 'node:crypto'
import { appendFile, stat } from 'node:fs/promises'

import { cutOff } from './markdown.js'

/** A summary beyond 1 MiB, in one step, is not shown at all (actions/runner, `AttachmentSizeLimit`). */
const SUMMARY_LIMIT = 1024 * 1024

/**
 * Adds to the job summary, as much as still fits into it.
 * @param file the value of `GITHUB_STEP_SUMMARY`
 * @throws Error when it cannot be written
 */
export async function appendSummary(file: string | undefined, markdown: string): Promise<void> {
  const path = given(file, 'GITHUB_STEP_SUMMARY')
  const size = await sizeOf(path)
  const text = cutOff(`${size === 0 ? '' : '\n\n'}${markdown}\n`, SUMMARY_LIMIT - size)
  if (text !== '') await appendFile(path, text)
}

/**
 * Sets outputs of the step. Every value stands between two lines that nobody can guess, so that it cannot end early
 * and set others, whatever it holds.
 * @param file the value of `GITHUB_OUTPUT`
 * @throws Error when it cannot be written, or a name is none
 */
export async function appendOutputs(
  file: string | undefined,
  outputs: Readonly<Record<string, string>>,
): Promise<void> {
  const path = given(file, 'GITHUB_OUTPUT')
  const text = Object.entries(outputs)
    .map(([name, value]) => {
      if (!/^[A-Za-z_][\w-]*$/.test(name))
        throw new Error(`${JSON.stringify(name)} is not a name of an output`)
      const delimiter = `k8sflow_${randomUUID()}`
      return `${name}<<${delimiter}\n${value}\n${delimiter}\n`
    })
    .join('')
  // Who wrote there before may have left its last line open.
  await appendFile(path, (await sizeOf(path)) === 0 ? text : `\n${text}`)
}

function given(file: string | undefined, name: string): string {
  if (file === undefined || file === '') throw new Error(`${name} is not set`)
  return file
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0
    throw error
  }
}
