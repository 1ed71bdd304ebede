import { InterruptedError } from '../errors.js'

type Inquirer = typeof import('inquirer').default

/**
 * Runs questions through inquirer, which is loaded only now. Ctrl-C and a closed terminal leave as one
 * {@link InterruptedError}, whatever question was open.
 */
export async function ask<Answer>(questions: (inquirer: Inquirer) => Promise<Answer>): Promise<Answer> {
  // Its colours are settled as it loads, and it knows nothing of this flag.
  if (process.argv.includes('--no-color')) process.env['NO_COLOR'] = '1'
  const { default: inquirer } = await import('inquirer')
  try {
    return await questions(inquirer)
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'ExitPromptError') throw error
    throw new InterruptedError('Cancelled; nothing was changed.', { code: 'CANCELLED', cause: error })
  }
}
