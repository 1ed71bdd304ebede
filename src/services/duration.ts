import { InvalidInputError } from '../errors.js'

const UNITS: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 }

/**
 * Milliseconds of a duration as helm takes it: `5m`, `90s`, `1m30s`.
 * @throws InvalidInputError for anything else, and for nothing at all
 */
export function durationMs(text: string): number {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|h|m|s)/g)]
  const total = parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * (UNITS[unit ?? ''] ?? 0), 0)
  if (parts.map(([part]) => part).join('') !== text || total <= 0)
    throw new InvalidInputError(`--timeout ${JSON.stringify(text)} is not a duration.`, {
      code: 'INVALID_DURATION',
      suggestions: ['Write it with its unit, such as 5m, 90s or 1m30s.'],
    })
  return total
}
