import { ChangingCommand } from '../changing-command.js'
import { interruptible } from '../interrupt.js'
import { loadtestFlags } from '../loadtest-flags.js'
import { canPrompt } from '../prompts/terminal.js'
import type { LoadtestResult } from '../services/loadtest-result.js'

export default class Loadtest extends ChangingCommand {
  static override summary =
    'Put load on what is deployed, watch how it scales, and write a report; needs Locust.'
  static override description = `Locust asks / and /ping of every app and country that is deployed, or of those chosen with -p and -c, and checks the \
answers of /ping. Meanwhile requests per second, times, failures, CPU and replicas are shown; afterwards one HTML file holds \
them in one picture. Load on production needs a yes, or --yes. Ctrl-C ends the load and still writes the report.

Locust is K8SFLOW_LOCUST, else "locust" on PATH, else what uvx or pipx fetches. Exits with 1 when --max-p95 or --max-failures is broken, \
and when no request succeeded.`
  static override examples = [
    '<%= config.bin %> <%= command.id %> -p app1',
    '<%= config.bin %> <%= command.id %> -p app1 -c it,es --users 100 --duration 5m --max-p95 200ms --max-failures 1%',
    '<%= config.bin %> <%= command.id %> --via service --watch-scale-down 10m',
  ]
  static override flags = loadtestFlags()

  async run(): Promise<unknown> {
    const { flags } = await this.parse(Loadtest)
    const [{ loadtest }, { loadtestView }, { confirm }, { loadtestText }] = await Promise.all([
      import('../services/loadtest.js'),
      import('../output/loadtest-view.js'),
      import('../prompts/confirm.js'),
      import('../output/loadtest-text.js'),
    ])
    const mayAsk = canPrompt({ json: this.jsonEnabled(), yes: flags.yes })
    const view = loadtestView(process.stderr, await this.progress(flags))
    const options = {
      ...flags,
      spawnRate: flags['spawn-rate'],
      maxP95: flags['max-p95'],
      maxFailures: flags['max-failures'],
      watchScaleDown: flags['watch-scale-down'],
      dryRun: flags['dry-run'],
    }
    const { result, error } = await interruptible(view.onInterrupt, async (signal) =>
      loadtest(options, {
        progress: view.progress,
        signal,
        confirm: mayAsk ? confirm : undefined,
        onState: view.onState,
        report: this.report,
      }),
    ).finally(view.end)
    for (const text of result.warnings) view.progress({ kind: 'step', state: 'warning', text })
    if (error !== undefined && !this.jsonEnabled()) this.show(`${await loadtestText(result)}\n`)
    return this.finish(result, error, loadtestText)
  }

  private readonly report = async (result: LoadtestResult): Promise<string> => {
    const { loadtestReport } = await import('../output/loadtest-report.js')
    return loadtestReport(result)
  }
}
