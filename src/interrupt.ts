/** Called at each signal: 1 is the first, which asks the work to end; later ones change nothing. */
export type OnInterrupt = (count: number, name: 'SIGINT' | 'SIGTERM') => void

/**
 * Runs work that Ctrl-C (or SIGTERM) asks to end instead of ending it: the first signal aborts the `AbortSignal`,
 * and the work then finishes in its own time. A second one does not kill: helm would leave its release pending
 * (facts, "Signals").
 */
export async function interruptible<Result>(
  onInterrupt: OnInterrupt,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const controller = new AbortController()
  let count = 0
  const handle = (name: 'SIGINT' | 'SIGTERM') => () => {
    count += 1
    onInterrupt(count, name)
    controller.abort()
  }
  const handlers = { SIGINT: handle('SIGINT'), SIGTERM: handle('SIGTERM') }
  process.on('SIGINT', handlers.SIGINT)
  process.on('SIGTERM', handlers.SIGTERM)
  try {
    return await work(controller.signal)
  } finally {
    process.off('SIGINT', handlers.SIGINT)
    process.off('SIGTERM', handlers.SIGTERM)
  }
}
