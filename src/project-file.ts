import { existsSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'

import { InvalidInputError } from './errors.js'
import { listSeparator } from './flag-variables.js'

export const PROJECT_FILE = 'k8sflow.yaml'

/** The part of a flag's definition this file needs. */
interface FlagWithVariable {
  env?: string | undefined
  aliases?: readonly string[] | undefined
}

/** Flags that name a file: what the project file says counts from its own folder. */
export const PATH_FLAGS: ReadonlySet<string> = new Set([
  'ca',
  'chart',
  'dir',
  'file',
  'hosts-file',
  'ignore-file',
  'kubeconfig',
  'oci-dir',
  'output',
  'output-dir',
  'passphrase-file',
  'report',
  'source',
  'values',
  'write',
])

/**
 * Finds the nearest `k8sflow.yaml`, from `folder` upwards, and offers its values to the flags by setting their
 * environment variables where those are unset: so a flag beats a variable, and a variable beats the file
 * (docs/decisions/0019). Keys are the long names of flags; lists become comma-separated values. Keys of other
 * commands' flags are left alone, since one file serves all commands.
 * @param flags those of the command that runs
 * @param knownFlags gives the names of all commands' flags, aliases included; asked only where there is a file
 * @returns the file's path, where there is one
 * @throws InvalidInputError when the file cannot be read as a mapping of known names to plain values
 */
export async function applyProjectFile(
  flags: Readonly<Record<string, FlagWithVariable>>,
  knownFlags: () => readonly string[] | Promise<readonly string[]>,
  folder: string,
  environment: NodeJS.ProcessEnv,
): Promise<string | undefined> {
  const file = findUpwards(folder)
  if (file === undefined) return undefined
  refusePlanted(file)
  const settings = await readSettings(file)
  if (settings === null) return file
  if (typeof settings !== 'object' || Array.isArray(settings))
    throw invalid(file, 'it must be a mapping of flag names to values')
  const variables = new Map(
    Object.entries(flags).flatMap(([name, { env, aliases = [] }]) =>
      [name, ...aliases].map((key) => [key, { name, variable: env }] as const),
    ),
  )
  const known = await knownFlags()
  for (const [key, value] of Object.entries(settings)) {
    if (!known.includes(key)) throw await unknownKey(file, key, known)
    const { name = key, variable } = variables.get(key) ?? {}
    if (variable === undefined || environment[variable] !== undefined) continue
    environment[variable] = asText(file, name, value)
  }
  return file
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

/** In a folder where everybody may write, such as /tmp, anybody could have put it: it names clusters and programs. */
function refusePlanted(file: string): void {
  const own = process.getuid?.()
  if (own === undefined || (statSync(dirname(file)).mode & 0o002) === 0) return
  const { uid } = statSync(file)
  if (uid !== own && uid !== 0)
    throw invalid(file, 'another user wrote it, into a folder where everybody may write')
}

function asText(file: string, name: string, value: unknown): string {
  if (Array.isArray(value)) return value.map((item) => asText(file, name, item)).join(listSeparator(name))
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  if (typeof value !== 'string') throw invalid(file, `${name} must be a plain value or a list of them`)
  const isPath = PATH_FLAGS.has(name) && value !== '-' && !value.includes('://')
  return isPath ? resolve(dirname(file), value) : value
}

async function unknownKey(file: string, key: string, known: readonly string[]): Promise<InvalidInputError> {
  const { nearest } = await import('./values/nearest.js')
  const near = await nearest(key, known)
  const meant = near === undefined ? '' : `; did you mean ${near}?`
  return invalid(file, `no command has a flag --${key}${meant}`)
}

function invalid(file: string, reason: string): InvalidInputError {
  return new InvalidInputError(
    `${file} is not a usable project file: ${reason.replace(/\?$/, '')}${reason.endsWith('?') ? '?' : '.'}`,
    {
      code: 'INVALID_PROJECT_FILE',
      suggestions: [`Write it as flag names and values, for example "environment: staging".`],
    },
  )
}
