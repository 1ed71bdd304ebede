import * as Flags from '@oclif/core/flags'

import { BaseCommand } from '../../base.js'
import * as flags from '../../flags.js'
import type { AuthoritiesResult } from '../../services/tls-ca.js'

export default class TlsCa extends BaseCommand {
  static override summary = "Export the certificate of the cluster's own authority, to be trusted."
  static override description = `Prints it as PEM, or writes it to a file, and says how a device comes to trust it. Never the key. Where both cert-manager and \
"k8sflow tls self-signed" have one, and around the change of an authority, these are several.`
  static override examples = [
    '<%= config.bin %> <%= command.id %> -o k8sflow-ca.crt',
    'curl --cacert <(<%= config.bin %> <%= command.id %>) https://app1-it.info/ping',
  ]
  static override flags = {
    output: Flags.string({
      char: 'o',
      summary: 'Write it to a file; otherwise, and with -, to stdout.',
      helpValue: 'FILE',
    }),
    'cert-manager-namespace': flags.certManagerNamespace(),
    kubeconfig: flags.cluster().kubeconfig,
    context: flags.cluster().context,
  }

  async run(): Promise<AuthoritiesResult> {
    const { flags } = await this.parse(TlsCa)
    const { exportAuthorities } = await import('../../services/tls-ca.js')
    const result = await exportAuthorities({
      ...flags,
      certManagerNamespace: flags['cert-manager-namespace'],
    })
    if (!this.jsonEnabled()) {
      const { authorityText, trustLines } = await import('../../output/tls-text.js')
      const progress = await this.progress(flags)
      progress({ kind: 'lines', title: 'To trust it', lines: trustLines(result) })
      this.show(authorityText(result))
    }
    return result
  }
}
