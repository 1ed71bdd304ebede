import {
  type CST,
  type Document,
  isAlias,
  isCollection,
  isMap,
  isScalar,
  type Node,
  type Pair,
  visit,
} from 'yaml'

import { EXTRA_ENV, NAME, SECRET_KEY } from './secret-keys.js'
import { secretLines } from './secret-lines.js'

/** A stretch of the file, as offsets into its text. */
interface Stretch {
  start: number
  end: number
}

/** Lists and mappings of variables; with mere text this is the chart's own key. */
const ENV = /^env(ironment|s|[-_]?vars?)?$/i

/**
 * Where secrets stand in a text: in order, apart from each other, each on one line. What the YAML document says
 * decides; where a document is broken, and does not say all, also what its lines look like.
 */
export function secretSpans(text: string, documents: readonly Document[]): Stretch[] {
  const found = documents.flatMap((document) => new Finder(text, document).find())
  const broken = documents.some(({ errors }) => errors.length > 0)
  return joined([...found, ...(broken ? secretLines(text) : [])])
}

class Finder {
  private readonly hidden: Stretch[] = []
  private readonly shown: Stretch[] = []
  private readonly seen = new Set<unknown>()

  constructor(
    private readonly text: string,
    private readonly document: Document,
  ) {}

  find(): Stretch[] {
    visit(this.document, {
      Map: (_key, map) => {
        const names = map.items.map(keyOf)
        const holdsVariables = names.some((name) => name === 'name' || EXTRA_ENV.test(name))
        map.items.forEach((pair, index) => {
          const name = names[index] ?? ''
          const variables = EXTRA_ENV.test(name) || (ENV.test(name) && isCollection(this.target(pair.value)))
          if (variables || SECRET_KEY.test(name) || (name === 'value' && holdsVariables)) this.hideValue(pair)
        })
      },
    })
    const shown = joined(this.shown)
    return joined(this.hidden).flatMap((stretch) => this.lines(without(stretch, shown)))
  }

  /** Hides all after the colon, comments too: what is commented out was there once. */
  private hideValue(pair: Pair): void {
    const { sep = [] } = (pair as { srcToken?: CST.CollectionItem }).srcToken ?? {}
    const colon = sep.find(({ type }) => type === 'map-value-ind')
    const value = pair.value as Node | null
    const start = colon === undefined ? value?.range?.[0] : colon.offset + colon.source.length
    if (start === undefined) return
    const end = Math.max(start, value?.range?.[2] ?? start)
    const comments = /(?:\s*(?:#.*)?$)*/my
    comments.lastIndex = end
    this.hidden.push({ start, end: end + (comments.exec(this.text)?.[0].length ?? 0) })
    if (value !== null) this.show(value)
  }

  /** Names and structure may be seen. An alias shows nothing of what it stands for, so that is hidden where it is. */
  private show(node: Node): void {
    if (this.seen.has(node)) return
    this.seen.add(node)
    this.showIndicators(node.srcToken)
    visit(node, {
      Alias: (_key, alias) => {
        const target = this.target(alias) as Node | undefined
        if (!target?.range || this.seen.has(target)) return
        this.hidden.push({ start: target.range[0], end: target.range[1] })
        this.show(target)
      },
      Pair: (_key, pair) => {
        this.showName(pair.key)
        if (keyOf(pair) === 'name') this.showName(pair.value)
        // It says where a value is, not what.
        if (keyOf(pair) === 'valueFrom' && isMap(pair.value))
          visit(pair.value, {
            Scalar: (_place, { range }) => void (range && this.showSpan(range[0], range[1])),
          })
      },
    })
  }

  private target(node: unknown): unknown {
    return isAlias(node) ? node.resolve(this.document) : node
  }

  private showName(node: unknown): void {
    if (isScalar(node) && node.range && NAME.test(String(node.value)))
      this.showSpan(node.range[0], node.range[1])
  }

  private showSpan(start: number, end: number): void {
    this.shown.push({ start, end })
  }

  private showIndicators(root: CST.Token | undefined): void {
    const tokens: (CST.Token | null | undefined)[] = [root]
    while (tokens.length > 0) {
      const token = tokens.pop()
      if (!token || !('items' in token)) continue
      const own = token.type === 'flow-collection' ? [token.start, ...token.end] : []
      const between = token.items.flatMap(({ start, sep = [] }) => [...start, ...sep])
      for (const { type, offset, source } of [...own, ...between])
        if (INDICATORS.has(type)) this.showSpan(offset, offset + source.length)
      for (const { key, value } of token.items) tokens.push(key, value)
    }
  }

  /** Each line's part, without the spaces around it. */
  private lines(stretches: readonly Stretch[]): Stretch[] {
    return stretches.flatMap(({ start, end }) =>
      [...this.text.slice(start, end).matchAll(/\S(?:.*\S)?/g)].map(({ index, 0: part }) => ({
        start: start + index,
        end: start + index + part.length,
      })),
    )
  }
}

const INDICATORS = new Set<CST.Token['type']>([
  'seq-item-ind',
  'map-value-ind',
  'explicit-key-ind',
  'comma',
  'flow-map-start',
  'flow-map-end',
  'flow-seq-start',
  'flow-seq-end',
])

function keyOf({ key }: Pair): string {
  return isScalar(key) ? String(key.value) : ''
}

function joined(stretches: readonly Stretch[]): Stretch[] {
  const result: Stretch[] = []
  for (const { start, end } of [...stretches].sort((a, b) => a.start - b.start)) {
    const last = result.at(-1)
    if (last !== undefined && start <= last.end) last.end = Math.max(last.end, end)
    else result.push({ start, end })
  }
  return result
}

/** What is left of a stretch; `others` are in order and apart. */
function without({ start, end }: Stretch, others: readonly Stretch[]): Stretch[] {
  const left: Stretch[] = []
  let from = start
  for (const other of others) {
    if (other.end <= from || other.start >= end) continue
    if (other.start > from) left.push({ start: from, end: other.start })
    from = other.end
  }
  if (from < end) left.push({ start: from, end })
  return left
}
