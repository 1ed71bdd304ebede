import { InvalidInputError } from './errors.js'

/** The part of a flag's definition this file needs. */
interface FlagDefinition {
  type: string
  env?: string | undefined
  multiple?: boolean | undefined
}

const SPELLINGS = new Map([
  ...['true', '1', 'yes', 'y', 'on'].map((word) => [word, 'true'] as const),
  ...['false', '0', 'no', 'n', 'off', ''].map((word) => [word, 'false'] as const),
])

/**
 * Spells the variables of yes-or-no flags the way oclif reads them. It takes a word it does not know for a no, and a
 * dry run that is none would change things.
 * @throws InvalidInputError naming the variable whose value is neither
 */
export function settleBooleans(
  flags: Readonly<Record<string, FlagDefinition>>,
  environment: NodeJS.ProcessEnv,
): void {
  for (const [name, { type, env }] of Object.entries(flags)) {
    const given = env === undefined || type !== 'boolean' ? undefined : environment[env]
    if (env === undefined || given === undefined) continue
    const settled = SPELLINGS.get(given.trim().toLowerCase())
    if (settled === undefined)
      throw new InvalidInputError(`${env} (for --${name}) is "${given}", which is neither true nor false.`, {
        code: 'INVALID_VARIABLE',
        suggestions: [`Set it to true or false: export ${env}=true`],
        data: { variable: env, flag: name },
      })
    environment[env] = settled
  }
}

/** Flags whose values have commas of their own, as buildx writes its options. */
const ONE_PER_LINE = new Set(['build-arg', 'cache-from', 'cache-to'])

/** What stands between the values of a flag in its variable. */
export function listSeparator(flag: string): string {
  return ONE_PER_LINE.has(flag) ? '\n' : ','
}

/** Splits the values of flags that may be given more than once: from a variable oclif hands over one bare string. */
export function splitLists<Values extends Record<string, unknown>>(
  values: Values,
  flags: Readonly<Record<string, FlagDefinition>>,
): Values {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => {
      const bare = typeof value === 'string' && flags[name]?.multiple === true
      if (!bare) return [name, value]
      const parts = value.split(listSeparator(name))
      // A text of several lines ends with a line break as a rule.
      return [name, ONE_PER_LINE.has(name) ? parts.filter((part) => part.trim() !== '') : parts]
    }),
  ) as Values
}
