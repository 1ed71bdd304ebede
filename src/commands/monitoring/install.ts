import * as Flags from '@oclif/core/flags'

import { BaseCommand } from '../../base.js'
import * as flags from '../../flags.js'
import { monitoring } from '../../monitoring-flags.js'
import type { MonitoringInstallResult } from '../../services/monitoring-install.js'
import { MONITORING_CHART, MONITORING_CHART_VERSION } from '../../services/monitoring-stack.js'

export default class MonitoringInstall extends BaseCommand {
  static override summary = 'Install Prometheus and Grafana, sized for a Raspberry Pi.'
  static override description = `Lets helm install kube-prometheus-stack, or update it, with values for K3s on small boards, and adds the dashboard of the \
apps. The apps themselves are measured once their values have metrics.enabled.`
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --dry-run',
    '<%= config.bin %> <%= command.id %> --values my-monitoring.yaml --yes',
  ]
  static override flags = {
    values: Flags.string({
      char: 'f',
      summary:
        'Values file for the chart, which wins over those for small boards; may be given more than once.',
      helpValue: 'FILE',
      env: 'K8SFLOW_MONITORING_VALUES',
      multiple: true,
      multipleNonGreedy: true,
    }),
    'monitoring-chart': Flags.string({
      summary: 'The chart: a reference, a folder or a packed file.',
      helpValue: 'CHART',
      default: MONITORING_CHART,
      env: 'K8SFLOW_MONITORING_CHART',
    }),
    'chart-version': Flags.string({
      summary: 'Version of the chart, unless it is on disk.',
      helpValue: 'VERSION',
      default: MONITORING_CHART_VERSION,
      env: 'K8SFLOW_MONITORING_CHART_VERSION',
    }),
    timeout: Flags.string({
      summary: 'How long to wait until everything runs.',
      helpValue: '10m',
      default: '10m',
      env: 'K8SFLOW_TIMEOUT',
    }),
    wait: flags.wait('Wait until everything runs.'),
    yes: flags.yes(),
    'dry-run': flags.dryRun(),
    ...monitoring(),
  }

  async run(): Promise<MonitoringInstallResult> {
    const { flags } = await this.parse(MonitoringInstall)
    const { installMonitoring } = await import('../../services/monitoring-install.js')
    const { interruptible } = await import('../../interrupt.js')
    const { canPrompt } = await import('../../prompts/terminal.js')
    const { confirm } = await import('../../prompts/confirm.js')
    const { interruptNotice } = await import('../../output/interrupt-notice.js')
    const progress = await this.progress(flags)
    const mayAsk = canPrompt({ json: this.jsonEnabled(), yes: flags.yes })
    const options = {
      ...flags,
      namespace: flags['monitoring-namespace'],
      chart: flags['monitoring-chart'],
      chartVersion: flags['chart-version'],
      values: flags.values ?? [],
      dryRun: flags['dry-run'],
    }
    const result = await interruptible(interruptNotice(progress), async (signal) =>
      installMonitoring(options, { progress, signal, confirm: mayAsk ? confirm : undefined }),
    )
    if (!this.jsonEnabled()) {
      const { monitoringText } = await import('../../output/monitoring-text.js')
      this.show(monitoringText(result))
    }
    return result
  }
}
