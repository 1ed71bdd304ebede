import { ask } from './ask.js'

/**
 * Asks for a passphrase without showing it; a new one twice, until both are the same. Call it only where
 * {@link canPrompt} holds.
 * @throws InterruptedError on Ctrl-C
 */
export async function askPassphrase(question: string, options: { twice?: boolean } = {}): Promise<string> {
  return ask(async (inquirer) => {
    const typed = async (message: string, validate: (text: string) => true | string) => {
      const { text } = await inquirer.prompt<{ text: string }>([
        { type: 'password', name: 'text', message, mask: '*', validate },
      ])
      return text
    }
    const passphrase = await typed(question, (text) => text !== '' || 'Type at least one character.')
    if (options.twice) await typed('The same again:', (text) => text === passphrase || 'It is not the same.')
    return passphrase
  })
}
