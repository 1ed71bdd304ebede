import type { OnInterrupt } from '../interrupt.js'
import type { Progress } from '../progress.js'

/** Says what a signal does, since nothing seems to happen for a while: helm first writes down how it ended. */
export function interruptNotice(progress: Progress, { build = false } = {}): OnInterrupt {
  const programs = build ? 'docker or helm' : 'helm'
  return (count) => {
    const text =
      count === 1
        ? `interrupted: waiting for ${programs} to stop; do not kill it, that would leave releases pending`
        : `still waiting for ${programs} to stop`
    progress({ kind: 'step', state: 'warning', text })
  }
}
