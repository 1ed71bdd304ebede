/** One side of a comparison: does its work once; what it throws ends the benchmark. */
export type Side = () => Promise<void>

export interface Comparison {
  /** Milliseconds of each run, in the order they were taken. */
  a: number[]
  b: number[]
  /** Ratio A/B of each pair of neighbouring runs. */
  ratios: number[]
}

/**
 * Runs two sides in turn, A B B A A B …, after one warm-up of each, and compares neighbours: a machine whose speed
 * drifts slows both sides of a pair alike. `before` brings both to the same start, outside the time measured.
 */
export async function compare(
  a: Side,
  b: Side,
  { runs, before = async () => undefined }: { runs: number; before?: () => Promise<void> },
): Promise<Comparison> {
  for (const side of [a, b]) {
    await before()
    await side()
  }
  const result: Comparison = { a: [], b: [], ratios: [] }
  for (let run = 0; run < runs; run++) {
    const aFirst = run % 2 === 0
    await before()
    const first = await timed(aFirst ? a : b)
    await before()
    const second = await timed(aFirst ? b : a)
    const [ofA, ofB] = aFirst ? [first, second] : [second, first]
    result.a.push(ofA)
    result.b.push(ofB)
    result.ratios.push(ofA / ofB)
  }
  return result
}

async function timed(side: Side): Promise<number> {
  const start = performance.now()
  await side()
  return performance.now() - start
}

/** The middle value; of an even number of values the mean of the two middle ones. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length / 2
  const upper = sorted[Math.floor(middle)] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2
}

/** One line of the report: medians of both sides, the median ratio with its spread, and the bound it should keep. */
export function reportLine(name: string, comparison: Comparison, bound: number): string {
  const ratio = median(comparison.ratios)
  const spread = `${Math.min(...comparison.ratios).toFixed(2)}–${Math.max(...comparison.ratios).toFixed(2)}`
  const verdict = ratio <= bound ? 'ok' : 'OVER'
  const times = `${median(comparison.a).toFixed(0)} ms : ${median(comparison.b).toFixed(0)} ms`
  return `${name.padEnd(44)} ${times.padStart(22)}   ratio ${ratio.toFixed(2)} (${spread})   ≤ ${bound.toFixed(1)} ${verdict}`
}
