import * as Flags from '@oclif/core/flags'

import { BaseCommand } from '../../base.js'
import * as flags from '../../flags.js'
import type { SelfSignedResult } from '../../services/tls-self-signed.js'

export default class TlsSelfSigned extends BaseCommand {
  static override summary = 'Make and renew the certificates of the deployed apps without cert-manager.'
  static override description = `Makes an authority of your own, once, in Secret k8sflow-ca of namespace we-road, and a certificate for every deployed app as \
Secret <app>-<country>-tls. Run it again at any time, from cron for example: it renews what has less than a third of its life \
left or other hosts, and leaves the rest. Devices trust the authority after "k8sflow tls ca". Secrets of others are not overwritten.`
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> -p app1 -c it,es --dry-run',
    '<%= config.bin %> <%= command.id %> --renew',
  ]
  static override flags = {
    project: flags.project(),
    countries: flags.countries(),
    renew: Flags.boolean({ summary: 'Make every certificate anew, however long it lives.' }),
    'dry-run': flags.dryRun(),
    kubeconfig: flags.cluster().kubeconfig,
    context: flags.cluster().context,
  }

  async run(): Promise<SelfSignedResult> {
    const { flags } = await this.parse(TlsSelfSigned)
    const { selfSigned } = await import('../../services/tls-self-signed.js')
    const result = await selfSigned({ ...flags, dryRun: flags['dry-run'] })
    const progress = await this.progress(flags)
    for (const text of result.warnings) progress({ kind: 'step', state: 'warning', text })
    for (const text of result.notes) progress({ kind: 'step', state: 'note', text })
    if (!this.jsonEnabled()) {
      const { selfSignedText } = await import('../../output/tls-text.js')
      this.show(await selfSignedText(result))
    }
    return result
  }
}
