import { isDeepStrictEqual } from 'node:util'
import {
  type Alias,
  isAlias,
  isCollection,
  isMap,
  isScalar,
  isSeq,
  type Pair,
  parseDocument,
  type Scalar,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml'

import { yamlString } from './build.js'
import type { JsonValue } from './helm-yaml.js'

/** Keys and what they are to hold: a mapping is merged into the one that is there, all else replaces it. */
export interface Changes {
  readonly [key: string]: JsonValue
}

type Mapping = Record<string, JsonValue>

export function isMapping(value: JsonValue | undefined): value is Mapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** What a mapping holds after the changes; anything but a mapping gives way to them. */
export function withChanges(before: JsonValue | undefined, changes: Changes): Mapping {
  const after: Mapping = isMapping(before) ? { ...before } : {}
  for (const [key, wanted] of Object.entries(changes)) after[key] = changedValue(after[key], wanted)
  return after
}

function changedValue(before: JsonValue | undefined, wanted: JsonValue): JsonValue {
  return isMapping(wanted) ? withChanges(before, wanted) : wanted
}

/** The nodes and their places are what counts here; what they mean is for readHelmYaml to say. */
export const LENIENT = { schema: 'core', uniqueKeys: false, logLevel: 'silent' } as const

/** A layout that editing in place gives up on. */
class UnusualLayout extends Error {}

interface Edit {
  start: number
  end: number
  text: string
}

interface Source {
  text: string
  eol: string
  /** What a nested mapping is indented by, over the one around it. */
  step: string
}

/**
 * Replaces only the characters of a YAML text that must change. What it gives has to be read back: anchors, merges and
 * repeated keys can make it mean something else.
 * @param before what the text means now
 * @returns undefined for layouts seldom seen by hand
 */
export function editInPlace(text: string, changes: Changes, before: Mapping): string | undefined {
  const top: unknown = parseDocument(text, LENIENT).contents
  const source: Source = { text, eol: lineEnd(text), step: '  ' }
  try {
    if (top !== null && !isMap(top)) throw new UnusualLayout()
    const edits: Edit[] = []
    let added = ''
    for (const [key, wanted] of Object.entries(changes)) {
      const pair = top === null ? undefined : find(top, key)
      if (top !== null && pair !== undefined)
        edits.push(...pairEdits(source, { map: top, pair }, wanted, before[key]))
      else if (top?.flow === true) throw new UnusualLayout()
      else added += separated(text + added, `${blockLines({ [key]: wanted }, '  ').join('\n')}\n`)
    }
    return applied(text, edits) + added.replaceAll('\n', source.eol)
  } catch (error) {
    if (error instanceof UnusualLayout) return undefined
    throw error
  }
}

/** A block to put at the end of a text, with an empty line between it and keys before it. */
function separated(before: string, block: string): string {
  if (before === '') return block
  return `${before.endsWith('\n') ? '' : '\n'}${/\n\r?\n$/.test(before) ? '' : '\n'}${block}`
}

function pairEdits(
  source: Source,
  { map, pair }: { map: YAMLMap; pair: Pair },
  wanted: JsonValue,
  before: JsonValue | undefined,
): Edit[] {
  if (Array.isArray(wanted)) return listEdits(source, map, pair, wanted)
  if (!isMapping(wanted)) return scalarEdits(source, map, pair, wanted)
  const { value } = pair
  if (isEmpty(value) || isAlias(value)) {
    // What an alias stood for is written out, so that nothing else changes with it.
    const content = withChanges(before, wanted)
    return map.flow === true
      ? valueEdits(source, pair, inline(content, isJson(map)))
      : fill(source, pair, blockLines(content, source.step), source.step)
  }
  if (!isMap(value)) throw new UnusualLayout()
  return mapEdits({ ...source, step: stepOf(source, map, pair, value) }, value, wanted, before)
}

/** Scalars and lists that are new stand before the first key, where a reader looks for them; mappings at the end. */
function mapEdits(source: Source, map: YAMLMap, changes: Changes, before: JsonValue | undefined): Edit[] {
  const old = isMapping(before) ? before : {}
  const edits: Edit[] = []
  let first = ''
  let last = ''
  for (const [key, wanted] of Object.entries(changes)) {
    const content = changedValue(old[key], wanted)
    if (isDeepStrictEqual(content, old[key])) continue
    const entry = find(map, key)
    if (entry !== undefined) edits.push(...pairEdits(source, { map, pair: entry }, wanted, old[key]))
    else if (isMapping(content)) last += pairAfter(source, map, key, content)
    else first += pairBefore(source, map, key, content)
  }
  const start = rangeOf(map.items[0]?.key)[0]
  const end = endOf(source.text, map)
  if (first !== '') edits.push({ start, end: start, text: first })
  if (last !== '') edits.push({ start: end.at, end: end.at, text: end.open ? openEnd(last, source) : last })
  return edits
}

function pairBefore({ text, eol }: Source, map: YAMLMap, key: string, value: JsonValue): string {
  const at = rangeOf(map.items[0]?.key)[0]
  if (map.flow === true) return `${inlinePair(key, value, isJson(map))},${gapAt(text, at, eol)}`
  const indent = indentAt(text, at)
  return blockLines({ [key]: value }, '  ').join(eol + indent) + eol + indent
}

function pairAfter({ text, eol, step }: Source, map: YAMLMap, key: string, value: JsonValue): string {
  if (map.flow === true) {
    const gap = gapAt(text, rangeOf(map.items.at(-1)?.key)[0], eol)
    return `,${gap}${inlinePair(key, value, isJson(map))}`
  }
  const indent = indentAt(text, rangeOf(map.items[0]?.key)[0])
  return blockLines({ [key]: value }, step)
    .map((line) => indent + line + eol)
    .join('')
}

/** What parts entries in braces: a line end where they stand on lines of their own. */
function gapAt(text: string, offset: number, eol: string): string {
  const before = lineBefore(text, offset)
  return before.trim() === '' ? eol + before : ' '
}

/** Where something can be put behind the last entry of a mapping; open is the end of a text without a last line end. */
function endOf(text: string, map: YAMLMap): { at: number; open: boolean } {
  const end = lastOffset(map)
  if (map.flow === true || text[end - 1] === '\n') return { at: end, open: false }
  const lineStop = text.indexOf('\n', end)
  return lineStop < 0 ? { at: text.length, open: true } : { at: lineStop + 1, open: false }
}

function lastOffset(collection: YAMLMap | YAMLSeq): number {
  const item: unknown = collection.items.at(-1)
  const { key, value } = isMap(collection) ? (item as Pair) : { key: undefined, value: item }
  if (isCollection(value) && value.flow !== true && value.items.length > 0)
    return lastOffset(value as YAMLMap | YAMLSeq)
  return Math.max(key === undefined ? 0 : rangeOf(key)[1], value === null ? 0 : rangeOf(value)[1])
}

/** Lines behind a text that has no last line end: the end of the text stays as it was. */
function openEnd(lines: string, { eol }: Source): string {
  return eol + lines.slice(0, -eol.length)
}

/** Null, `{}` or `[]`: there is nothing to keep. */
function isEmpty(node: unknown): boolean {
  return (
    node === null ||
    (isScalar(node) && node.value === null) ||
    (isCollection(node) && node.items.length === 0)
  )
}

/** Puts lines below a key instead of its value, which stands on one line. */
function fill({ text, eol }: Source, pair: Pair, lines: readonly string[], step: string): Edit[] {
  const [keyStart, keyEnd] = rangeOf(pair.key)
  const [start, end] = rangeOf(pair.value)
  if (text.slice(start, end).includes('#')) throw new UnusualLayout()
  const indent = indentAt(text, keyStart) + step
  const lineStop = text.indexOf('\n', Math.max(keyEnd, end))
  const at = lineStop < 0 ? text.length : lineStop + 1
  const block = lines.map((line) => indent + line + eol).join('')
  const gap = /[ \t]*$/.exec(text.slice(0, start))?.[0].length ?? 0
  const dropped: Edit[] = end > start ? [{ start: start - gap, end, text: '' }] : []
  return [...dropped, { start: at, end: at, text: lineStop < 0 ? eol + block.slice(0, -eol.length) : block }]
}

function scalarEdits(source: Source, map: YAMLMap, pair: Pair, wanted: JsonValue): Edit[] {
  const node = pair.value
  if (node !== null && !isScalar(node) && !isAlias(node)) throw new UnusualLayout()
  return valueEdits(source, pair, isScalar(node) ? styled(node, wanted) : inline(wanted, isJson(map)))
}

/** Puts a text where a value stands, or would stand. */
function valueEdits({ text }: Source, { key, value }: Pair, replacement: string): Edit[] {
  const keyEnd = rangeOf(key)[1]
  if (value === null) return [{ start: keyEnd, end: keyEnd, text: `: ${replacement}` }]
  const [start, end] = rangeOf(value)
  // Text over several lines ends with the last one's line end.
  const lineStop = /\r?\n$/.exec(text.slice(start, end))?.[0] ?? ''
  if (end > start) return [{ start, end, text: replacement + lineStop }]
  const colon = text.indexOf(':', keyEnd) + 1
  return [{ start: colon, end: colon, text: ` ${replacement}` }]
}

function listEdits(source: Source, map: YAMLMap, pair: Pair, wanted: readonly JsonValue[]): Edit[] {
  const node = pair.value
  const list = inline([...wanted], isJson(map))
  if (isAlias(node)) return valueEdits(source, pair, list)
  if (isEmpty(node))
    return map.flow === true ? valueEdits(source, pair, list) : fill(source, pair, wanted.map(listItem), '  ')
  if (!isSeq(node)) throw new UnusualLayout()
  if (node.flow !== true) return blockListEdits(source, pair, node, wanted)
  const [start, end] = rangeOf(node)
  const old = source.text.slice(start, end)
  if (/[\n#&*!]/.test(old)) throw new UnusualLayout()
  const pad = /^\[\s/.test(old) ? ' ' : ''
  return [{ start, end, text: `[${pad}${list.slice(1, -1)}${pad}]` }]
}

/**
 * Rebuilds a block list out of its own lines: an entry that stays keeps its line and the comments above it, the
 * comments above one that goes stay too.
 */
function blockListEdits(
  { text, eol }: Source,
  pair: Pair,
  list: YAMLSeq,
  wanted: readonly JsonValue[],
): Edit[] {
  const begin = text.indexOf('\n', rangeOf(pair.key)[1]) + 1
  const lines = new Map<JsonValue, string>()
  let comments = ''
  let indent: string | undefined
  let position = begin
  for (const item of list.items) {
    if (!isScalar(item)) throw new UnusualLayout()
    const [start, valueEnd] = rangeOf(item)
    const lineStart = text.lastIndexOf('\n', start) + 1
    const dash = /^(\s*)- +$/.exec(text.slice(lineStart, start))
    if (dash === null || lineStart < position) throw new UnusualLayout()
    indent ??= dash[1] ?? ''
    const lineStop = text.indexOf('\n', valueEnd) + 1 || text.length
    const above = text.slice(position, lineStart)
    const name = typeof item.value === 'string' ? item.value : text.slice(start, valueEnd).toLowerCase()
    const line =
      text.slice(lineStart, start) + styled(item, name) + withEnd(text.slice(valueEnd, lineStop), eol)
    if (wanted.includes(name) && !lines.has(name)) lines.set(name, above + line)
    else comments += above
    position = lineStop
  }
  const rebuilt = wanted.map((item) => lines.get(item) ?? (indent ?? '  ') + listItem(item) + eol)
  const textAfter = comments + rebuilt.join('')
  const atEnd = position === text.length && !text.endsWith('\n')
  return [{ start: begin, end: position, text: atEnd ? textAfter.slice(0, -eol.length) : textAfter }]
}

function withEnd(line: string, eol: string): string {
  return line.endsWith('\n') ? line : line + eol
}

/** What starts with a letter and has a slash, a dot or a colon within is text to every reader of YAML. */
const BARE_PATH = /^[a-z][\w-]*[./:][\w./:-]*\w$/i

/** A scalar in the quotes its place already had. */
function styled(node: Scalar, wanted: JsonValue): string {
  if (typeof wanted !== 'string') return inline(wanted)
  if (node.type === 'QUOTE_SINGLE') return `'${wanted.replaceAll("'", "''")}'`
  if (node.type === 'QUOTE_DOUBLE') return JSON.stringify(wanted)
  const wasBare = node.type === 'PLAIN' && typeof node.value === 'string'
  return wasBare && BARE_PATH.test(wanted) ? wanted : yamlString(wanted)
}

/** The lines of a mapping's entries, without an indent of their own. */
function blockLines(content: Changes, step: string): string[] {
  return Object.entries(content).flatMap(([key, value]) => {
    const name = yamlString(key)
    if (isMapping(value) && Object.keys(value).length > 0)
      return [`${name}:`, ...blockLines(value, step).map((line) => step + line)]
    if (Array.isArray(value) && value.length > 0)
      return [`${name}:`, ...value.map((item) => `  ${listItem(item)}`)]
    return [`${name}: ${inline(value)}`]
  })
}

function listItem(value: JsonValue): string {
  return `- ${inline(value)}`
}

/** A value on one line; as JSON, which is YAML too, where a text is JSON. */
function inline(value: JsonValue, json = false): string {
  if (json || value === null || ['boolean', 'number'].includes(typeof value)) return JSON.stringify(value)
  if (typeof value === 'string') return yamlString(value)
  if (Array.isArray(value)) return `[${value.map((item) => inline(item)).join(', ')}]`
  const pairs = Object.entries(value as Mapping).map(([key, item]) => inlinePair(key, item))
  return `{${pairs.join(', ')}}`
}

function inlinePair(key: string, value: JsonValue, json = false): string {
  return `${json ? JSON.stringify(key) : yamlString(key)}: ${inline(value, json)}`
}

/** A mapping in braces with all its keys in double quotes is taken for JSON. */
function isJson(map: YAMLMap): boolean {
  return map.flow === true && map.items.every(({ key }) => isScalar(key) && key.type === 'QUOTE_DOUBLE')
}

function applied(text: string, edits: readonly Edit[]): string {
  let result = text
  for (const edit of [...edits].sort((a, b) => b.start - a.start || b.end - a.end))
    result = result.slice(0, edit.start) + edit.text + result.slice(edit.end)
  return result
}

function find(map: YAMLMap, key: string): Pair | undefined {
  return map.items.find((pair) => isScalar(pair.key) && pair.key.value === key)
}

function rangeOf(node: unknown): readonly [number, number] {
  const range = (node as Scalar | Alias | undefined)?.range
  if (!range) throw new UnusualLayout()
  return [range[0], range[1]]
}

function indentAt(text: string, offset: number): string {
  const before = lineBefore(text, offset)
  if (before.trim() !== '') throw new UnusualLayout()
  return before
}

function lineBefore(text: string, offset: number): string {
  return text.slice(text.lastIndexOf('\n', offset - 1) + 1, offset)
}

/** By how much a mapping is indented over its key. */
function stepOf({ text, step }: Source, outer: YAMLMap, pair: Pair, inner: YAMLMap): string {
  if (outer.flow === true || inner.flow === true) return step
  const indent = indentAt(text, rangeOf(inner.items[0]?.key)[0])
  return indent.slice(indentAt(text, rangeOf(pair.key)[0]).length) || step
}

export function lineEnd(text: string): string {
  return text.includes('\r\n') ? '\r\n' : '\n'
}
