import { isDeepStrictEqual } from 'node:util'
import {
  type Alias,
  type Document,
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

import { appBlock, type AppValues, newFile, type Values, yamlString } from './build.js'
import { type Finding, type HelmYaml, type JsonValue, kindOf, readHelmYaml } from './helm-yaml.js'

/** A values file after an update, or why it was left alone. */
export type Update =
  /** The text means what was asked for; equal to the old text when it already did. */
  | { kind: 'updated'; text: string; before: Record<string, JsonValue> }
  | { kind: 'refused'; message: string; hint?: string; line: number; column: number }

/**
 * Changes the keys that `values` speaks of inside the text of a values file and nothing else: comments, order,
 * line ends and all other keys stay as they are. Whatever the file looks like, the result is read back, and refused
 * unless it means the old content with exactly those keys changed.
 */
export function updateText(text: string, values: Values): Update {
  const yaml = readHelmYaml(text)
  const { value: before } = yaml
  const obstacle = yaml.errors[0] ?? yaml.warnings.find(({ code }) => code === 'SECOND_DOCUMENT')
  if (before === undefined || obstacle !== undefined) return refusal(yaml, obstacle)
  const unfit = misfit(yaml, before, values)
  if (unfit !== undefined) return refusal(yaml, unfit)
  const wanted = expected(before, values)
  if (isDeepStrictEqual(before, wanted)) return { kind: 'updated', text, before }
  for (const attempt of [editInPlace, rewrite]) {
    const candidate = attempt(text, values, before)
    if (candidate !== undefined && isDeepStrictEqual(readHelmYaml(candidate).value, wanted))
      return { kind: 'updated', text: candidate, before }
  }
  return refusal(yaml, {
    start: Math.max(0, ...Object.keys(values).map((key) => yaml.keys.get(`/${key}`)?.start ?? 0)),
    end: 0,
    message: `${Object.keys(values).join(' and ')} cannot be changed here without changing other values as well`,
    hint: 'Write it out without anchors, aliases and repeated keys, or name another file with -o.',
  })
}

function refusal(yaml: HelmYaml, finding: Finding | undefined): Update {
  const start = finding?.start ?? 0
  const place = yaml.lines.lineStarts.length > 0 ? yaml.lines.linePos(start) : { line: 1, col: 1 }
  return {
    kind: 'refused',
    message: finding?.message ?? 'it cannot be read',
    ...(finding?.hint === undefined ? {} : { hint: finding.hint }),
    line: Math.max(1, place.line),
    column: Math.max(1, place.col),
  }
}

/** What stands where something else belongs, and would be lost: `firstApp: [1]`, `countries: {a: b}`. */
function misfit(yaml: HelmYaml, before: Record<string, JsonValue>, values: Values): Finding | undefined {
  for (const [key, app] of Object.entries(values)) {
    const old = before[key]
    if (isHollow(old)) continue
    if (!isMapping(old)) return wrong(`/${key}`, key, 'a mapping', old)
    for (const [name, wanted] of Object.entries(app)) {
      const value = old[name]
      if (isHollow(value)) continue
      const place = `/${key}/${name}`
      if (Array.isArray(wanted) && !Array.isArray(value))
        return wrong(place, `${key}.${name}`, 'a list', value)
      if (!Array.isArray(wanted) && typeof value === 'object')
        return wrong(place, `${key}.${name}`, kindOf(wanted), value)
    }
  }
  return undefined

  function wrong(place: string, name: string, kind: string, value: JsonValue | undefined): Finding {
    const span = yaml.values.get(place) ?? yaml.keys.get(place) ?? { start: 0, end: 0 }
    return { ...span, message: `${name} must be ${kind}, this is ${kindOf(value)}` }
  }
}

/** Absent, null, `{}` or `[]`: nothing is lost with it. */
function isHollow(value: JsonValue | undefined): boolean {
  return (
    value === undefined || value === null || (typeof value === 'object' && Object.keys(value).length === 0)
  )
}

function isMapping(value: JsonValue | undefined): value is Record<string, JsonValue> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function expected(before: Record<string, JsonValue>, values: Values): Record<string, JsonValue> {
  const after = { ...before }
  for (const [key, app] of Object.entries(values)) {
    const old = before[key]
    after[key] = { ...(isMapping(old) ? old : {}), ...app }
  }
  return after
}

interface Edit {
  start: number
  end: number
  text: string
}

/** The nodes and their places are what counts here; what they mean is for readHelmYaml to say. */
const LENIENT = { schema: 'core', uniqueKeys: false, logLevel: 'silent' } as const

/** A layout that editing in place gives up on, so that the whole is rewritten instead. */
class UnusualLayout extends Error {}

/** Replaces only the characters that must change. Gives up on layouts seldom seen by hand. */
function editInPlace(text: string, values: Values, before: Record<string, JsonValue>): string | undefined {
  const top: unknown = parseDocument(text, LENIENT).contents
  const eol = lineEnd(text)
  try {
    const edits: Edit[] = []
    let added = ''
    for (const [key, app] of Object.entries(values)) {
      const pair = isMap(top) && !top.flow ? find(top, key) : undefined
      if (pair !== undefined) edits.push(...appEdits({ text, eol }, pair, app, before[key]))
      else if (top === null || (isMap(top) && !top.flow))
        added += separated(text + added, newFile({ [key]: app }))
      else throw new UnusualLayout()
    }
    return applied(text, edits) + added.replaceAll('\n', eol)
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

interface Source {
  text: string
  eol: string
}

/** The part of an app's values that Helm does not see yet. */
function changed(app: AppValues, before: JsonValue | undefined): Partial<AppValues> {
  const old = (before ?? {}) as Record<string, unknown>
  return Object.fromEntries(Object.entries(app).filter(([key, value]) => !isDeepStrictEqual(value, old[key])))
}

function appEdits(source: Source, pair: Pair, app: AppValues, before: JsonValue | undefined): Edit[] {
  const map = pair.value
  if (isEmpty(map)) return fill(source, pair, appBlock(app))
  if (!isMap(map)) throw new UnusualLayout()
  const edits: Edit[] = []
  const missing: string[] = []
  const entries = Object.entries(changed(app, before)) as [keyof AppValues, boolean | string | string[]][]
  for (const [key, wanted] of entries) {
    const entry = find(map, key)
    if (entry === undefined) missing.push(newPair(key, wanted, map, source))
    else if (Array.isArray(wanted)) edits.push(...listEdits(source, map, entry, wanted))
    else edits.push(...scalarEdits(source, entry, wanted))
  }
  const start = rangeOf(map.items[0]?.key)[0]
  if (missing.length > 0) edits.push({ start, end: start, text: missing.join('') })
  return edits
}

/** Null, `{}` or `[]`: there is nothing to keep. */
function isEmpty(node: unknown): boolean {
  return (isScalar(node) && node.value === null) || (isCollection(node) && node.items.length === 0)
}

/** Puts lines, indented for a key at the margin, below a key that has no value yet. */
function fill({ text, eol }: Source, pair: Pair, lines: string): Edit[] {
  const [keyStart, keyEnd] = rangeOf(pair.key)
  const [start, end] = rangeOf(pair.value)
  const indent = indentAt(text, keyStart)
  const lineStop = text.indexOf('\n', Math.max(keyEnd, end))
  const at = lineStop < 0 ? text.length : lineStop + 1
  const indented = lines.replaceAll(/^/gm, indent).slice(0, -indent.length || undefined)
  const block = indented.replaceAll('\n', eol)
  const gap = /[ \t]*$/.exec(text.slice(0, start))?.[0].length ?? 0
  const dropped: Edit[] = end > start ? [{ start: start - gap, end, text: '' }] : []
  return [...dropped, { start: at, end: at, text: lineStop < 0 ? eol + block.slice(0, -eol.length) : block }]
}

/** A key that is not there yet, to stand before the first one. */
function newPair(key: string, wanted: boolean | string | string[], map: YAMLMap, source: Source): string {
  if (map.flow) return `${key}: ${inline(wanted)}, `
  const indent = indentAt(source.text, rangeOf(map.items[0]?.key)[0])
  if (!Array.isArray(wanted)) return `${key}: ${inline(wanted)}${source.eol}${indent}`
  const items = wanted.map((item) => `${source.eol}${indent}  - ${yamlString(item)}`).join('')
  return `${key}:${items}${source.eol}${indent}`
}

function scalarEdits({ text }: Source, { key, value: node }: Pair, wanted: boolean | string): Edit[] {
  if (!isScalar(node)) throw new UnusualLayout()
  const [start, end] = rangeOf(node)
  if (end > start) return [{ start, end, text: styled(node, wanted) }]
  const colon = text.indexOf(':', rangeOf(key)[1]) + 1
  return [{ start: colon, end: colon, text: ` ${inline(wanted)}` }]
}

function listEdits(source: Source, map: YAMLMap, pair: Pair, wanted: string[]): Edit[] {
  const node = pair.value
  const [start, end] = rangeOf(node)
  if (isAlias(node)) return [{ start, end, text: inline(wanted) }]
  if (isEmpty(node) && !map.flow)
    return fill(source, pair, wanted.map((item) => `  - ${yamlString(item)}\n`).join(''))
  if (!isSeq(node)) throw new UnusualLayout()
  if (!node.flow) return blockListEdits(source, map, node, wanted)
  const old = source.text.slice(start, end)
  if (/[\n#&*!]/.test(old)) throw new UnusualLayout()
  const pad = /^\[\s/.test(old) ? ' ' : ''
  return [{ start, end, text: `[${pad}${wanted.map(yamlString).join(', ')}${pad}]` }]
}

/**
 * Rebuilds a block list out of its own lines: an entry that stays keeps its line and the comments above it, the
 * comments above one that goes stay too.
 */
function blockListEdits({ text, eol }: Source, map: YAMLMap, list: YAMLSeq, wanted: string[]): Edit[] {
  const begin = text.indexOf('\n', rangeOf(find(map, 'countries')?.key)[1]) + 1
  const lines = new Map<string, string>()
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
  const rebuilt = wanted.map((name) => lines.get(name) ?? `${indent ?? '  '}- ${yamlString(name)}${eol}`)
  const textAfter = comments + rebuilt.join('')
  const atEnd = position === text.length && !text.endsWith('\n')
  return [{ start: begin, end: position, text: atEnd ? textAfter.slice(0, -eol.length) : textAfter }]
}

function withEnd(line: string, eol: string): string {
  return line.endsWith('\n') ? line : line + eol
}

/** A scalar in the quotes its place already had. */
function styled(node: Scalar, wanted: boolean | string): string {
  if (typeof wanted === 'boolean') return String(wanted)
  if (node.type === 'QUOTE_SINGLE') return `'${wanted}'`
  return node.type === 'QUOTE_DOUBLE' ? JSON.stringify(wanted) : yamlString(wanted)
}

function inline(wanted: boolean | string | string[]): string {
  if (Array.isArray(wanted)) return `[${wanted.map(yamlString).join(', ')}]`
  return typeof wanted === 'boolean' ? String(wanted) : yamlString(wanted)
}

/** Lets the YAML library write the file anew: comments and order stay, spacing may not. */
function rewrite(text: string, values: Values, before: Record<string, JsonValue>): string | undefined {
  const document: Document = parseDocument(text, LENIENT)
  if (!isMap(document.contents)) document.contents = document.createNode({})
  const top = document.contents as YAMLMap
  for (const [key, app] of Object.entries(values)) {
    if (!isMap(top.get(key, true))) {
      // Null, or an alias: what it stood for is written out, so that nothing else changes with it.
      const old = before[key]
      top.set(key, document.createNode(isMapping(old) ? old : {}))
    }
    const map = top.get(key, true) as unknown as YAMLMap
    for (const [name, wanted] of Object.entries(app) as [string, boolean | string | string[]][])
      map.set(name, quotedNode(wanted))
  }
  try {
    const flat = document.toString({ lineWidth: 0, flowCollectionPadding: /\{\s/.test(text) })
    return flat.replaceAll('\n', lineEnd(text))
  } catch {
    // An alias elsewhere stands for what was replaced: the library does not write such a document.
    return undefined
  }

  function quotedNode(wanted: boolean | string | string[]) {
    const node = document.createNode(wanted)
    for (const scalar of isSeq(node) ? node.items : [node])
      if (isScalar(scalar) && typeof scalar.value === 'string' && yamlString(scalar.value) !== scalar.value)
        scalar.type = 'QUOTE_DOUBLE'
    return node
  }
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
  const before = text.slice(text.lastIndexOf('\n', offset - 1) + 1, offset)
  if (before.trim() !== '') throw new UnusualLayout()
  return before
}

function lineEnd(text: string): string {
  return text.includes('\r\n') ? '\r\n' : '\n'
}
