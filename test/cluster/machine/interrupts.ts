import { progress } from './failure.js'

const codes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const

/** Runs a clean-up on the first Ctrl-C or termination, then exits with the shell's usual code. Gives a function that stops listening. */
export function onInterrupt(cleanUp: () => Promise<void>): () => void {
  let running = false
  const listener = (signal: NodeJS.Signals) => {
    if (running) return
    running = true
    progress(`${signal}: cleaning up …`)
    void cleanUp()
      .catch((error: unknown) => progress(String(error)))
      .finally(() => process.exit(codes[signal as keyof typeof codes]))
  }
  const signals = Object.keys(codes) as NodeJS.Signals[]
  for (const signal of signals) process.on(signal, listener)
  return () => {
    for (const signal of signals) process.off(signal, listener)
  }
}
