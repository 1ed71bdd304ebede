const PARTS = 5

/**
 * Calls back when a time is over in which this process ran. It is counted in parts: while the machine stands still or sleeps
 * one of them passes and no more, and what has come meanwhile is looked at before the last.
 * @returns what ends the waiting
 */
export function timeLimit(milliseconds: number, late: () => void): () => void {
  let left = PARTS
  let timer: NodeJS.Timeout | undefined
  let last: NodeJS.Immediate | undefined
  const part = () => {
    timer = setTimeout(() => {
      left -= 1
      if (left > 0) part()
      else last = setImmediate(late)
    }, milliseconds / PARTS)
  }
  part()
  return () => {
    clearTimeout(timer)
    clearImmediate(last)
  }
}
