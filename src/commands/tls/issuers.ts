import * as Flags from '@oclif/core/flags'

import { BaseCommand } from '../../base.js'
import * as flags from '../../flags.js'
import type { TlsIssuersResult } from '../../services/tls-issuers.js'

export default class TlsIssuers extends BaseCommand {
  static override summary = "Write cert-manager's issuers: an own authority, and with --email Let's Encrypt."
  static override description = `Applies the ClusterIssuers that ingress.tls.issuer of the values names: k8sflow-ca, an authority of your own, which devices \
trust after "k8sflow tls ca"; and with --email k8sflow-letsencrypt-staging and k8sflow-letsencrypt, for hosts in a domain of \
yours that the Internet reaches. With -o they go into a file for GitOps, and the cluster is left alone.`
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --email me@example.org --dry-run',
    '<%= config.bin %> <%= command.id %> -o issuers.yaml',
  ]
  static override flags = {
    email: Flags.string({
      summary: "E-mail address of the account at Let's Encrypt.",
      helpValue: 'ADDRESS',
      env: 'K8SFLOW_EMAIL',
    }),
    'ingress-class': Flags.string({
      summary: "Ingress class that answers Let's Encrypt's challenges; otherwise the cluster's default.",
      helpValue: 'NAME',
      env: 'K8SFLOW_INGRESS_CLASS',
    }),
    'cert-manager-namespace': flags.certManagerNamespace(),
    output: Flags.string({
      char: 'o',
      summary: 'Write them to a file, - for stdout, and leave the cluster alone.',
      helpValue: 'FILE',
    }),
    'dry-run': flags.dryRun(),
    kubeconfig: flags.cluster().kubeconfig,
    context: flags.cluster().context,
  }

  async run(): Promise<TlsIssuersResult> {
    const { flags } = await this.parse(TlsIssuers)
    const { issuers } = await import('../../services/tls-issuers.js')
    const result = await issuers({
      ...flags,
      ingressClass: flags['ingress-class'],
      certManagerNamespace: flags['cert-manager-namespace'],
      dryRun: flags['dry-run'],
    })
    const progress = await this.progress(flags)
    for (const text of result.notes) progress({ kind: 'step', state: 'note', text })
    if (!this.jsonEnabled()) {
      const { issuersText } = await import('../../output/tls-text.js')
      this.show(issuersText(result))
    }
    return result
  }
}
