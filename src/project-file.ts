import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'

import { InvalidInputError } from './errors.js'

export const PROJECT_FILE = 'k8sflow.yaml'

/** The part of a flag's definition this file needs. */
interface FlagWithVariable {
  env?: string | undefined
  aliases?: readonly string[] | undefined
}

/**
 * Finds the nearest `k8sflow.yaml`, from `folder` upwards, and offers its values to the flags by setting their
 * environment variables where those are unset: so a flag beats a variable, and a variable beats the file
 * (design, decision 6). Keys are the long names of flags; lists become comma-separated values. Keys of other
 * commands' flags are left alone, since one file serves all commands.
 * @throws InvalidInputError when the file cannot be read as a mapping of names to plain values
 */
export async function applyProjectFile(
  flags: Readonly<Record<string, FlagWithVariable>>,
  folder: string,
  environment: NodeJS.ProcessEnv,
): Promise<void> {
  const file = findUpwards(folder)
  if (file === undefined) return
  const settings = await readSettings(file)
  if (settings === null) return
  if (typeof settings !== 'object' || Array.isArray(settings))
    throw invalid(file, 'it must be a mapping of flag names to values')
  for (const [key, value] of Object.entries(settings)) {
    const variable = flags[key]?.env
    if (variable === undefined || environment[variable] !== undefined) continue
    environment[variable] = asText(file, key, value)
  }
}

async function readSettings(file: string): Promise<unknown> {
  const [{ readText }, { parse }] = await Promise.all([import('./tools/text-file.js'), import('yaml')])
  const read = await readText(file)
  if ('problem' in read) throw invalid(file, read.problem)
  try {
    return parse(read.text)
  } catch (error) {
    throw invalid(file, (error as Error).message.trimEnd())
  }
}

function findUpwards(folder: string): string | undefined {
  for (let current = folder; ; current = dirname(current)) {
    const file = join(current, PROJECT_FILE)
    if (existsSync(file)) return file
    if (dirname(current) === current) return undefined
  }
}

function asText(file: string, key: string, value: unknown): string {
  if (Array.isArray(value)) return value.map((item) => asText(file, key, item)).join(',')
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
    return String(value)
  throw invalid(file, `${key} must be a plain value or a list of them`)
}

function invalid(file: string, reason: string): InvalidInputError {
  return new InvalidInputError(`${file} is not a usable project file: ${reason}.`, {
    code: 'INVALID_PROJECT_FILE',
    suggestions: [`Write it as flag names and values, for example "environment: staging".`],
  })
}
