import * as Flags from '@oclif/core/flags'

import { BaseCommand } from '../../base.js'
import * as flags from '../../flags.js'
import { interruptible } from '../../interrupt.js'
import type { GitopsOpenResult } from '../../services/gitops-open.js'

export default class GitopsOpen extends BaseCommand {
  static override summary = "Forward a local port to Argo CD's user interface, until Ctrl-C."
  static override description = `Shows the address and, at a terminal or with --show-password, the password that Argo CD made for "admin" at its installation. \
The port is open to this machine only.`
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --port 8443 --show-password',
  ]
  static override flags = {
    port: Flags.integer({
      summary: 'Port on this machine; otherwise one that is free.',
      helpValue: '8443',
      min: 1,
      max: 65_535,
      env: 'K8SFLOW_PORT',
    }),
    'show-password': Flags.boolean({ summary: 'Show the first password also where stdout is no terminal.' }),
    'argocd-namespace': flags.argocdNamespace(),
    kubeconfig: flags.cluster().kubeconfig,
    context: flags.cluster().context,
  }

  async run(): Promise<GitopsOpenResult> {
    const { flags } = await this.parse(GitopsOpen)
    const [{ gitopsOpen }, { gitopsOpenText }] = await Promise.all([
      import('../../services/gitops-open.js'),
      import('../../output/gitops-text.js'),
    ])
    const progress = await this.progress(flags)
    const password = flags['show-password'] || (process.stdout.isTTY && !this.jsonEnabled())
    const options = { ...flags, argocdNamespace: flags['argocd-namespace'], password }
    return interruptible(
      () => undefined,
      async (signal) => {
        const { result, ended } = await gitopsOpen(options, { progress, signal })
        for (const text of result.notes) progress({ kind: 'step', state: 'note', text })
        if (this.jsonEnabled()) this.logJson(result)
        else this.show(gitopsOpenText(result))
        await ended
        return result
      },
    )
  }

  /** Whoever reads it needs the address now, not when it ends. */
  protected override toSuccessJson(): unknown {
    return undefined
  }

  override logJson(json: unknown): void {
    if (json !== undefined) super.logJson(json)
  }
}
