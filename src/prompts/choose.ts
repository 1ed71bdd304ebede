import { ask } from './ask.js'

/** An answer as it is shown, and what it stands for. */
export interface Choice<Value> {
  name: string
  value: Value
}

/**
 * Asks which one of several to take. Call it only where {@link canPrompt} holds.
 * @throws InterruptedError on Ctrl-C
 */
export async function choose<Value>(question: string, choices: readonly Choice<Value>[]): Promise<Value> {
  const { answer } = await ask((inquirer) =>
    inquirer.prompt<{ answer: number }>([
      {
        type: 'select',
        name: 'answer',
        message: question,
        choices: choices.map(({ name }, value) => ({ name, value })),
        loop: false,
      },
    ]),
  )
  return (choices[answer] as Choice<Value>).value
}
