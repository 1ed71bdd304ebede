import * as Flags from '@oclif/core/flags'

import { ChangingCommand } from '../changing-command.js'
import * as flags from '../flags.js'

export default class Uninstall extends ChangingCommand {
  static override summary = 'Remove an app from all its countries; the namespaces stay.'
  static override description = `Shows what goes, asks, and lets helm remove it. With --delete-namespaces the countries' namespaces go too, unless \
anything else lives in them: then nothing is removed at all.`
  static override examples = [
    '<%= config.bin %> <%= command.id %> -p app2',
    '<%= config.bin %> <%= command.id %> -p app1,app2 --delete-namespaces --yes',
    '<%= config.bin %> <%= command.id %> --release release --namespace default --dry-run',
  ]
  static override flags = {
    project: flags.project(),
    'delete-namespaces': Flags.boolean({
      summary: "Delete the countries' namespaces too, where nothing else lives in them.",
    }),
    'ignore-not-found': Flags.boolean({
      summary: 'Count a release that is not there as removed.',
      env: 'K8SFLOW_IGNORE_NOT_FOUND',
    }),
    timeout: flags.timeout('How long to wait until everything is gone.'),
    wait: flags.wait('Wait until everything is gone.'),
    'allow-argocd': flags.allowArgocd(),
    yes: flags.yes(),
    'dry-run': flags.dryRun(),
    ...flags.cluster(),
  }

  async run(): Promise<unknown> {
    const { flags } = await this.parse(Uninstall)
    const { uninstall, uninstallError } = await import('../services/uninstall.js')
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
      ignoreNotFound: flags['ignore-not-found'],
      deleteNamespaces: flags['delete-namespaces'],
    }
    const result = await interruptible(interruptNotice(progress), async (signal) =>
      uninstall(options, { progress, signal, confirm: mayAsk ? confirm : undefined }),
    )
    const { uninstallText } = await import('../output/undo-text.js')
    return this.finish(result, uninstallError(result), uninstallText)
  }
}
