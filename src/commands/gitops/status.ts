import * as Flags from '@oclif/core/flags'

import { BaseCommand } from '../../base.js'
import * as flags from '../../flags.js'
import type { GitopsStatusResult } from '../../services/gitops-status.js'

export default class GitopsStatus extends BaseCommand {
  static override summary = 'Show how Argo CD sees the apps: in sync with git, and healthy?'
  static override description = `Exits with 0 whatever the state; with --check, with 1 unless every Application is Synced and Healthy.`
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --check --json',
  ]
  static override flags = {
    check: Flags.boolean({
      summary: 'Exit with 1 unless every Application is Synced and Healthy.',
      env: 'K8SFLOW_CHECK',
    }),
    'argocd-namespace': flags.argocdNamespace(),
    kubeconfig: flags.cluster().kubeconfig,
    context: flags.cluster().context,
  }

  async run(): Promise<GitopsStatusResult> {
    const { flags } = await this.parse(GitopsStatus)
    const { gitopsStatus } = await import('../../services/gitops-status.js')
    const progress = await this.progress(flags)
    const result = await gitopsStatus({ ...flags, argocdNamespace: flags['argocd-namespace'] })
    for (const text of result.notes) progress({ kind: 'step', state: 'note', text })
    if (!this.jsonEnabled()) {
      const { gitopsStatusText } = await import('../../output/gitops-text.js')
      this.show(await gitopsStatusText(result))
    }
    if (flags.check && !result.healthy) process.exitCode = 1
    return result
  }
}
