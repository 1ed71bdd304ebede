import { nearest } from './values/nearest.js'

/** What oclif's flag parser throws; unknown flags come as they were typed. */
interface UsageError {
  message: string
  flags?: unknown
}

/** The part of a flag's definition this file needs. */
interface FlagNames {
  aliases?: readonly string[] | undefined
  allowNo?: boolean | undefined
  hidden?: boolean | undefined
}

/**
 * Says what oclif's flag parser found as k8sflow says things: in one line where one is enough, with the flag that
 * was probably meant and what to do next.
 * @param command what was called, such as `k8sflow tls status`
 * @param known the flags of that command
 * @param example one of its own examples, as its class has it
 */
export async function explainUsage(
  error: UsageError,
  command: string,
  known: Readonly<Record<string, FlagNames>>,
  example?: unknown,
): Promise<{ message: string; suggestions: string[] }> {
  const unknown = Array.isArray(error.flags) ? error.flags.filter((flag) => typeof flag === 'string') : []
  const meant = await Promise.all(unknown.map(async (flag) => nearestFlag(flag, known)))
  const argument = /^Missing 1 required arg:\n(\S+) +(.)(.*)/.exec(error.message)
  return {
    message: argument === null ? inOneLine(error.message) : missing(argument),
    suggestions: [
      ...(argument === null || typeof example !== 'string'
        ? []
        : [`For example: ${example.replace('<%= config.bin %> <%= command.id %>', command)}`]),
      ...[...new Set(meant)].filter((flag) => flag !== undefined).map((flag) => `Did you mean: ${flag}`),
      `Run ${command} --help to see what it accepts.`,
    ],
  }
}

/** `HOST is missing: name to check, such as app1-it.info.` */
function missing([, name = '', first = '', rest = '']: RegExpExecArray): string {
  return `${name.toUpperCase()} is missing: ${first.toLowerCase()}${rest}`
}

function inOneLine(message: string): string {
  return (
    message
      .replace(/\nSee more help with --help$/, '')
      // True of greedy flags only, and k8sflow has none.
      .replace(/\n\nNote: --[^]*$/, '')
      .replace(
        /^Parsing (--\S+) \n\t(.)/,
        (_match, flag: string, first: string) => `${flag}: ${first.toLowerCase()}`,
      )
      .replace(/^The following error occurred:\n\s*/, '')
      .replaceAll(/(--[\w-]+)=true cannot also be provided/g, '$1 cannot also be provided')
  )
}

async function nearestFlag(
  typed: string,
  known: Readonly<Record<string, FlagNames>>,
): Promise<string | undefined> {
  const name = /^--([^=]+)/.exec(typed)?.[1]
  if (name === undefined) return undefined
  const names = Object.entries(known)
    .filter(([, { hidden }]) => hidden !== true)
    .flatMap(([flag, { aliases = [], allowNo }]) => [
      flag,
      ...aliases,
      ...(allowNo === true ? [`no-${flag}`] : []),
    ])
  const near = await nearest(name, [...new Set([...names, 'help', 'json'])])
  return near === undefined ? undefined : `--${near}`
}
