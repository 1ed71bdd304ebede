import type { MonitoringInstallResult } from '../services/monitoring-install.js'
import type { OpenGrafana } from '../services/monitoring-open.js'
import { printableLine } from '../printable.js'

/** What was installed and how to see it; with `--dry-run`, the commands. Ends with a line break. */
export function monitoringText(result: MonitoringInstallResult): string {
  if (result.commands !== undefined) return `${result.commands.join('\n')}\n`
  return (
    `Prometheus and Grafana are installed in namespace ${result.namespace} (revision ${String(result.revision)}).\n` +
    'See them with: k8sflow monitoring open\n'
  )
}

/** Where Grafana is, and how to log in. Ends with a line break. */
export function grafanaText({ url, dashboard, service, user, password }: OpenGrafana): string {
  const rows = [
    ['Grafana', url],
    ['Dashboard', dashboard],
    // Grafana's chart names the Secret as the Service.
    [
      'User',
      user === null ? `unknown: Secret ${service} is missing, or you may not read it` : printableLine(user),
    ],
    ...(user === null
      ? []
      : [['Password', password === undefined ? 'shown with --show-password' : printableLine(password)]]),
  ]
  return `${rows.map(([name = '', value = '']) => `${name.padEnd(10)} ${value}`).join('\n')}\n`
}
