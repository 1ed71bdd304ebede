import { BaseCommand } from '../base.js'
import { deployFlags, refuseImageFlags } from '../deploy-flags.js'
import { interruptible } from '../interrupt.js'
import { canPrompt } from '../prompts/terminal.js'
import type { DeployMode } from '../services/deploy-prepare.js'
import type { DeployResult } from '../services/deploy-result.js'

export default class Deploy extends BaseCommand {
  static override summary = 'Deploy apps to the cluster, wait for them, and check that they answer.'
  static override description = `Takes values from the files named with -f, else from the files that "k8sflow values" wrote into this folder, \
else from -c, -p and -e. Beside a file, -p picks apps, and -c and -e win over the file, in this run only. Each app becomes a helm release.

Before anything is changed, the values are compared with what runs: another environment, or a country that disappears, needs a yes at the \
terminal, or --allow-environment-change or --allow-removal (--yes answers neither). What fails is shown with its log lines and events, and \
rolled back to the last good revision.

--build first builds and pushes the images of just these apps, pins them in the files, and deploys them by their digests.`
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> -c it,es -p app2 -e staging',
    '<%= config.bin %> <%= command.id %> -f app1-staging.yml --dry-run',
    '<%= config.bin %> <%= command.id %> -f app1-staging.yml --build',
  ]
  static override flags = deployFlags()
  protected mode: DeployMode = 'deploy'

  async run(): Promise<DeployResult> {
    const { flags, raw } = await this.parse(this.ctor as typeof Deploy)
    if (!flags.build) refuseImageFlags(raw)
    const [{ deploy }, { deployOptions }, { interruptNotice }] = await Promise.all([
      import('../services/deploy.js'),
      import('../services/deploy-options.js'),
      import('../output/interrupt-notice.js'),
    ])
    const progress = await this.progress(flags)
    const askable = canPrompt({ json: this.jsonEnabled(), yes: flags.yes })
    const result = await interruptible(interruptNotice(progress, flags), async (signal) =>
      deploy(deployOptions(flags, this.mode), { progress, signal, ...(askable ? { confirm, choose } : {}) }),
    )
    if (!this.jsonEnabled()) await this.print(result)
    await this.github(async () =>
      (await import('../output/github/deployment.js')).deployReport(result, flags.file),
    )
    if (result.error !== undefined) process.exitCode = result.error.exit
    return result
  }

  private async print(result: DeployResult): Promise<void> {
    const { deployText } = await import('../output/deploy-table.js')
    this.show(`${await deployText(result)}\n`)
    if (result.error === undefined) return
    const { errorText } = await import('../output/error-text.js')
    process.stderr.write(errorText(result.error, { bin: this.config.bin, command: this.id }))
  }
}

async function confirm(question: string): Promise<boolean> {
  return (await import('../prompts/confirm.js')).confirm(question)
}

async function choose(question: string, answers: readonly string[]): Promise<string> {
  const prompts = await import('../prompts/choose.js')
  return prompts.choose(
    question,
    answers.map((answer) => ({ name: answer, value: answer })),
  )
}
