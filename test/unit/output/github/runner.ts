/** A workflow command as the runner understands it. */
export interface RunnerCommand {
  name: string
  properties: Record<string, string>
  data: string
}

const COMMANDS =
  /^(error|warning|notice|debug|group|endgroup|echo|add-mask|add-path|set-env|set-output|save-state|stop-commands|add-matcher|remove-matcher)$/i

/**
 * Reads a line as the runner does (actions/runner, src/Runner.Common/ActionCommand.cs, August 2026): `::` at its
 * start, after white space, or else `##[` anywhere in it. Undefined for a line that is only a line.
 */
export function parseCommand(line: string): RunnerCommand | undefined {
  return withColons(line) ?? withBrackets(line)
}

/** All commands in some output; a carriage return ends a line, too. */
export function commandsIn(output: string): RunnerCommand[] {
  return output.split(/\r\n|\r|\n/).flatMap((line) => parseCommand(line) ?? [])
}

function withColons(line: string): RunnerCommand | undefined {
  const text = line.replace(/^[\s\u0085]+/, '')
  const end = text.indexOf('::', 2)
  if (!text.startsWith('::') || end < 0) return undefined
  return command(text.slice(2, end), text.slice(end + 2), ',', [
    ['%0D', '\r'],
    ['%0A', '\n'],
    ['%3A', ':'],
    ['%2C', ','],
    ['%25', '%'],
  ])
}

function withBrackets(line: string): RunnerCommand | undefined {
  const start = line.indexOf('##[')
  const end = line.indexOf(']', start)
  if (start < 0 || end < 0) return undefined
  return command(line.slice(start + 3, end), line.slice(end + 1), ';', [
    ['%3B', ';'],
    ['%0D', '\r'],
    ['%0A', '\n'],
    ['%5D', ']'],
    ['%25', '%'],
  ])
}

function command(
  head: string,
  data: string,
  separator: string,
  escapes: readonly (readonly [string, string])[],
): RunnerCommand | undefined {
  const [name = ''] = head.split(' ', 1)
  if (!COMMANDS.test(name)) return undefined
  const undo = (text: string, all = escapes) =>
    all.reduce((result, [escape, character]) => result.replaceAll(escape, character), text)
  const pairs = head.slice(name.length).trim().split(separator)
  const properties = pairs.flatMap((pair) => {
    const [, key, value] = /^([^=]+)=+([^=][^]*)$/.exec(pair) ?? []
    return key === undefined || value === undefined ? [] : [[key, undo(value)] as const]
  })
  // In data behind :: colons and commas stand for themselves.
  const inData = separator === ',' ? escapes.filter(([escape]) => !/3A|2C/.test(escape)) : escapes
  return { name, properties: Object.fromEntries(properties), data: undo(data, inData) }
}

/** What the runner reads out of the file GITHUB_OUTPUT (src/Runner.Worker/FileCommandManager.cs). */
export function outputsIn(text: string): Record<string, string> {
  const lines = text.split(/\r\n|\r|\n/)
  const outputs: Record<string, string> = {}
  for (let at = 0; at < lines.length; at += 1) {
    const line = lines[at] ?? ''
    if (line === '') continue
    const [, name, mark, rest] = /^([^]*?)(=|<<)([^]*)$/.exec(line) ?? []
    if (name === undefined || name === '' || rest === undefined) throw new Error(`Invalid format '${line}'`)
    if (mark === '=') outputs[name] = rest
    else {
      const end = lines.indexOf(rest, at + 1)
      if (rest === '' || end < 0) throw new Error(`Matching delimiter not found '${rest}'`)
      outputs[name] = lines.slice(at + 1, end).join('\n')
      at = end
    }
  }
  return outputs
}
