import * as Args from '@oclif/core/args'
import * as Flags from '@oclif/core/flags'

import { BaseCommand } from '../../base.js'
import type { VpnAddResult } from '../../services/vpn-users.js'
import { passphraseFile, vpnFolder, vpnTools } from '../../vpn-flags.js'

export default class VpnAdd extends BaseCommand {
  static override summary = 'Let a user into the VPN: makes the one file that OpenVPN imports.'
  static override description = `Every device is a user of its own, so that one that is lost can be revoked alone. The file holds a key: hand \
it over on a way that nobody else reads, and delete it.`
  static override examples = [
    '<%= config.bin %> <%= command.id %> ann',
    '<%= config.bin %> <%= command.id %> ann-phone --days 90',
  ]
  static override args = {
    user: Args.string({
      name: 'USER',
      ignoreStdin: true,
      description: 'Name of the user or the device.',
      required: true,
    }),
  }
  static override flags = {
    days: Flags.integer({ summary: 'How long the user is let in.', helpValue: 'DAYS', default: 365 }),
    ...passphraseFile(),
    ...vpnFolder(),
  }

  async run(): Promise<VpnAddResult> {
    const { args, flags } = await this.parse(VpnAdd)
    const { addUser } = await import('../../services/vpn-users.js')
    const progress = await this.progress(flags)
    const options = { ...flags, ...args, passphraseFile: flags['passphrase-file'] }
    const result = await addUser(options, vpnTools(progress, this.jsonEnabled()))
    if (!this.jsonEnabled()) this.show((await import('../../output/vpn-text.js')).addText(result))
    return result
  }
}
