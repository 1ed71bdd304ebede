/** Requests of about one second, as the locustfile writes them; times in milliseconds, null where none was made. */
export interface LocustSecond {
  users: number
  requests: number
  failures: number
  /** How long it really was. */
  seconds: number
  p50: number | null
  p95: number | null
}

/** Requests of a whole test; times in milliseconds, rounded by Locust: to 1 below 100, to 10 below 1000, and so on. */
export interface LocustFigures {
  requests: number
  failures: number
  p50: number | null
  p95: number | null
  p99: number | null
  max: number | null
}

/** One kind of failed request, such as `app1-it /ping`, and how often it was seen. */
export interface LocustError {
  request: string
  message: string
  count: number
}

export interface LocustEnd {
  total: LocustFigures
  /** By the name of the target. */
  targets: Record<string, LocustFigures>
  /** The most frequent ones. */
  errors: LocustError[]
}

export type LocustLine = ({ kind: 'second' } & LocustSecond) | ({ kind: 'end' } & LocustEnd)

const COUNTS = ['requests', 'failures'] as const
const TIMES = ['p50', 'p95', 'p99', 'max'] as const

/** Reads a line of the locustfile (`loadtest/locustfile.py`); undefined is anything else that may stand on stdout. */
export function readLocustLine(text: string): LocustLine | undefined {
  if (!text.startsWith('{')) return undefined
  let line: unknown
  try {
    line = JSON.parse(text)
  } catch {
    return undefined
  }
  if (isSecond(line) || isEnd(line)) return line
  return undefined
}

function isSecond(line: unknown): line is { kind: 'second' } & LocustSecond {
  return (
    isObject(line) &&
    line['kind'] === 'second' &&
    [...COUNTS, 'users', 'seconds'].every((key) => isCount(line[key])) &&
    ['p50', 'p95'].every((key) => line[key] === null || isCount(line[key]))
  )
}

function isEnd(line: unknown): line is { kind: 'end' } & LocustEnd {
  return (
    isObject(line) &&
    line['kind'] === 'end' &&
    isFigures(line['total']) &&
    isObject(line['targets']) &&
    Object.values(line['targets']).every(isFigures) &&
    Array.isArray(line['errors']) &&
    line['errors'].every(isError)
  )
}

function isFigures(value: unknown): value is LocustFigures {
  return (
    isObject(value) &&
    COUNTS.every((key) => isCount(value[key])) &&
    TIMES.every((key) => value[key] === null || isCount(value[key]))
  )
}

function isError(value: unknown): value is LocustError {
  return (
    isObject(value) &&
    typeof value['request'] === 'string' &&
    typeof value['message'] === 'string' &&
    isCount(value['count'])
  )
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0
}
