import { EXIT_CODES } from '../exit-codes.js'
import { styles } from './styles.js'

/** An error as people read it: what happened, then what to do next. Ends with a line break. */
export function errorText(
  error: { message: string; suggestions?: readonly string[]; exitCode?: number },
  context: { bin: string; command: string | undefined },
): string {
  const style = styles(process.stderr)
  const suggestions = error.suggestions ?? [
    `Run ${[context.bin, context.command?.replaceAll(':', ' ')].filter(Boolean).join(' ')} --help to see what it accepts.`,
  ]
  // Who interrupts a run knows why it ended: no error, but what it left behind.
  const interrupted = error.exitCode === EXIT_CODES.interrupted
  const lines = [interrupted ? error.message : `${style.red('Error:')} ${error.message}`]
  for (const suggestion of suggestions) lines.push(`${style.cyan('→')} ${suggestion}`)
  return lines.join('\n') + '\n'
}
