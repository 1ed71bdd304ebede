import { Chalk, type ChalkInstance, supportsColor, supportsColorStderr } from 'chalk'

/**
 * Colours fit for a stream: none when it is not a terminal, with NO_COLOR or `--no-color`, or on a dumb terminal.
 */
export function styles(stream: NodeJS.WriteStream): ChalkInstance {
  const support = stream === process.stderr ? supportsColorStderr : supportsColor
  const wanted = support && !process.env['NO_COLOR'] && process.env['TERM'] !== 'dumb'
  return new Chalk({ level: wanted ? support.level : 0 })
}
