import type { Validation } from '../services/validate.js'
import type { Problem } from '../values/check.js'
import { codeFrame, type FramedText } from './code-frame.js'
import { styles } from './styles.js'

/** Problems, and warnings, shown of one file at most; `--json` holds them all. */
const SHOWN = 20

/** What `validate` found, for people: one line per file, or file:line:column with the lines in question. */
export function validationText(validation: Validation, texts: ReadonlyMap<string, FramedText>): string {
  const style = styles(process.stdout)
  const entry = (path: string, problem: Problem, mark: string): string => {
    const { line, column, length = 1 } = problem
    const name = path === '-' ? 'stdin' : path
    const at = line === undefined || column === undefined ? name : `${name}:${line}:${column}`
    const text = texts.get(path)
    const frame =
      line === undefined || column === undefined || text === undefined
        ? []
        : codeFrame(text, { line, column, length }, style)
    const hint = problem.hint === undefined ? [] : [`${style.cyan('→')} ${problem.hint}`]
    const below = [...frame, ...hint].map((part) => `    ${part}\n`).join('')
    return `${mark} ${style.bold(at)} ${problem.message}\n${below}`
  }
  const entries = (path: string, found: readonly Problem[], mark: string): string[] => [
    ...found.slice(0, SHOWN).map((problem) => entry(path, problem, mark)),
    ...(found.length > SHOWN ? [`${mark} and ${found.length - SHOWN} more\n`] : []),
  ]
  return validation.files
    .map(({ path, valid, problems, warnings }) => {
      const parts = [
        ...entries(path, problems, style.red('✗')),
        ...entries(path, warnings, style.yellow('⚠')),
      ]
      if (valid) parts.unshift(`${style.green('✔')} ${path === '-' ? 'stdin' : path} is valid\n`)
      return parts.join('')
    })
    .join('')
}
