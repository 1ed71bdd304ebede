import { shortImage } from '../images/reference.js'
import type { DeployedApp, DeployResult } from '../services/deploy-result.js'
import { styles } from './styles.js'
import { table } from './table.js'

const HEADINGS = ['APP', 'COUNTRY', 'REV', 'READY', 'IMAGE', 'URL', 'PING']

/**
 * The outcome of a deployment, for stdout: a table of apps, below one of the images where they were built; or with
 * --dry-run the commands.
 */
export async function deployText(result: DeployResult): Promise<string> {
  if (result.commands !== undefined) return result.commands.join('\n')
  if (result.build === undefined) return appsText(result)
  const { buildText } = await import('./build-text.js')
  return `${await buildText(result.build)}\n${await appsText(result)}`
}

async function appsText(result: DeployResult): Promise<string> {
  const style = styles(process.stdout)
  const rows = result.apps.map((app) => [
    app.app,
    app.country,
    app.revision === null ? '-' : String(app.revision),
    (app.ready > 0 && app.ready >= app.desired ? style.green : style.red)(
      `${String(app.ready)}/${String(app.desired)}`,
    ),
    shortImage(app.image) || '-',
    app.url || '-',
    pingText(app),
  ])
  return table(HEADINGS, rows, { cut: 'PING' })
}

function pingText({ ping }: DeployedApp): string {
  const style = styles(process.stdout)
  if (ping === null) return style.dim('not asked')
  return ping.ok ? style.green(ping.answer) : style.red(`✗ ${ping.answer.slice(0, 80) || 'no answer'}`)
}
