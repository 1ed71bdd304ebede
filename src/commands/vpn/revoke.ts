import * as Args from '@oclif/core/args'

import { BaseCommand } from '../../base.js'
import type { VpnRevokeResult } from '../../services/vpn-users.js'
import { passphraseFile, vpnFolder, vpnTools } from '../../vpn-flags.js'

export default class VpnRevoke extends BaseCommand {
  static override summary = 'Let a user into the VPN no more: makes a new revocation list.'
  static override description = `All certificates that the user ever got count no more. The server knows of it once the list has been copied \
there. The user's file is deleted from the VPN's folder.`
  static override examples = ['<%= config.bin %> <%= command.id %> ann-phone']
  static override args = {
    user: Args.string({
      name: 'USER',
      ignoreStdin: true,
      description: 'Name of the user or the device.',
      required: true,
    }),
  }
  static override flags = { ...passphraseFile(), ...vpnFolder() }

  async run(): Promise<VpnRevokeResult> {
    const { args, flags } = await this.parse(VpnRevoke)
    const { revokeUser } = await import('../../services/vpn-users.js')
    const progress = await this.progress(flags)
    const options = { ...flags, ...args, passphraseFile: flags['passphrase-file'] }
    const result = await revokeUser(options, vpnTools(progress, this.jsonEnabled()))
    if (!this.jsonEnabled()) this.show((await import('../../output/vpn-text.js')).revokeText(result))
    return result
  }
}
