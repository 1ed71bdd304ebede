import * as Args from '@oclif/core/args'

import { ChangingCommand } from '../changing-command.js'
import * as flags from '../flags.js'

export default class Rollback extends ChangingCommand {
  static override summary = 'Take an app back to an earlier revision.'
  static override description = `Shows what changes (environment, image, countries), asks, lets helm roll back, waits, and asks every app for /ping.
Namespaces stay, whatever the revision says of them. Without a number it goes back to the last good revision.`
  static override examples = [
    '<%= config.bin %> <%= command.id %> -p app2',
    '<%= config.bin %> <%= command.id %> 3 -p app2 --yes',
    '<%= config.bin %> <%= command.id %> -p app1,app2 --dry-run',
  ]
  static override args = {
    revision: Args.string({
      name: 'REVISION',
      ignoreStdin: true,
      description: 'Revision, as "history" shows it.',
    }),
  }
  static override flags = {
    project: flags.project(),
    timeout: flags.timeout('How long to wait for the pods.'),
    wait: flags.wait('Wait until the pods are ready.'),
    verify: flags.verify(),
    'allow-argocd': flags.allowArgocd(),
    yes: flags.yes(),
    'dry-run': flags.dryRun(),
    ...flags.cluster(),
  }

  async run(): Promise<unknown> {
    const { args, flags } = await this.parse(Rollback)
    const { rollback, rollbackError } = await import('../services/rollback.js')
    const { interruptible } = await import('../interrupt.js')
    const { canPrompt } = await import('../prompts/terminal.js')
    const { confirm } = await import('../prompts/confirm.js')
    const { interruptNotice } = await import('../output/interrupt-notice.js')
    const progress = await this.progress(flags)
    const mayAsk = canPrompt({ json: this.jsonEnabled(), yes: flags.yes })
    const options = {
      ...flags,
      dryRun: flags['dry-run'],
      allowArgocd: flags['allow-argocd'],
      revision: args.revision,
    }
    const result = await interruptible(interruptNotice(progress), async (signal) =>
      rollback(options, { progress, signal, confirm: mayAsk ? confirm : undefined }),
    )
    const { rollbackText } = await import('../output/undo-text.js')
    return this.finish(result, rollbackError(result), rollbackText)
  }
}
