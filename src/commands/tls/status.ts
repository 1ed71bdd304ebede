import * as Flags from '@oclif/core/flags'

import { ChangingCommand } from '../../changing-command.js'
import * as flags from '../../flags.js'

export default class TlsStatus extends ChangingCommand {
  static override summary = 'Show the certificate of every host: whose it is and when it expires.'
  static override description = `Reads the Secrets that the Ingresses of the deployed apps name, whoever made them. Exits with 0 whatever they hold; with \
--check, with 1 where one is missing, wrong, not yet valid, expired or expires soon.`
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --check --within 14d',
  ]
  static override flags = {
    project: flags.project(),
    countries: flags.countries(),
    check: Flags.boolean({
      summary: 'Exit with 1 unless every certificate is good for longer than --within.',
      env: 'K8SFLOW_CHECK',
    }),
    within: Flags.string({
      summary: 'What counts as soon.',
      helpValue: '21d',
      default: '21d',
      env: 'K8SFLOW_WITHIN',
    }),
    kubeconfig: flags.cluster().kubeconfig,
    context: flags.cluster().context,
  }

  async run(): Promise<unknown> {
    const { flags } = await this.parse(TlsStatus)
    const { tlsStatus, tlsStatusError } = await import('../../services/tls-status.js')
    const { tlsStatusText } = await import('../../output/tls-text.js')
    const result = await tlsStatus(flags)
    const progress = await this.progress(flags)
    for (const text of result.notes) progress({ kind: 'step', state: 'note', text })
    const error = flags.check ? tlsStatusError(result) : undefined
    if (!this.jsonEnabled()) {
      this.show(await tlsStatusText(result))
      if (error) throw error
      return result
    }
    return this.finish(result, error, tlsStatusText)
  }
}
