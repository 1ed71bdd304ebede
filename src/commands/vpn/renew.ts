import * as Args from '@oclif/core/args'
import * as Flags from '@oclif/core/flags'

import { BaseCommand } from '../../base.js'
import type { VpnRenewResult } from '../../services/vpn-renew.js'
import { passphraseFile, vpnFolder, vpnTools } from '../../vpn-flags.js'

export default class VpnRenew extends BaseCommand {
  static override summary = 'Give the server, and users whose time ends soon, a new term; or one user alone.'
  static override description = `Without a user: a new certificate for the server, a new revocation list, and a new file for every user who has less \
than --within days left. With one: a new file for that user, whenever the old one ends. A file that is replaced works until its \
own end. The authority is not renewed: after ten years the VPN is made anew, and "list" says so a year before.`
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> ann --days 30',
  ]
  static override args = {
    user: Args.string({
      name: 'USER',
      ignoreStdin: true,
      description: 'The only user to renew; the server stays as it is.',
    }),
  }
  static override flags = {
    days: Flags.integer({
      summary: 'How long users are let in; otherwise as long as before.',
      helpValue: 'DAYS',
    }),
    within: Flags.integer({
      summary: 'Renew users who have less than so many days left.',
      helpValue: 'DAYS',
      default: 30,
      min: 0,
    }),
    ...passphraseFile(),
    ...vpnFolder(),
  }

  async run(): Promise<VpnRenewResult> {
    const { args, flags } = await this.parse(VpnRenew)
    const { renewVpn } = await import('../../services/vpn-renew.js')
    const progress = await this.progress(flags)
    const options = { ...flags, ...args, passphraseFile: flags['passphrase-file'] }
    const result = await renewVpn(options, vpnTools(progress, this.jsonEnabled()))
    for (const text of result.notes) progress({ kind: 'step', state: 'note', text })
    if (!this.jsonEnabled()) this.show((await import('../../output/vpn-text.js')).renewText(result))
    return result
  }
}
