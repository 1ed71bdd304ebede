import type { Validation } from '../../services/validate.js'
import { heading, markdownTable } from './markdown.js'
import { problemAnnotation } from './problem.js'
import type { GithubReport } from './report.js'

/** What `validate` found: every problem at its place, and a table of the files. */
export function validationReport({ valid, files }: Validation): GithubReport {
  const bad = files.filter((file) => !file.valid).length
  const verdict =
    bad === 0 ? 'Values files are valid' : `${String(bad)} of ${String(files.length)} values files not valid`
  const rows = files.map((file) => [
    { code: file.path === '-' ? 'stdin' : file.path },
    file.valid ? '✔ valid' : '✗ not valid',
    String(file.problems.length),
    String(file.warnings.length),
    first(file.problems[0] ?? file.warnings[0]),
  ])
  return {
    annotations: files.flatMap(({ path, problems, warnings }) => [
      ...problems.map((problem) => problemAnnotation('error', path, problem)),
      ...warnings.map((warning) => problemAnnotation('warning', path, warning)),
    ]),
    summary: [
      heading(verdict),
      markdownTable(['File', 'Verdict', 'Problems', 'Warnings', 'First of them'], rows),
    ].join('\n\n'),
    outputs: { valid: String(valid) },
  }
}

function first(problem: { line?: number; message: string } | undefined): string {
  if (problem === undefined) return ''
  return problem.line === undefined ? problem.message : `line ${String(problem.line)}: ${problem.message}`
}
