const UNITS: readonly (readonly [string, number])[] = [
  ['d', 86_400],
  ['h', 3600],
  ['m', 60],
  ['s', 1],
]

/** How long ago something happened, in its largest unit, as kubectl says it: `45s`, `12m`, `3h`, `9d`. */
export function age(since: string | null, now: number): string {
  const time = since === null ? Number.NaN : Date.parse(since)
  if (Number.isNaN(time)) return '-'
  const seconds = Math.max(0, Math.floor((now - time) / 1000))
  // kubectl changes to the larger unit only where the smaller one has said enough.
  const [unit, length] = UNITS.find(([, size]) => seconds >= 2 * size) ?? ['s', 1]
  return `${String(Math.floor(seconds / length))}${unit}`
}
