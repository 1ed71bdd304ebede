import {
  type CollectionTag,
  type Document,
  isAlias,
  isCollection,
  isMap,
  isScalar,
  LineCounter,
  type Node,
  type Pair,
  parseAllDocuments,
  type ScalarTag,
  type YAMLMap,
} from 'yaml'

import { MASK } from './secret-keys.js'
import { secretSpans } from './secret-spans.js'

/*
 * Reads YAML as Helm does (sigs.k8s.io/yaml: YAML 1.1 scalars, last duplicate wins, JSON in the end). Each rule
 * here was seen in runs of helm 3.17 and 4.1; test/integration/yaml-reading.test.ts repeats them.
 */

export type JsonValue = null | boolean | number | string | JsonValue[] | { [key: string]: JsonValue }

/** A stretch of the file, as offsets into its text. */
export interface Span {
  start: number
  end: number
}

/** Something to say about the file, at a place in it. */
export interface Finding extends Span {
  message: string
  hint?: string
  /** Tells apart what callers treat in their own way. */
  code?: 'SECOND_DOCUMENT'
}

/** A values file as Helm sees it. */
export interface HelmYaml {
  /** What Helm would work with; undefined when it could not be read. */
  value: { [key: string]: JsonValue } | undefined
  /** Why Helm, 3 or 4, refuses the file. */
  errors: Finding[]
  /** What Helm accepts silently and a person would want to know. */
  warnings: Finding[]
  /** Where each value stands, by JSON pointer; `''` is the whole document. */
  values: Map<string, Span>
  /** Where each key stands, by the JSON pointer of its value. */
  keys: Map<string, Span>
  lines: LineCounter
  /** What may be secret: in order, apart from each other, each on one line. Messages do not quote it. */
  secrets: Span[]
}

const BOOLEAN = /^(?:y|Y|yes|Yes|YES|true|True|TRUE|on|On|ON|n|N|no|No|NO|false|False|FALSE|off|Off|OFF)$/
const TRUE = /^(?:y|yes|true|on)$/i
const INFINITE = /^(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$/
const INTEGER = /^[-+]?(?:0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|[1-9][0-9]*|0)$/
const FLOAT = /^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/

/** A number as Go's strconv reads it, or the text itself when it is none. */
function number(source: string): number | string {
  // Text that starts with an underscore never gets here: see the tag's test.
  const text = source.startsWith('.') ? source : source.replaceAll('_', '')
  if (INTEGER.test(text)) {
    const negative = text.startsWith('-')
    const digits = text.replace(/^[-+]/, '').replace(/^0(?=[0-7])/, '0o')
    // Integers have no negative zero.
    return (negative ? -Number(digits) : Number(digits)) + 0
  }
  const value = FLOAT.test(text) ? Number(text) : Number.NaN
  return Number.isFinite(value) ? value : source
}

const CORE = 'tag:yaml.org,2002:'
const numberTag = (name: string): ScalarTag => ({
  tag: CORE + name,
  default: true,
  test: /^[-+.0-9]/,
  // The type of `resolve` allows any value; text stays text where it only looks like a number.
  resolve: (source) => (INFINITE.test(source) ? Number.POSITIVE_INFINITY : number(source)),
})

const SCALARS: (ScalarTag | CollectionTag)[] = [
  { tag: `${CORE}null`, default: true, test: /^(?:~|null|Null|NULL)?$/, resolve: () => null },
  { tag: `${CORE}bool`, default: true, test: BOOLEAN, resolve: (source) => TRUE.test(source) },
  numberTag('int'),
  numberTag('float'),
  { tag: `${CORE}timestamp`, resolve: (source) => source },
  { tag: `${CORE}binary`, resolve: (source) => Buffer.from(source, 'base64').toString('utf8') },
]

const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f\u0080-\u0084\u0086-\u009f\ufffe\uffff]/

/** Reads a values file as Helm does, and remembers where everything stands. Never throws for what the text holds. */
export function readHelmYaml(text: string): HelmYaml {
  const lines = new LineCounter()
  const result: HelmYaml = {
    value: undefined,
    errors: [],
    warnings: [],
    values: new Map(),
    keys: new Map(),
    lines,
    secrets: [],
  }
  const control = CONTROL.exec(text)
  if (control) result.errors.push({ ...at(control.index, 1), message: 'YAML allows no control characters' })
  const documents = parse(text, lines)
  result.secrets = secretSpans(text, documents)
  directive(text, documents, result)
  for (const document of documents) collectErrors(document, result)
  if (result.errors.length > 0) return result
  let whole: Record<string, JsonValue> = {}
  for (const document of documents) {
    const value = document.contents ? new Walker(document, result).value(document.contents, '') : null
    if (value === null) continue
    if (typeof value === 'object' && !Array.isArray(value)) whole = mergeDeep(whole, value)
    else
      result.errors.push({
        ...spanOf(document.contents),
        message: `a values file must be a mapping of keys to values, this is ${kindOf(value)}`,
        hint: 'Start with firstApp: or secondApp:.',
      })
  }
  const second = documents[1]
  if (second !== undefined)
    result.warnings.push({
      ...at(Math.max(0, text.lastIndexOf('---', second.contents?.range?.[0] ?? text.length)), 3),
      code: 'SECOND_DOCUMENT',
      message: 'a second YAML document starts here; helm 3 ignores it, helm 4 merges it into the first',
    })
  if (result.errors.length === 0) result.value = whole
  return result
}

/** The documents of a file, without what merely follows a last `---`. */
function parse(text: string, lines: LineCounter): Document.Parsed[] {
  const parsed = parseAllDocuments(text, {
    schema: 'failsafe',
    customTags: SCALARS,
    resolveKnownTags: false,
    uniqueKeys: false,
    lineCounter: lines,
    prettyErrors: false,
    logLevel: 'silent',
    keepSourceTokens: true,
  })
  const documents: Document.Parsed[] = 'empty' in parsed ? [] : parsed
  return documents.filter(
    (document, index) => index === 0 || document.contents !== null || document.errors.length > 0,
  )
}

function directive(text: string, documents: readonly Document.Parsed[], result: HelmYaml): void {
  const found = /^%[^\r\n]*/m.exec(text.slice(0, documents[0]?.contents?.range?.[0] ?? text.length))
  if (found)
    result.errors.push({
      ...at(found.index, found[0].length),
      message: `helm cannot read the directive ${found[0].trim()}`,
      hint: 'Remove this line.',
    })
}

/** As helm 4 merges documents: mappings key by key, everything else replaced. */
function mergeDeep(
  base: Record<string, JsonValue>,
  over: Record<string, JsonValue>,
): Record<string, JsonValue> {
  const merged = { ...base }
  for (const [key, value] of Object.entries(over)) {
    const before = Object.hasOwn(base, key) ? base[key] : undefined
    assign(merged, key, isMapping(before) && isMapping(value) ? mergeDeep(before, value) : value)
  }
  return merged
}

function isMapping(value: JsonValue | undefined): value is { [key: string]: JsonValue } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function at(start: number, length: number): Span {
  return { start, end: start + length }
}

function collectErrors(document: Document.Parsed, result: HelmYaml): void {
  // After this one, each level it did not get to is reported as well.
  const tooDeep = document.errors.find(({ message }) =>
    message.startsWith('Maximum call stack size exceeded'),
  )
  if (tooDeep) {
    result.errors.push({ ...at(tooDeep.pos[0], 1), message: 'this is nested too deeply' })
    return
  }
  // Where a broken document's secrets end is not certain, so that nothing of it is quoted.
  const words = result.secrets.length > 0 ? unquoted : sentence
  for (const error of document.errors)
    result.errors.push({ start: error.pos[0], end: error.pos[1], message: words(error.message) })
  for (const warning of document.warnings)
    if (warning.code === 'TAG_RESOLVE_FAILED' && /2002:(int|float|bool|null)\b/.test(warning.message))
      result.errors.push({
        start: warning.pos[0],
        end: warning.pos[1],
        message: 'the value does not fit its tag',
      })
}

/** The yaml library's messages start with a capital and may end with a code frame's colon. */
function sentence(message: string): string {
  const line = message.split('\n')[0] ?? message
  return line.charAt(0).toLowerCase() + line.slice(1).replace(/:$/, '')
}

/** The same without what the yaml library quotes of the file. */
function unquoted(message: string): string {
  return sentence(message)
    .replace(/: .*/, '')
    .replace(/(escape sequence) .*/, '$1')
    .replace(/cannot start with .*/, 'cannot start like this')
    .replace(/^the \S.* tag has no suffix$/, 'a tag has no suffix')
    .replace(/, so .* is invalid\.$/, '')
}

/** Turns nodes into what Helm's JSON would hold. */
class Walker {
  private readonly open = new Set<Node>()
  /** Aliases can multiply a small file without end; Helm gives up too. */
  private budget = 100_000

  constructor(
    private readonly document: Document | undefined,
    private readonly result: HelmYaml,
  ) {}

  value(node: unknown, path: string): JsonValue {
    this.budget -= 1
    if (this.budget < 0) {
      if (this.budget === -1) this.fail(node as Node, 'aliases make this document too large')
      return null
    }
    if (isAlias(node)) {
      const target = this.document ? node.resolve(this.document) : undefined
      if (!this.result.values.has(path)) this.result.values.set(path, spanOf(node))
      if (target === undefined)
        return this.fail(node, `unknown anchor ${this.isSecret(node) ? MASK : node.source}`)
      return this.value(target, path)
    }
    if (!this.result.values.has(path)) this.result.values.set(path, spanOf(node as Node | null))
    if (isScalar(node)) return this.scalar(node as Node & { value: unknown })
    if (!isCollection(node)) return null
    if (this.open.has(node)) return this.fail(node, 'an anchor contains itself')
    this.open.add(node)
    if (tabAfterDash(node)) this.fail(node, 'helm cannot read a tab after the dash of a list; use spaces')
    const value = isMap(node)
      ? this.map(node, path)
      : node.items.map((item, index) => this.value(item, `${path}/${index}`))
    this.open.delete(node)
    return value
  }

  private scalar(node: Node & { value: unknown }): JsonValue {
    const { value } = node
    if (value === Number.POSITIVE_INFINITY)
      return this.fail(node, 'helm cannot read infinity or not-a-number')
    return value as JsonValue
  }

  private map(node: YAMLMap, path: string): Record<string, JsonValue> {
    const map: Record<string, JsonValue> = {}
    const own = new Set<string>()
    for (const pair of node.items) {
      if (isMergeKey(pair)) this.merge(pair, map, path)
      else this.entry(pair, map, path, own)
    }
    return map
  }

  private entry(pair: Pair, map: Record<string, JsonValue>, path: string, own: Set<string>): void {
    const keyNode = isAlias(pair.key) && this.document ? pair.key.resolve(this.document) : pair.key
    const key = isScalar(keyNode) ? keyNode.value : undefined
    if (key === undefined || key === null || typeof key === 'object') {
      this.fail(pair.key as Node, 'a key must be a plain word')
      return
    }
    const name = String(key)
    const place = `${path}/${escapePointer(name)}`
    if (own.has(name)) {
      this.result.warnings.push({
        ...spanOf(pair.key as Node),
        message: `${this.isSecret(pair.key as Node) ? MASK : name} stands here a second time; helm uses the last one`,
      })
    }
    own.add(name)
    // A merge before it, or the same key, may have left places of values that no longer count.
    if (Object.hasOwn(map, name)) forget(this.result, place)
    this.result.keys.set(place, spanOf(pair.key as Node))
    assign(map, name, this.value(pair.value, place))
    if (pair.value === null) this.result.values.set(place, spanOf(pair.key as Node))
  }

  /** Helm's reader lets a merge override the keys before it, unlike the YAML specification. */
  private merge(pair: Pair, map: Record<string, JsonValue>, path: string): void {
    const source = isAlias(pair.value) && this.document ? pair.value.resolve(this.document) : pair.value
    const sources = isCollection(source) && !isMap(source) ? [...source.items].reverse() : [source]
    for (const item of sources) {
      const target = isAlias(item) && this.document ? item.resolve(this.document) : item
      if (!isMap(target)) {
        this.fail((pair.value ?? pair.key) as Node, 'only mappings can be merged with <<')
        return
      }
      const merged = this.value(target, path)
      if (typeof merged === 'object' && merged !== null)
        for (const [key, value] of Object.entries(merged)) assign(map, key, value)
    }
  }

  private isSecret(node: Node): boolean {
    const { start, end } = spanOf(node)
    return this.result.secrets.some((secret) => secret.start < end && secret.end > start)
  }

  private fail(node: Node | null, message: string): null {
    this.result.errors.push({ ...spanOf(node), message })
    return null
  }
}

function tabAfterDash(node: Node): boolean {
  const token = node.srcToken
  if (token?.type !== 'block-seq') return false
  return token.items.some(({ start }) => {
    const dash = start.findIndex(({ type }) => type === 'seq-item-ind')
    return start.slice(dash + 1).some(({ type, source }) => type === 'space' && source.includes('\t'))
  })
}

function isMergeKey(pair: Pair): boolean {
  return isScalar(pair.key) && pair.key.type === 'PLAIN' && pair.key.value === '<<'
}

/** Sets a key even when it is called `__proto__`. */
function assign(map: Record<string, JsonValue>, key: string, value: JsonValue): void {
  Object.defineProperty(map, key, { value, writable: true, enumerable: true, configurable: true })
}

function forget(result: HelmYaml, pointer: string): void {
  for (const places of [result.values, result.keys])
    for (const key of places.keys()) if (key === pointer || key.startsWith(`${pointer}/`)) places.delete(key)
}

function spanOf(node: Node | null | undefined): Span {
  const range = node?.range
  return range ? { start: range[0], end: range[1] } : { start: 0, end: 0 }
}

/** One segment of a JSON pointer (RFC 6901). */
export function escapePointer(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1')
}

/** What a JSON value is, in words. */
export function kindOf(value: unknown): string {
  if (value === null) return 'empty (null)'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return 'a mapping'
  return { boolean: 'a boolean', number: 'a number', string: 'text' }[typeof value as string] ?? typeof value
}
