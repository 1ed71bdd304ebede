import * as Flags from '@oclif/core/flags'

import { BaseCommand } from '../../base.js'
import * as flags from '../../flags.js'
import type { VpnInitResult } from '../../services/vpn-init.js'
import { passphraseFile, vpnFolder, vpnTools } from '../../vpn-flags.js'

export default class VpnInit extends BaseCommand {
  static override summary =
    'Make the keys and the configuration of an OpenVPN server that leads to the cluster.'
  static override description = `Makes a certificate authority, the server's certificate, a tls-crypt key, a revocation list, and the two \
files that the server needs. Users reach the cluster's addresses through it, and nothing else goes that way. All keys stay in \
one folder, readable for you alone; inside a git repository that does not ignore it, nothing is made.`
  static override examples = [
    '<%= config.bin %> <%= command.id %> --server home.example.org',
    '<%= config.bin %> <%= command.id %> --server home.example.org:1195 --route 192.168.1.10/32 --passphrase',
  ]
  static override flags = {
    server: Flags.string({
      summary:
        'Name or IPv4 address under which users reach the server from outside; port 1194 unless given.',
      helpValue: 'NAME[:PORT]',
      env: 'K8SFLOW_VPN_SERVER',
    }),
    route: Flags.string({
      summary:
        "Network or address that users reach; may be given more than once, otherwise the API server's and the nodes'.",
      helpValue: 'NETWORK',
      env: 'K8SFLOW_VPN_ROUTE',
      multiple: true,
      multipleNonGreedy: true,
    }),
    network: Flags.string({
      summary: "The VPN's own addresses; a private network that nothing else uses.",
      helpValue: 'NETWORK',
      default: '10.8.0.0/24',
      env: 'K8SFLOW_VPN_NETWORK',
    }),
    proto: Flags.string({
      summary: 'udp or tcp.',
      helpValue: 'udp|tcp',
      default: 'udp',
      env: 'K8SFLOW_VPN_PROTO',
    }),
    days: Flags.integer({
      summary: "How long the server's certificate and a revocation list hold.",
      helpValue: 'DAYS',
      default: 730,
    }),
    passphrase: Flags.boolean({
      summary: "Ask for a passphrase for the authority's key, which then every change needs.",
      exclusive: ['passphrase-file'],
    }),
    ...passphraseFile(),
    ...vpnFolder(),
    kubeconfig: flags.cluster().kubeconfig,
    context: flags.cluster().context,
  }

  async run(): Promise<VpnInitResult> {
    const { flags } = await this.parse(VpnInit)
    const { initVpn } = await import('../../services/vpn-init.js')
    const progress = await this.progress(flags)
    const options = { ...flags, passphraseFile: flags['passphrase-file'] }
    const result = await initVpn(options, vpnTools(progress, this.jsonEnabled()))
    for (const text of result.notes) progress({ kind: 'step', state: 'note', text })
    if (!this.jsonEnabled()) this.show((await import('../../output/vpn-text.js')).initText(result, flags.dir))
    return result
  }
}
