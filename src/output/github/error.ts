import type { Annotation } from './annotation.js'
import { type PlacedProblem, problemAnnotation } from './problem.js'

/** An error that ended a command; `K8sflowError` has suggestions and data. */
export interface EndingError {
  message: string
  suggestions?: readonly string[]
  data?: unknown
}

/**
 * An error as annotations. Its data may tell where it is: `{path, line, column}` (or `file` for `path`), or
 * `{files: [{path, problems}]}` as invalid values have it, and then there is one for each problem.
 */
export function errorAnnotations({ message, suggestions = [], data }: EndingError): Annotation[] {
  const facts = isObject(data) ? data : {}
  const files = Array.isArray(facts['files']) ? facts['files'].filter(isObject) : []
  const problems = files.flatMap(({ path, problems }) =>
    (Array.isArray(problems) ? problems : [])
      .filter(isProblem)
      .map((problem) => problemAnnotation('error', typeof path === 'string' ? path : '-', problem)),
  )
  if (problems.length > 0) return problems
  const text = [message, ...suggestions.map((suggestion) => `→ ${suggestion}`)].join('\n')
  return [{ level: 'error', message: text, ...place(facts) }]
}

function place(facts: Record<string, unknown>): Pick<Annotation, 'file' | 'line' | 'column'> {
  const { line, column } = facts
  const file = facts['file'] ?? facts['path']
  if (typeof file !== 'string' || file === '' || file === '-') return {}
  return {
    file,
    ...(typeof line === 'number' ? { line } : {}),
    ...(typeof column === 'number' ? { column } : {}),
  }
}

function isProblem(value: unknown): value is PlacedProblem {
  return isObject(value) && typeof value['message'] === 'string'
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
