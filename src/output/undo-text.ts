import type { RollbackResult } from '../services/rollback.js'
import type { UninstallResult } from '../services/uninstall.js'
import { styles } from './styles.js'
import { table } from './table.js'

/** Where a rollback ended: each app's answer, or with --dry-run the commands. */
export async function rollbackText(result: RollbackResult): Promise<string> {
  if (result.dryRun) return (result.commands ?? []).join('\n')
  if (result.apps.length === 0) return result.releases.map(({ summary }) => summary).join('\n')
  const style = styles(process.stdout)
  const rows = result.apps.map(({ app, country, environment, ping }) => {
    const release = result.releases.find((candidate) => covers(candidate.changes, app, country))
    return [
      app,
      country,
      environment,
      release?.revision ? String(release.revision) : '-',
      ping.ok ? style.green(ping.answer) : style.red(ping.answer),
    ]
  })
  return table(['APP', 'COUNTRY', 'ENVIRONMENT', 'REV', 'PING'], rows)
}

/** What is gone and what stays, or with --dry-run the commands. */
export function uninstallText(result: UninstallResult): string {
  if (result.dryRun) return (result.commands ?? []).join('\n')
  const { kept, deleted } = result.namespaces
  return [
    ...result.releases.map(({ summary }) => summary),
    ...(kept.length > 0 ? [`Namespaces kept: ${kept.join(', ')}.`] : []),
    ...(deleted.length > 0 ? [`Namespaces deleted: ${deleted.join(', ')}.`] : []),
  ].join('\n')
}

function covers(changes: readonly { app: string; country: string }[], app: string, country: string): boolean {
  return changes.some((change) => change.app === app && change.country === country)
}
