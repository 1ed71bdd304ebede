import type { Hook } from '@oclif/core/interfaces'

import { InvalidInputError } from '../errors.js'

/** Names the nearest command for one that does not exist. It is never run: a slip must not deploy anything. */
const hook: Hook.CommandNotFound = async function ({ id, argv = [], config }) {
  // Words after the command or topic may be joined to it by colons: oclif looks for a topic of that name first.
  const words = id.split(':')
  const known = [
    ...new Set(config.commands.filter(({ hidden }) => !hidden).map((command) => command.id)),
  ].sort()
  const command = joined(words).findLast((prefix) => known.includes(prefix))
  const topic = joined(words).findLast((prefix) => known.some((other) => other.startsWith(`${prefix}:`)))
  const error =
    command !== undefined && (topic === undefined || topic.length < command.length)
      ? strayArgument(config.bin, command, words)
      : await unknownCommand(config.bin, { topic, words, known })
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

/** `a`, `a:b`, `a:b:c` for those words. */
function joined(words: readonly string[]): string[] {
  return words.map((_word, index) => words.slice(0, index + 1).join(':'))
}

function strayArgument(bin: string, id: string, words: readonly string[]): InvalidInputError {
  const command = spaced(id)
  const stray = words.slice(id.split(':').length)
  return new InvalidInputError(`${bin} ${command} takes no argument: ${stray.join(' ')}`, {
    code: 'UNEXPECTED_ARGUMENT',
    suggestions: [`Run ${bin} ${command} --help to see what it accepts.`],
    data: { command, arguments: stray },
  })
}

async function unknownCommand(
  bin: string,
  { topic, words, known }: { topic: string | undefined; words: readonly string[]; known: readonly string[] },
): Promise<InvalidInputError> {
  const { nearest } = await import('../values/nearest.js')
  const length = topic === undefined ? 1 : topic.split(':').length + 1
  const commands = known.filter((id) => topic === undefined || id.startsWith(`${topic}:`)).map(spaced)
  const beginning = (command: string[]) => command.slice(0, length).join(' ')
  const typed = beginning([...words])
  const near = await nearest(typed, [...new Set(commands.map((command) => beginning(command.split(' '))))])
  return new InvalidInputError(`There is no command "${typed}".`, {
    code: 'UNKNOWN_COMMAND',
    suggestions: [
      ...(near === undefined ? [] : [`Did you mean: ${bin} ${near}`]),
      `Commands are: ${commands.join(', ')}.`,
    ],
    data: { command: typed, commands, ...(near === undefined ? {} : { nearest: near }) },
  })
}

function spaced(id: string): string {
  return id.replaceAll(':', ' ')
}

export default hook
