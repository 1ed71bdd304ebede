import type { Annotation } from './annotation.js'

/** Something wrong with a values file, as `values/check.ts` finds it. */
export interface PlacedProblem {
  message: string
  hint?: string
  line?: number
  column?: number
  /** Characters of the line it is about. */
  length?: number
}

/** A problem of a file at its place; `-` is stdin, which has none. */
export function problemAnnotation(
  level: Annotation['level'],
  file: string,
  { message, hint, line, column, length }: PlacedProblem,
): Annotation {
  const text = hint === undefined ? message : `${message}\n${hint}`
  if (file === '-')
    return { level, message: `${line === undefined ? 'stdin' : `stdin:${String(line)}`}: ${text}` }
  return {
    level,
    message: text,
    file,
    ...(line === undefined ? {} : { line }),
    ...(column === undefined ? {} : { column }),
    ...(line === undefined || column === undefined || length === undefined
      ? {}
      : { endLine: line, endColumn: column + length }),
  }
}
