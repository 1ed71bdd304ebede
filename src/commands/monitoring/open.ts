import * as Flags from '@oclif/core/flags'

import { BaseCommand } from '../../base.js'
import { monitoring } from '../../monitoring-flags.js'

export default class MonitoringOpen extends BaseCommand {
  static override summary = 'Open Grafana on this machine, until Ctrl-C.'
  static override description = `Forwards a port of this machine's loopback to Grafana in the cluster, and says where it is and whom to log in as. The \
password is shown with --show-password, at a terminal only.`
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --port 3000 --show-password',
  ]
  static override flags = {
    port: Flags.integer({
      summary: 'Port on this machine; otherwise one that is free.',
      helpValue: '3000',
      min: 1,
      max: 65535,
      env: 'K8SFLOW_MONITORING_PORT',
    }),
    'show-password': Flags.boolean({ summary: "Show Grafana's password." }),
    ...monitoring(),
  }

  async run(): Promise<void> {
    const { flags } = await this.parse(MonitoringOpen)
    const { openMonitoring } = await import('../../services/monitoring-open.js')
    const { interruptible } = await import('../../interrupt.js')
    const { grafanaText } = await import('../../output/monitoring-text.js')
    const progress = await this.progress(flags)
    const options = {
      ...flags,
      namespace: flags['monitoring-namespace'],
      showPassword: flags['show-password'],
      atTerminal: process.stdout.isTTY && !this.jsonEnabled(),
    }
    await interruptible(
      () => undefined,
      async (signal) =>
        openMonitoring(options, {
          progress,
          signal,
          onOpen: (grafana) => {
            if (this.jsonEnabled()) return this.logJson(grafana)
            this.show(grafanaText(grafana))
            progress({ kind: 'step', state: 'note', text: 'Ctrl-C closes it.' })
          },
        }),
    )
  }

  /** The object is printed as soon as Grafana is there, not when the command ends. */
  override logJson(json: unknown): void {
    if (json !== undefined) super.logJson(json)
  }
}
