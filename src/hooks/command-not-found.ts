import type { Hook } from '@oclif/core/interfaces'

import { InvalidInputError } from '../errors.js'

/** Names the nearest command for one that does not exist. It is never run: a slip must not deploy anything. */
const hook: Hook.CommandNotFound = async function ({ id, argv = [], config }) {
  // Words after the first may be joined to it by colons: oclif looks for a topic of that name first.
  const typed = id.split(':')[0] ?? id
  const known = [
    ...new Set(config.commands.filter(({ hidden }) => !hidden).map((command) => command.id)),
  ].sort()
  const { nearest } = await import('../values/nearest.js')
  const near = await nearest(typed, known)
  const error = new InvalidInputError(`There is no command "${typed}".`, {
    code: 'UNKNOWN_COMMAND',
    suggestions: [
      ...(near === undefined ? [] : [`Did you mean: ${config.bin} ${near}`]),
      `Commands are: ${known.join(', ')}.`,
    ],
    data: { command: typed, commands: known, ...(near === undefined ? {} : { nearest: near }) },
  })
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

export default hook
