import type { Progress, StepState } from '../progress.js'
import { styles } from './styles.js'

const SYMBOLS: Record<StepState, string> = {
  start: '►',
  progress: '◎',
  done: '✔',
  failed: '✗',
  warning: '⚠',
  note: '•',
}

/**
 * Renders progress as one line per change, for people on stderr: nothing is redrawn, so it reads the same in a
 * terminal, a log file and CI.
 */
export function stepReporter(options: { write: (text: string) => void; showCommands: boolean }): Progress {
  const style = styles(process.stderr)
  const colours: Record<StepState, (text: string) => string> = {
    start: style.blue,
    progress: style.blue,
    done: style.green,
    failed: style.red,
    warning: style.yellow,
    note: style.dim,
  }
  return (event) => {
    switch (event.kind) {
      case 'step': {
        const subject = event.subject === undefined ? '' : `${style.bold(event.subject)} `
        options.write(`${colours[event.state](SYMBOLS[event.state])} ${subject}${event.text}\n`)
        break
      }
      case 'command':
        if (options.showCommands) options.write(`${style.dim(`$ ${event.line}`)}\n`)
        break
      case 'lines':
        options.write(`${style.bold(event.title)}\n${event.lines.map((line) => `  ${line}\n`).join('')}`)
        break
    }
  }
}
