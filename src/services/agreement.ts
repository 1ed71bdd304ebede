import { InterruptedError, InvalidInputError } from '../errors.js'

/** Asks a yes-or-no question; Enter alone means no. */
export type Confirm = (question: string) => Promise<boolean>

/**
 * Gets a yes for a change that was just shown: from `--yes`, or from a person.
 * @throws InvalidInputError when the answer is no, or nobody can be asked
 */
export async function agree(
  options: { yes: boolean },
  help: { confirm?: Confirm | undefined },
  question: string,
): Promise<void> {
  if (options.yes) return
  if (help.confirm === undefined)
    throw new InvalidInputError(
      'This needs a yes, and there is no terminal to ask at. Nothing was changed.',
      {
        code: 'NOT_CONFIRMED',
        suggestions: ['If the above is meant, run the same with --yes; --dry-run shows the exact commands.'],
      },
    )
  if (!(await help.confirm(question)))
    throw new InvalidInputError('Not confirmed; nothing was changed.', { code: 'DECLINED' })
}

/**
 * Leaves before anything is changed, when a signal came meanwhile.
 * @throws InterruptedError
 */
export function stopIfInterrupted(signal: AbortSignal): void {
  if (signal.aborted) throw new InterruptedError('Interrupted; nothing was changed.', { code: 'INTERRUPTED' })
}
