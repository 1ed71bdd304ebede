/** Edits that still count as a slip of the finger, by the length of what was typed. */
const slips = (text: string) => (text.length < 4 ? 1 : text.length < 8 ? 2 : 3)

/**
 * The one accepted word that `typed` was probably meant to be: one it abbreviates, or the nearest within a few edits.
 * Nothing when none is close, or when two are equally close.
 */
export async function nearest(typed: string, accepted: readonly string[]): Promise<string | undefined> {
  const word = typed.trim().toLowerCase()
  if (word === '') return undefined
  const longer = accepted.filter((candidate) => candidate.toLowerCase().startsWith(word))
  if (longer.length === 1 && word.length > 1) return longer[0]
  const { distance } = await import('fastest-levenshtein')
  const ranked = accepted
    .map((candidate) => ({ candidate, edits: distance(word, candidate.toLowerCase()) }))
    .sort((a, b) => a.edits - b.edits)
  const [first, second] = ranked
  if (first === undefined || first.edits > slips(word)) return undefined
  return second !== undefined && second.edits === first.edits ? undefined : first.candidate
}

/**
 * The country code meant by a longer word: by its English name (`spain`, `swe`), else by its first two letters
 * (`ita`). Asks Intl for the names, which is slow the first time: for messages only.
 */
export function nearestCountry(
  typed: string,
  codes: readonly string[],
): { code: string; name: string } | undefined {
  const word = typed.trim().toLowerCase()
  const names = new Intl.DisplayNames(['en'], { type: 'region' })
  const named = (code: string) => ({ code, name: names.of(code.toUpperCase()) ?? code })
  if (codes.includes(word)) return named(word)
  if (!/^[a-z]{3,}$/.test(word)) return undefined
  const byName = codes.filter((code) => named(code).name.toLowerCase().startsWith(word))
  if (byName.length === 1 && byName[0] !== undefined) return named(byName[0])
  const byLetters = codes.find((code) => code === word.slice(0, 2))
  return word.length === 3 && byLetters !== undefined ? named(byLetters) : undefined
}
