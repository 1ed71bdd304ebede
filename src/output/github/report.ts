import { realpathSync } from 'node:fs'
import { isAbsolute, relative, resolve, sep } from 'node:path'

import { type Annotation, annotationLine, shownAnnotations } from './annotation.js'

/** What a command leaves behind for GitHub Actions, beside its usual output. */
export interface GithubReport {
  annotations: Annotation[]
  /** Markdown for the job summary, made with `markdown.ts`, which escapes what it is given. */
  summary?: string
  /** Outputs of the step by name (letters, digits, `-` and `_`); never secrets. A value may have several lines. */
  outputs?: Readonly<Record<string, string>>
}

export interface GithubStep {
  /** `GITHUB_WORKSPACE`, `GITHUB_STEP_SUMMARY` and `GITHUB_OUTPUT` are read. */
  env: Readonly<Record<string, string | undefined>>
  /** Takes whole lines; the runner must see them. */
  write: (text: string) => void
  /** For annotations that have none. */
  title: string
}

/**
 * Writes a report where the runner looks for it. Never fails: what cannot be written is a warning in the log, since
 * the work itself is done. Adding to the files does not disturb what other steps' tools wrote there.
 */
export async function writeGithubReport(report: GithubReport, step: GithubStep): Promise<void> {
  const { env } = step
  const { summary, outputs = {} } = report
  const annotations = [...report.annotations]
  const attempt = async (what: string, write: () => Promise<void>) => {
    try {
      await write()
    } catch (error) {
      annotations.push({ level: 'warning', message: `${what} not written: ${(error as Error).message}` })
    }
  }
  if (summary !== undefined || Object.keys(outputs).length > 0) {
    const { appendOutputs, appendSummary } = await import('./step-files.js')
    if (summary !== undefined)
      await attempt('The job summary was', () => appendSummary(env['GITHUB_STEP_SUMMARY'], summary))
    if (Object.keys(outputs).length > 0)
      await attempt('The outputs of this step were', () => appendOutputs(env['GITHUB_OUTPUT'], outputs))
  }
  const workspace = env['GITHUB_WORKSPACE']
  const lines = shownAnnotations(
    annotations.map((annotation) => ({ title: step.title, ...placed(annotation, workspace) })),
  ).map((annotation) => `${annotationLine(annotation)}\n`)
  if (lines.length > 0) step.write(lines.join(''))
}

/** With a path as GitHub knows it; what lies outside the repository is named in the message instead. */
function placed(annotation: Annotation, workspace: string | undefined): Annotation {
  const { file, line, column, level, message, title } = annotation
  const path = file === undefined ? undefined : inWorkspace(file, workspace)
  if (path !== undefined) return { ...annotation, file: path }
  const place = [file, line, column].filter((part) => part !== undefined).join(':')
  return {
    level,
    message: file === undefined ? message : `${place}: ${message}`,
    ...(title === undefined ? {} : { title }),
  }
}

function inWorkspace(file: string, workspace: string | undefined): string | undefined {
  if (workspace === undefined || workspace === '') return isAbsolute(file) ? undefined : slashes(file)
  const path = relative(real(workspace), real(resolve(file)))
  const outside = path === '' || path === '..' || path.startsWith(`..${sep}`) || isAbsolute(path)
  return outside ? undefined : slashes(path)
}

/** The current folder and the workspace may be the same by different names. */
function real(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return resolve(path)
  }
}

function slashes(path: string): string {
  return path.replaceAll(sep, '/')
}
