import type { ChalkInstance } from 'chalk'

import { printable } from '../printable.js'

/** Lines shown before the one in question. */
const CONTEXT = 2

/** A line of a file with those before it, numbered, and a caret under what it is about. */
export function codeFrame(
  text: string,
  place: { line: number; column: number; length: number },
  style: ChalkInstance,
): string[] {
  const lines = text.split(/\r?\n/)
  const first = Math.max(1, place.line - CONTEXT)
  const width = String(place.line).length
  const frame: string[] = []
  for (let number = first; number <= place.line; number++) {
    const bar = style.dim(`${String(number).padStart(width)} |`)
    frame.push(`${bar} ${oneColumnEach(lines[number - 1] ?? '')}`.trimEnd())
  }
  const indent = ' '.repeat(Math.max(0, place.column - 1))
  frame.push(`${style.dim(`${' '.repeat(width)} |`)} ${indent}${style.red('^'.repeat(place.length))}`)
  return frame
}

/** One column per character: a tab would move the caret. */
function oneColumnEach(line: string): string {
  return printable(line.replaceAll('\t', ' '))
}
