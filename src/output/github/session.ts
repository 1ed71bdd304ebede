import type { Progress } from '../../progress.js'
import type { Annotation } from './annotation.js'
import type { EndingError } from './error.js'
import { guard, inert, inertJson } from './inert.js'
import { type GithubReport, writeGithubReport } from './report.js'

/**
 * One run of a command as a step of GitHub Actions. From its start on, nothing on stderr is taken for a workflow
 * command but its own annotations.
 */
export class GithubSession {
  readonly inert = inert
  readonly inertJson = inertJson
  private readonly write = guard(process.stderr)
  private readonly warnings: Annotation[] = []
  private failed = false

  /** @param title of all annotations, such as `k8sflow deploy` */
  constructor(private readonly title: string) {}

  /** Passes everything on, and keeps warnings for the report. */
  watch(progress: Progress): Progress {
    return (event) => {
      if (event.kind === 'step' && event.state === 'warning') {
        const message = [event.subject, event.text].filter((part) => part !== undefined).join(' ')
        this.warnings.push({ level: 'warning', message })
      }
      progress(event)
    }
  }

  /** Writes what `make` returns; whatever goes wrong with that is a warning and no reason to fail. */
  async report(make: () => GithubReport | Promise<GithubReport>): Promise<void> {
    let report: GithubReport
    try {
      report = await make()
    } catch (error) {
      report = {
        annotations: [{ level: 'warning', message: `No report for GitHub: ${(error as Error).message}` }],
      }
    }
    this.failed ||= report.annotations.some(({ level }) => level === 'error')
    const annotations = [...report.annotations, ...this.warnings.splice(0)]
    await writeGithubReport({ ...report, annotations }, this.step())
  }

  /** Annotates the error that ends the command, unless a report already said why it failed. */
  async fail(error: EndingError): Promise<void> {
    if (this.failed) return
    const { errorAnnotations } = await import('./error.js')
    await this.report(() => ({ annotations: errorAnnotations(error) }))
  }

  private step() {
    return { env: process.env, write: this.write, title: this.title }
  }
}
