import { stripVTControlCharacters } from 'node:util'

import { styles } from './styles.js'

/** How a table gets along with a narrow terminal; columns are named by their headings. */
export interface TableFit {
  /** The column that is cut first: its end is not what matters. */
  cut?: string
  /** Columns that can be left out then, the least important first. */
  optional?: readonly string[]
  /** Characters of a line; left out, those of the terminal, and any number where stdout is none. */
  width?: number
}

const GAP = 2
/** Characters that are left of a column at least. */
const LEAST = 16

/**
 * Rows under headings, in columns two spaces apart and without rules: as kubectl and helm print them. In a terminal that
 * is too narrow lines are kept from wrapping, where the table says how; what is piped is whole.
 */
export async function table(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
  { cut, optional = [], width = terminalWidth() }: TableFit = {},
): Promise<string> {
  const widths = headings.map((heading, column) =>
    widthOf([heading, ...rows.map((row) => row[column] ?? '')]),
  )
  const { kept, cutTo } = fitted(headings, widths, { cut, optional, width })
  const pick = (row: readonly string[]) => row.filter((_cell, column) => kept.has(headings[column] ?? ''))
  const shown = pick(headings)
  const text = await grid(
    shown,
    rows.map(pick),
    shown.map((heading) => (heading === cut ? cutTo : undefined)),
  )
  const left = headings.filter((heading) => !kept.has(heading))
  if (left.length === 0) return text
  const note = `No room for ${left.join(' and ')}: widen the terminal, or add | cat`
  return `${text}\n${styles(process.stdout).dim(note)}`
}

/** Which columns there is room for, and how wide the one may be that is cut. */
function fitted(
  headings: readonly string[],
  widths: readonly number[],
  { cut, optional, width }: { cut: string | undefined; optional: readonly string[]; width: number },
): { kept: ReadonlySet<string>; cutTo?: number } {
  const widthOfAll = (names: ReadonlySet<string>) =>
    headings.reduce(
      (sum, heading, index) => sum + (names.has(heading) ? (widths[index] ?? 0) + GAP : 0),
      -GAP,
    )
  for (let left = 0; left <= optional.length; left++) {
    const kept = new Set(headings.filter((heading) => !optional.slice(0, left).includes(heading)))
    const excess = widthOfAll(kept) - width
    if (excess <= 0) return { kept }
    const cutTo = (cut === undefined ? 0 : (widths[headings.indexOf(cut)] ?? 0)) - excess
    if (cutTo >= LEAST) return { kept, cutTo }
  }
  // Lines wrap anyway, so that nothing is hidden for it.
  return { kept: new Set(headings) }
}

function terminalWidth(): number {
  return process.stdout.isTTY && process.stdout.columns > 0
    ? process.stdout.columns
    : Number.POSITIVE_INFINITY
}

function widthOf(cells: readonly string[]): number {
  return Math.max(
    ...cells.flatMap((cell) => cell.split('\n').map((line) => stripVTControlCharacters(line).length)),
  )
}

async function grid(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
  widths: readonly (number | undefined)[],
): Promise<string> {
  const { default: Table } = await import('cli-table3')
  const style = styles(process.stdout)
  const none = Object.fromEntries(
    ['top', 'bottom', 'left', 'right', 'mid', 'middle']
      .flatMap((side) => [side, `${side}-mid`, `${side}-left`, `${side}-right`, `mid-mid`])
      .map((side) => [side, '']),
  )
  const cells = new Table({
    head: headings.map((heading) => style.bold(heading)),
    chars: { ...none, middle: ' '.repeat(GAP) },
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
    colWidths: widths.map((width) => width ?? null),
  })
  cells.push(...rows.map((row) => [...row]))
  return cells
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')
}
