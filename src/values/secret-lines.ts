import { NAME, SECRET_KEY } from './secret-keys.js'

/** What the lines so far have shown. */
interface Seen {
  /** Inside of `extraEnv`, which may be left at this indent, with no bracket open. */
  block?: { indent: number; depth: number } | undefined
  /** There was something secret before. */
  secrets: boolean
}

/** What comes before a value: spaces, dashes and brackets, then a key with its colon. */
const BEFORE = /^[\s\-?{[,]*(?:(["']?)([-.\w]+)\1\s*:(?=\s|$|(?<=["']\s*:)))?\s*/
const EXTRA_ENV_KEY = /["']?extra[-_]?env[-\w]*["']?\s*:/i

/** What looks secret in a document that cannot be read: too much rather than too little. */
export function secretLines(text: string): { start: number; end: number }[] {
  const seen: Seen = { secrets: false }
  return [...text.matchAll(/.*\S/g)].flatMap(({ index, 0: line }) => {
    const from = secretFrom(line, seen)
    return from === undefined || from >= line.length
      ? []
      : [{ start: index + from, end: index + line.length }]
  })
}

/** From where on the line is secret, if it is. */
function secretFrom(line: string, seen: Seen): number | undefined {
  const { inside, start } = enter(line, seen)
  const rest = line.slice(start)
  const [before = '', , key = ''] = BEFORE.exec(rest) ?? []
  const value = rest.slice(before.length)
  if (key === 'name' && NAME.test(value.replace(/^(["'])(.*)\1$/, '$2'))) return undefined
  const secret = inside || key === 'value' || SECRET_KEY.test(key)
  seen.secrets ||= secret
  // Text without a key may be the rest of a value that was to be indented, such as a pasted private key.
  const loose = seen.secrets && key === '' && !line.trimStart().startsWith('#')
  return secret || loose ? start + before.length : undefined
}

/** Whether a line is inside of `extraEnv`, also of one that begins on it: then behind its colon. */
function enter(line: string, seen: Seen): { inside: boolean; start: number } {
  const { block } = seen
  const inside = block !== undefined && belongsTo(block, line)
  seen.block = inside ? { ...block, depth: block.depth + depthOf(line) } : undefined
  const key = EXTRA_ENV_KEY.exec(line)
  if (key === null) return { inside, start: 0 }
  const start = key.index + key[0].length
  seen.block ??= { indent: line.search(/\S/), depth: depthOf(line.slice(start)) }
  return { inside: true, start }
}

function belongsTo({ indent, depth }: { indent: number; depth: number }, line: string): boolean {
  const own = line.search(/\S/)
  return depth > 0 || own > indent || (own === indent && /[-#]/.test(line.charAt(own)))
}

function depthOf(text: string): number {
  return (text.match(/[[{]/g) ?? []).length - (text.match(/[\]}]/g) ?? []).length
}
