import { stripVTControlCharacters } from 'node:util'

import { printable, printableLine } from '../../printable.js'

/** A cell of a table: plain text, which is escaped, or plain text to be shown as code. */
export type Cell = string | { code: string }

/** Rows of a table that are written out; a job summary is not the place for thousands. */
const ROWS = 500

/**
 * Plain text as one line of Markdown that shows just that. What means something to Markdown, to its tables or to HTML
 * becomes a character reference: that can neither end a cell nor start anything, wherever it stands.
 */
export function markdownText(text: string): string {
  return references(line(text)).replace(/^(?:[-+=#]|\d+(?=[.)](?:\s|$)))/, (start) =>
    start.replace(/.$/, reference),
  )
}

/** A heading of the given level, on a line of its own. */
export function heading(text: string, level = 2): string {
  return `${'#'.repeat(level)} ${markdownText(text)}`
}

/** A table with a row for each of `rows`; of very many the first 500, and a line that says so. */
export function markdownTable(headings: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const row = (cells: readonly Cell[]) => `| ${cells.map(cellText).join(' | ')} |`
  const rule = `| ${headings.map(() => '---').join(' | ')} |`
  const table = [row(headings), rule, ...rows.slice(0, ROWS).map(row)].join('\n')
  return rows.length > ROWS ? `${table}\n\nand ${String(rows.length - ROWS)} more` : table
}

/** Lines as they are, folded under a title. */
export function preformatted(title: string, lines: readonly string[]): string {
  const text = lines.map((one) => html(printable(stripVTControlCharacters(one)))).join('\n')
  return `<details><summary>${references(line(title))}</summary>\n\n<pre>\n${text}\n</pre>\n</details>`
}

/**
 * The beginning of a Markdown text, in whole lines, with a note that there is more; what was open where it was cut
 * is closed. At most `limit` bytes of UTF-8, or nothing where not even the note fits.
 */
export function cutOff(markdown: string, limit: number): string {
  if (Buffer.byteLength(markdown) <= limit) return markdown
  let end = limit - Buffer.byteLength(CLOSING)
  if (end < 0) return ''
  const bytes = Buffer.from(markdown)
  end = bytes.lastIndexOf('\n', end - 1)
  const kept = bytes.subarray(0, Math.max(0, end)).toString()
  const open = kept.lastIndexOf('<details>') > kept.lastIndexOf('</details>')
  return `${kept}${open ? CLOSING : NOTE}`
}

const NOTE = '\n\n_This summary is too long for GitHub; the rest was left out. The log holds it all._\n'
const CLOSING = `\n</pre>\n</details>${NOTE}`

function cellText(cell: Cell): string {
  if (typeof cell === 'string') return markdownText(cell)
  return `<code>${references(line(cell.code))}</code>`
}

function line(text: string): string {
  return printableLine(stripVTControlCharacters(text))
}

function references(text: string): string {
  return text.replaceAll(/[&<>`*_~[\]|\\$]/g, reference)
}

function html(text: string): string {
  return text.replaceAll(/[&<>]/g, reference)
}

function reference(character: string): string {
  return `&#${String(character.codePointAt(0))};`
}
