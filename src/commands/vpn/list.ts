import { BaseCommand } from '../../base.js'
import type { VpnListResult } from '../../services/vpn-list.js'
import { vpnFolder } from '../../vpn-flags.js'

export default class VpnList extends BaseCommand {
  static override summary = 'Show who is let into the VPN, and what ends when.'
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --json',
  ]
  static override flags = vpnFolder()

  async run(): Promise<VpnListResult> {
    const { flags } = await this.parse(VpnList)
    const { listVpn } = await import('../../services/vpn-list.js')
    const result = await listVpn(flags)
    const progress = await this.progress(flags)
    if (!this.jsonEnabled()) this.show(await (await import('../../output/vpn-text.js')).listText(result))
    for (const text of result.warnings) progress({ kind: 'step', state: 'warning', text })
    return result
  }
}
