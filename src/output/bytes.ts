const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'] as const

/** Bytes in powers of 1000 with three digits, as docker shows them: `4.92 MB`. */
export function bytesText(bytes: number): string {
  let value = bytes
  let unit = 0
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000
    unit += 1
  }
  return `${unit === 0 ? String(value) : value.toPrecision(3)} ${UNITS[unit] ?? ''}`
}
