import * as Args from '@oclif/core/args'
import * as Flags from '@oclif/core/flags'

import { BaseCommand } from '../../base.js'
import { EXIT_CODES } from '../../exit-codes.js'
import type { ExposeCheckResult } from '../../services/expose-check.js'

export default class ExposeCheck extends BaseCommand {
  static override summary = 'Follow a request for a host, hop by hop, and name the first hop that fails.'
  static override description = `From this machine: the name (hosts file or DNS), its address against the public one you tell, the ports, the \
ingress, the certificate, the route for that host, and the app's answer to /ping. No outside service is asked. Exit code 1 says that a hop failed.

A check from inside the house may fail though it works from outside, where the router does not lead requests for its own \
public address back in (hairpin NAT).`
  static override examples = [
    '<%= config.bin %> <%= command.id %> app1-it.info',
    '<%= config.bin %> <%= command.id %> app1-it.info --public-address 203.0.113.7 --port 80',
    '<%= config.bin %> <%= command.id %> app1-it.info --ca ca.crt --json',
  ]
  static override args = {
    host: Args.string({
      name: 'HOST',
      ignoreStdin: true,
      description: 'Name to check, such as app1-it.info.',
      required: true,
    }),
  }
  static override flags = {
    'public-address': Flags.string({
      summary: 'Address the name should have, as your router shows it: one IPv4, one IPv6, or both.',
      helpValue: 'ADDRESS',
      env: 'K8SFLOW_PUBLIC_ADDRESS',
      multiple: true,
      multipleNonGreedy: true,
    }),
    port: Flags.string({
      summary: 'Ports to try, comma-separated; those that end with 443 speak TLS. Default: 80,443.',
      helpValue: '80,443',
      multiple: true,
      multipleNonGreedy: true,
    }),
    ca: Flags.string({
      summary: 'File with a CA of your own, to check certificates against.',
      helpValue: 'FILE',
      env: 'K8SFLOW_CA',
    }),
  }

  async run(): Promise<ExposeCheckResult> {
    const { args, flags } = await this.parse(ExposeCheck)
    const { exposeCheck } = await import('../../services/expose-check.js')
    const progress = await this.progress(flags)
    progress({ kind: 'step', state: 'start', text: `following a request for ${args.host} from this machine` })
    const result = await exposeCheck({
      host: args.host,
      publicAddress: flags['public-address'],
      port: flags.port,
      ca: flags.ca,
    })
    if (!this.jsonEnabled()) {
      const { exposeCheckText, failedHopText } = await import('../../output/expose-check-text.js')
      this.show(exposeCheckText(result))
      if (result.failed) process.stderr.write(failedHopText(result.failed))
    }
    process.exitCode = result.ok ? EXIT_CODES.done : EXIT_CODES.failed
    return result
  }
}
