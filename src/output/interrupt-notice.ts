import type { OnInterrupt } from '../interrupt.js'
import type { Progress } from '../progress.js'

/** Says what a signal does, since nothing seems to happen for a while: helm first writes down how it ended. */
export function interruptNotice(progress: Progress): OnInterrupt {
  return (count) => {
    const text =
      count === 1
        ? 'Stopping: helm is asked to end, and writes down in what state the release is. Please wait.'
        : 'Still waiting for helm; ending it harder would leave the release locked.'
    progress({ kind: 'step', state: 'warning', text })
  }
}
