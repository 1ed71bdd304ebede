import { printableLine } from '../printable.js'
import type { LoadtestAppResult, LoadtestResult } from '../services/loadtest-result.js'
import type { LocustFigures } from '../tools/locust-output.js'
import { clock, percent } from './loadtest-view.js'
import { styles } from './styles.js'
import { table } from './table.js'

const HEADINGS = ['APP', 'ENV', 'REQUESTS', 'FAILED', 'P50', 'P95', 'P99', 'PODS', 'CPU']
/** Errors shown; the report and `--json` have them all. */
const SHOWN_ERRORS = 5

/** The summary of a load test, or with `--dry-run` what it would be. Without a last line break. */
export async function loadtestText(result: LoadtestResult): Promise<string> {
  if (result.dryRun) return plannedText(result)
  const style = styles(process.stdout)
  const { total, apps, errors, limits, report } = result
  const rows = apps.map((app) => [
    app.name,
    app.environment,
    ...figuresText(app),
    podsText(app),
    cpuText(app),
  ])
  const parts = [loadText(result)]
  if (total !== null)
    parts.push(
      await table(HEADINGS, [
        ...rows,
        ...(apps.length > 1 ? [['all', '', ...figuresText(total), '', '']] : []),
      ]),
    )
  if (errors.length > 0) parts.push(errorLines(result).join('\n'))
  if (limits.length > 0)
    parts.push(
      limits
        .map(
          ({ flag, limit, actual, broken }) =>
            `${broken ? style.red('✗') : style.green('✔')} ${flag} ${limit}: ${actual}`,
        )
        .join('\n'),
    )
  if (report !== null) parts.push(`Report: ${report}`)
  return parts.join('\n\n')
}

/** `50 users for 2:00 through the ingress at http://192.168.1.10: 166 requests/s`. */
export function loadText({
  users,
  load,
  duration,
  via,
  address,
  total,
  interrupted,
}: LoadtestResult): string {
  const time = clock(Math.round(load === null ? 0 : load.to - load.from))
  const where =
    via === 'service' ? "through the API server's proxy" : `through the ingress at ${address ?? ''}`
  const rate = total === null ? '' : `: ${String(Math.round(total.requestsPerSecond))} requests/s`
  const cut = interrupted ? ` of ${clock(duration)}, interrupted,` : ''
  return `${String(users)} ${users === 1 ? 'user' : 'users'} for ${time}${cut} ${where}${rate}`
}

/** Requests, failures, p50, p95 and p99 as they are shown. */
export function figuresText({ requests, failures, p50, p95, p99 }: LocustFigures): string[] {
  const failed = failures === 0 ? '0' : `${String(failures)} (${percent(failures, requests)})`
  return [String(requests), failed, ...[p50, p95, p99].map(milliseconds)]
}

/** `1 → 4 → 1`: before, at most, at the end. */
export function podsText({ replicas: { before, most, after } }: LoadtestAppResult): string {
  return `${String(before)} → ${String(most)} → ${String(after)}`
}

/** `210% of 80%`: the most that the autoscaler saw, and what it aims at. */
export function cpuText({ mostCpu, targetCpu }: LoadtestAppResult): string {
  if (mostCpu === null) return '-'
  return `${String(mostCpu)}%${targetCpu === null ? '' : ` of ${String(targetCpu)}%`}`
}

function milliseconds(value: number | null): string {
  return value === null ? '-' : `${String(Math.round(value * 10) / 10)} ms`
}

function errorLines({ errors }: LoadtestResult): string[] {
  const style = styles(process.stdout)
  const more = errors.length - SHOWN_ERRORS
  return [
    ...errors
      .slice(0, SHOWN_ERRORS)
      .map(
        ({ request, message, count }) =>
          `${style.red('✗')} ${request}: ${printableLine(message)} (${String(count)} times)`,
      ),
    ...(more > 0 ? [`  and ${String(more)} other errors`] : []),
  ]
}

async function plannedText({
  apps,
  users,
  duration,
  spawnRate,
  command,
  address,
}: LoadtestResult): Promise<string> {
  const rows = apps.map((app) => [
    app.name,
    app.environment,
    app.host === null ? "the API server's proxy" : `${address ?? ''}, Host ${app.host}`,
    app.minReplicas === null ? '-' : `${String(app.minReplicas)}..${String(app.maxReplicas)}`,
  ])
  return [
    `${String(users)} users, ${String(spawnRate)} more per second, for ${clock(duration)}; nothing was done.`,
    await table(['APP', 'ENV', 'THROUGH', 'PODS'], rows),
    command,
  ].join('\n\n')
}
