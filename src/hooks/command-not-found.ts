import type { Hook } from '@oclif/core/interfaces'

import { InvalidInputError } from '../errors.js'

/** Names the nearest command for one that does not exist. It is never run: a slip must not deploy anything. */
const hook: Hook.CommandNotFound = async function ({ id, argv = [], config }) {
  // Words after the first may be joined to it by colons: oclif looks for a topic of that name first.
  const typed = id.split(':')[0] ?? id
  const known = [
    ...new Set(config.commands.filter(({ hidden }) => !hidden).map((command) => command.id)),
  ].sort()
  const error = known.includes(typed)
    ? strayArgument(config.bin, typed, id.split(':').slice(1))
    : await unknownCommand(config.bin, typed, known)
  const { message, code, exitCode: exit, suggestions, data } = error
  if (argv.includes('--json'))
    process.stdout.write(
      `${JSON.stringify({ error: { code, message, exit, suggestions, data } }, undefined, 2)}\n`,
    )
  else {
    const { errorText } = await import('../output/error-text.js')
    process.stderr.write(errorText(error, { bin: config.bin, command: undefined }))
  }
  throw Object.assign(error, { skipOclifErrorHandling: true })
}

function strayArgument(bin: string, command: string, words: readonly string[]): InvalidInputError {
  return new InvalidInputError(`${bin} ${command} takes no argument: ${words.join(' ')}`, {
    code: 'UNEXPECTED_ARGUMENT',
    suggestions: [`Run ${bin} ${command} --help to see what it accepts.`],
    data: { command, arguments: words },
  })
}

async function unknownCommand(
  bin: string,
  typed: string,
  known: readonly string[],
): Promise<InvalidInputError> {
  const { nearest } = await import('../values/nearest.js')
  const near = await nearest(typed, known)
  return new InvalidInputError(`There is no command "${typed}".`, {
    code: 'UNKNOWN_COMMAND',
    suggestions: [
      ...(near === undefined ? [] : [`Did you mean: ${bin} ${near}`]),
      `Commands are: ${known.join(', ')}.`,
    ],
    data: { command: typed, commands: known, ...(near === undefined ? {} : { nearest: near }) },
  })
}

export default hook
