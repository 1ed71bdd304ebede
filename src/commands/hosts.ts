import * as Flags from '@oclif/core/flags'

import { BaseCommand } from '../base.js'
import * as flags from '../flags.js'
import type { HostsResult } from '../services/hosts.js'

export default class Hosts extends BaseCommand {
  static override summary =
    'Make the hosts-file lines for every deployed app, or write them into the hosts file.'
  static override description = `Prints the lines for the hosts that the cluster's Ingresses and HTTPRoutes have, with the address the cluster reports for \
them. With --write they go into the hosts file, between markers with the context's name, and replace those that were there; with \
--remove they are taken out again, for which the cluster need not be there. Nothing else in the file changes. Without the \
rights to write it, the one command to run is shown.`
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --write --ip 192.168.1.10',
    '<%= config.bin %> <%= command.id %> --write --ddns home.example.org --dry-run',
    '<%= config.bin %> <%= command.id %> --remove',
  ]
  static override flags = {
    write: Flags.boolean({ summary: 'Write the lines into the hosts file.', exclusive: ['remove'] }),
    remove: Flags.boolean({ summary: 'Take all lines of the context out of the hosts file.' }),
    ip: Flags.string({
      summary:
        "Address for all hosts: one IPv4, one IPv6, or both, comma-separated; otherwise --ddns, then the cluster's own.",
      helpValue: 'ADDRESS',
      env: 'K8SFLOW_IP',
      multiple: true,
      multipleNonGreedy: true,
    }),
    ddns: Flags.string({
      summary: 'Name that is resolved now, to the address for all hosts.',
      helpValue: 'NAME',
      env: 'K8SFLOW_DDNS',
    }),
    project: flags.project(),
    countries: flags.countries(),
    'hosts-file': Flags.string({
      summary: "The file to write to; otherwise the system's own hosts file.",
      helpValue: 'FILE',
      env: 'K8SFLOW_HOSTS_FILE',
    }),
    'dry-run': flags.dryRun(),
    kubeconfig: flags.cluster().kubeconfig,
    context: flags.cluster().context,
  }

  async run(): Promise<HostsResult> {
    const { flags } = await this.parse(Hosts)
    const { hosts } = await import('../services/hosts.js')
    const result = await hosts({ ...flags, hostsFile: flags['hosts-file'], dryRun: flags['dry-run'] })
    const progress = await this.progress(flags)
    for (const text of result.warnings) progress({ kind: 'step', state: 'warning', text })
    for (const text of result.notes) progress({ kind: 'step', state: 'note', text })
    if (!this.jsonEnabled()) {
      const { hostsText } = await import('../output/hosts-text.js')
      this.show(hostsText(result))
    }
    return result
  }
}
