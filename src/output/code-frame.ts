import type { ChalkInstance } from 'chalk'

import { printable } from '../printable.js'
import type { Span } from '../values/helm-yaml.js'
import { MASK } from '../values/secret-keys.js'

/** Lines shown before the one in question. */
const CONTEXT = 2

/** Characters of a line shown at most. */
const WIDTH = 120

/** The text of a file, and what of it may be secret: in order, apart from each other, each on one line. */
export interface FramedText {
  text: string
  secrets: readonly Span[]
}

/** A line of a file with those before it, numbered, secrets masked, and a caret under what it is about. */
export function codeFrame(
  { text, secrets }: FramedText,
  place: { line: number; column: number; length: number },
  style: ChalkInstance,
): string[] {
  const first = Math.max(1, place.line - CONTEXT)
  const lines = maskedLines(text, secrets, { first, last: place.line })
  const width = String(place.line).length
  const { shift } = lines.at(-1) ?? NO_LINE
  const start = shift(place.column - 1, 'start')
  const length = shift(place.column - 1 + place.length, 'end') - start
  // Of long lines, the part around the place.
  const from = start >= WIDTH ? start - WIDTH / 2 : 0
  const cut = (line: string): string =>
    `${from > 0 && line !== '' ? '…' : ''}${line.slice(from, from + WIDTH)}${line.length > from + WIDTH ? '…' : ''}`
  const frame: string[] = []
  for (const [index, line] of lines.entries()) {
    const bar = style.dim(`${String(first + index).padStart(width)} |`)
    frame.push(`${bar} ${oneColumnEach(cut(line.text))}`.trimEnd())
  }
  const before = Math.max(0, start - from)
  const indent = ' '.repeat(before + (from > 0 ? 1 : 0))
  const caret = '^'.repeat(Math.max(1, Math.min(length, WIDTH - before)))
  frame.push(`${style.dim(`${' '.repeat(width)} |`)} ${indent}${style.red(caret)}`)
  return frame
}

interface MaskedLine {
  text: string
  /** Where a column of the file, from 0, is in the text; what is masked is one thing, with a start and an end. */
  shift: (column: number, edge: 'start' | 'end') => number
}

const NO_LINE: MaskedLine = { text: '', shift: (column) => column }

function maskedLines(
  text: string,
  secrets: readonly Span[],
  { first, last }: { first: number; last: number },
): MaskedLine[] {
  const lines = text.split('\n')
  let offset = lines.slice(0, first - 1).reduce((sum, line) => sum + line.length + 1, 0)
  return lines.slice(first - 1, last).map((line) => {
    const own = secrets
      .filter(({ start, end }) => start < offset + line.length && end > offset)
      .map(({ start, end }) => ({ start: start - offset, end: end - offset }))
    offset += line.length + 1
    return maskedLine(line.replace(/\r$/, ''), own)
  })
}

function maskedLine(line: string, secrets: readonly Span[]): MaskedLine {
  let text = ''
  let from = 0
  for (const { start, end } of secrets) {
    text += line.slice(from, start) + MASK
    from = end
  }
  return {
    text: text + line.slice(from),
    shift(column, edge) {
      let shifted = column
      for (const { start, end } of secrets) {
        if (column >= end) shifted += MASK.length - (end - start)
        else if (column > start) return shifted - (column - start) + (edge === 'end' ? MASK.length : 0)
      }
      return shifted
    },
  }
}

/** One column per character: a tab would move the caret. */
function oneColumnEach(line: string): string {
  return printable(line.replaceAll('\t', ' '))
}
