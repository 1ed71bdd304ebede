import { InvalidInputError } from '../errors.js'

const UNITS: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 }

/** No wait is shorter, and none longer: Node's timers and helm's own would end at once, or never. */
const SHORTEST_MS = 1000
const LONGEST_MS = 24 * 3_600_000

/**
 * Milliseconds of a duration as helm takes it: `5m`, `90s`, `1m30s`.
 * @throws InvalidInputError for anything else, and for less than a second or more than a day
 */
export function durationMs(text: string, flag = '--timeout'): number {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|h|m|s)/g)]
  const total = parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * (UNITS[unit ?? ''] ?? 0), 0)
  if (parts.map(([part]) => part).join('') !== text || total <= 0)
    throw new InvalidInputError(`${flag} ${JSON.stringify(text)} is not a duration.`, {
      code: 'INVALID_DURATION',
      suggestions: ['Write it with its unit, such as 5m, 90s or 1m30s.'],
    })
  if (total < SHORTEST_MS || total > LONGEST_MS)
    throw new InvalidInputError(`${flag} ${text} is out of bounds.`, {
      code: 'INVALID_DURATION',
      suggestions: ['Choose between 1s and 24h, such as 5m.'],
    })
  return total
}
