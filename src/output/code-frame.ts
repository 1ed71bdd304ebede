import type { ChalkInstance } from 'chalk'

import { printable } from '../printable.js'

/** Lines shown before the one in question. */
const CONTEXT = 2

/** Characters of a line shown at most. */
const WIDTH = 120

/** A line of a file with those before it, numbered, and a caret under what it is about. */
export function codeFrame(
  text: string,
  place: { line: number; column: number; length: number },
  style: ChalkInstance,
): string[] {
  const lines = text.split(/\r?\n/)
  const first = Math.max(1, place.line - CONTEXT)
  const width = String(place.line).length
  // Of long lines, the part around the place.
  const from = place.column > WIDTH ? place.column - 1 - WIDTH / 2 : 0
  const cut = (line: string): string =>
    `${from > 0 && line !== '' ? '…' : ''}${line.slice(from, from + WIDTH)}${line.length > from + WIDTH ? '…' : ''}`
  const frame: string[] = []
  for (let number = first; number <= place.line; number++) {
    const bar = style.dim(`${String(number).padStart(width)} |`)
    frame.push(`${bar} ${oneColumnEach(cut(lines[number - 1] ?? ''))}`.trimEnd())
  }
  const before = Math.max(0, place.column - 1 - from)
  const indent = ' '.repeat(before + (from > 0 ? 1 : 0))
  const caret = '^'.repeat(Math.max(1, Math.min(place.length, WIDTH - before)))
  frame.push(`${style.dim(`${' '.repeat(width)} |`)} ${indent}${style.red(caret)}`)
  return frame
}

/** One column per character: a tab would move the caret. */
function oneColumnEach(line: string): string {
  return printable(line.replaceAll('\t', ' '))
}
