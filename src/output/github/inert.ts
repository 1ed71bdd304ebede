/*
 * The runner takes lines of stdout and stderr for commands, whoever wrote them: `::name …::data` at the start of a
 * line, after white space, and `##[name …]data` anywhere in it (actions/runner, src/Runner.Common/ActionCommand.cs).
 * A pod's log or a line of somebody's values file must not be able to set outputs or hide other lines.
 */

/**
 * Text that is safe to print in a step: what the runner would take for a command gets a backslash. All else is left
 * as it is, and doing it twice changes nothing more. `text` consists of whole lines.
 */
export function inert(text: string): string {
  return text
    .replaceAll(/^((?:(?![\r\n\u2028\u2029])[\s\p{Cc}\p{Cf}])*)::/gmu, '$1\\::')
    .replaceAll('##[', '##\\[')
}

/** JSON without anything that the runner would take for a command; no value in it changes. */
export function inertJson(json: string): string {
  // In JSON a # is always part of a text, and no line of it that is not begins with a colon.
  return json.replaceAll('##[', '#\\u0023[')
}

type Write = (text: string) => unknown

interface Guarded {
  write: Write & { unguarded?: Write }
}

/**
 * Makes all that is written to a stream from now on inert, whoever writes it.
 * @returns what writes past that, for commands that are meant
 */
export function guard(stream: Pick<NodeJS.WriteStream, 'write'>): (text: string) => void {
  const guarded = stream as unknown as Guarded
  const before = guarded.write.unguarded
  // One command may start another, and both are guarded.
  if (before !== undefined) return before
  const original = stream.write.bind(stream) as (chunk: unknown, ...rest: unknown[]) => boolean
  const write = (chunk: unknown, ...rest: unknown[]): boolean =>
    original(typeof chunk === 'string' ? inert(chunk) : chunk, ...rest)
  guarded.write = Object.assign(write, { unguarded: original })
  return original
}
