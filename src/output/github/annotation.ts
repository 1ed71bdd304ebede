import { stripVTControlCharacters } from 'node:util'

import { printable } from '../../printable.js'

/** A message that GitHub shows beside a line of a file, or in the list of a run. All of it is plain text. */
export interface Annotation {
  level: 'error' | 'warning' | 'notice'
  message: string
  title?: string
  /** As the command was given it: absolute, or relative to the current folder. */
  file?: string
  /** Lines and columns count from 1; a column without a line has no meaning. */
  line?: number
  endLine?: number
  column?: number
  endColumn?: number
}

/** The runner keeps this many of each level for a step, and shows the others in the log only. */
export const SHOWN = 10

/** The runner cuts messages after 4096 UTF-16 units. */
const MESSAGE_LIMIT = 4096

const LEVELS = ['error', 'warning', 'notice'] as const

/** The order of GitHub's names is the order they are written in. */
const PROPERTIES = [
  ['file', 'file'],
  ['line', 'line'],
  ['endLine', 'endLine'],
  ['column', 'col'],
  ['endColumn', 'endColumn'],
  ['title', 'title'],
] as const

/**
 * The line that makes the runner show an annotation, without a line break. `file` is taken as it is.
 * Syntax: actions/runner, `ActionCommand.TryParseV2`; escapes: actions/toolkit, `packages/core/src/command.ts`.
 */
export function annotationLine(annotation: Annotation): string {
  const properties = PROPERTIES.flatMap(([name, property]) => {
    const value = annotation[name]
    if (value === undefined || value === '') return []
    return [`${property}=${escapeProperty(typeof value === 'string' ? plain(value) : String(value))}`]
  })
  const start = properties.length === 0 ? annotation.level : `${annotation.level} ${properties.join(',')}`
  return `::${start}::${escapeData(shortened(plain(annotation.message)))}`
}

/**
 * Those that are worth showing: without duplicates, errors first, then by file and line. Where a level has more than
 * the runner keeps, the last one says how many are left out.
 */
export function shownAnnotations(annotations: readonly Annotation[]): Annotation[] {
  const unique = new Map(annotations.map((annotation) => [annotationLine(annotation), annotation]))
  return LEVELS.flatMap((level) => {
    const sorted = [...unique.values()].filter((annotation) => annotation.level === level).sort(byPlace)
    if (sorted.length <= SHOWN) return sorted
    const kept = sorted.slice(0, SHOWN - 1)
    const [first] = kept
    const more = `and ${String(sorted.length - kept.length)} more; see the log and the job summary`
    return [...kept, { level, message: more, ...(first?.title === undefined ? {} : { title: first.title }) }]
  })
}

function byPlace(a: Annotation, b: Annotation): number {
  return (
    // What has a place says more than what has none.
    Number(a.file === undefined) - Number(b.file === undefined) ||
    (a.file ?? '').localeCompare(b.file ?? '', 'en') ||
    (a.line ?? 0) - (b.line ?? 0) ||
    (a.column ?? 0) - (b.column ?? 0)
  )
}

/** `%` comes first: the runner undoes the others before it. */
function escapeData(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A')
}

function escapeProperty(text: string): string {
  return escapeData(text).replaceAll(':', '%3A').replaceAll(',', '%2C')
}

/** Without colours and other control characters; line breaks stay. */
function plain(text: string): string {
  return stripVTControlCharacters(text)
    .split(/\r?\n/)
    .map((line) => printable(line))
    .join('\n')
}

function shortened(message: string): string {
  if (message.length <= MESSAGE_LIMIT) return message
  // Not in the middle of a pair of surrogates.
  return `${message.slice(0, MESSAGE_LIMIT - 1).replace(/[\uD800-\uDBFF]$/, '')}…`
}
