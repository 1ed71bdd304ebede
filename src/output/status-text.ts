import type { InstanceStatus, StatusResult } from '../services/status.js'
import { age } from './age.js'
import { styles } from './styles.js'
import { table } from './table.js'

const HEADINGS = ['APP', 'COUNTRY', 'RELEASE', 'REV', 'STATUS', 'READY', 'CPU', 'IMAGE', 'HOST', 'AGE']

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
      imageText(app.image),
      app.hosts.join(',') || '-',
      age(app.createdAt, now),
    ]
  })
  const problems = result.apps.flatMap((app) => problemLine(app))
  return [await table(HEADINGS, rows), ...(problems.length > 0 ? ['', ...problems] : [])].join('\n')
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

/** Without most of a digest, which would push everything else off the screen. */
function imageText(image: string | null): string {
  return image?.replace(/@sha256:([0-9a-f]{12})[0-9a-f]+$/, '@sha256:$1…') ?? '-'
}

function problemLine(app: InstanceStatus): string[] {
  const style = styles(process.stdout)
  const name = app.country === null ? app.app : `${app.app}/${app.country}`
  const lines: string[] = []
  if (app.problem)
    lines.push(`${style.red('✗')} ${style.bold(name)} ${app.problem.reason}: ${app.problem.message}`)
  else if (app.autoscaling?.problem && app.autoscaling.currentCpu === undefined)
    lines.push(`${style.yellow('⚠')} ${style.bold(name)} CPU unknown: ${app.autoscaling.problem}`)
  if (app.state.startsWith('pending-') || app.state === 'uninstalling')
    lines.push(
      `${style.yellow('⚠')} ${style.bold(name)} release ${app.release?.name ?? ''} is ${app.state}: another run is at work, or one was cut off; deploying again repairs that.`,
    )
  return lines
}
