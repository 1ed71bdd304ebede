import { ask } from './ask.js'

/**
 * Asks a yes-or-no question; Enter alone means no. Call it only where {@link canPrompt} holds.
 * @throws InterruptedError on Ctrl-C
 */
export async function confirm(question: string): Promise<boolean> {
  const { answer } = await ask((inquirer) =>
    inquirer.prompt([{ type: 'confirm', name: 'answer', message: question, default: false }]),
  )
  return answer
}
