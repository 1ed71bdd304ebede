import { shortImage } from '../images/reference.js'
import type { InstanceStatus, StatusResult } from '../services/status.js'
import { age } from './age.js'
import { styles } from './styles.js'
import { table } from './table.js'

const HEADINGS = ['APP', 'COUNTRY', 'RELEASE', 'REV', 'STATUS', 'READY', 'CPU', 'IMAGE', 'HOST', 'AGE']
/** In 80 columns, where releases are called as their apps are, and hosts as apps and countries. */
const FIT = { optional: ['RELEASE', 'HOST'] }

/** The status as a table, and below it what is wrong with each app that is not well. */
export async function statusText(result: StatusResult, now = Date.now()): Promise<string> {
  const style = styles(process.stdout)
  const rows = result.apps.map((app) => {
    const colour = app.healthy ? style.green : app.state === 'not deployed' ? style.dim : style.red
    return [
      app.app,
      app.country ?? '-',
      app.release?.name ?? '-',
      app.release ? String(app.release.revision) : '-',
      colour(stateText(app)),
      app.country === null ? '-' : `${String(app.ready)}/${String(app.desired)}`,
      scalingText(app),
      app.image === null ? '-' : shortImage(app.image),
      app.hosts.join(',') || '-',
      age(app.createdAt, now),
    ]
  })
  const problems = problemLines(result.apps)
  return [await table(HEADINGS, rows, FIT), ...(problems.length > 0 ? ['', ...problems] : [])].join('\n')
}

function stateText(app: InstanceStatus): string {
  return app.state === 'unmanaged' ? `no release (${app.managedBy ?? 'unknown'})` : app.state
}

/** `12%/80% 1..10`: CPU now and wanted, and how many pods the autoscaler may make. */
function scalingText({ autoscaling }: InstanceStatus): string {
  if (autoscaling === null) return '-'
  const { currentCpu, targetCpu, minReplicas, maxReplicas } = autoscaling
  const per = (value: number | undefined) => (value === undefined ? 'unknown' : `${String(value)}%`)
  const range = `${String(minReplicas)}..${String(maxReplicas)}`
  return targetCpu === undefined ? range : `${per(currentCpu)}/${per(targetCpu)} ${range}`
}

/** One line per cause: what keeps two hundred countries from running is usually one thing. */
function problemLines(apps: readonly InstanceStatus[]): string[] {
  const style = styles(process.stdout)
  const subjects = new Map<string, string[]>()
  for (const app of apps)
    for (const { symbol, text } of problemsOf(app)) {
      const mark = symbol === '✗' ? style.red(symbol) : style.yellow(symbol)
      const line = `${mark} %s ${text}`
      const name = app.country === null ? app.app : `${app.app}/${app.country}`
      subjects.set(line, [...(subjects.get(line) ?? []), name])
    }
  return [...subjects].map(([line, names]) => line.replace('%s', () => style.bold(listed(names))))
}

function problemsOf({
  problem,
  autoscaling,
  state,
  release,
}: InstanceStatus): { symbol: string; text: string }[] {
  const found: { symbol: string; text: string }[] = []
  if (problem) found.push({ symbol: '✗', text: `${problem.reason}: ${problem.message}` })
  else if (autoscaling?.problem !== undefined && autoscaling.currentCpu === undefined)
    found.push({ symbol: '⚠', text: `CPU unknown: ${lastClause(autoscaling.problem)}` })
  if (release && (state.startsWith('pending-') || state === 'uninstalling'))
    found.push({
      symbol: '⚠',
      text: `release ${release.name} is ${state}: another run is at work, or one was cut off; deploying again repairs that`,
    })
  return found
}

/** Kubernetes chains causes with colons; the last one says what is the matter, `--json` has them all. */
function lastClause(message: string): string {
  return message.slice(message.lastIndexOf(': ') + 1).trim() || message
}

function listed(names: readonly string[], shown = 6): string {
  const rest = names.length - shown
  return rest > 0 ? `${names.slice(0, shown).join(', ')} and ${String(rest)} more` : names.join(', ')
}
