import { existsSync } from 'node:fs'
import { basename } from 'node:path'

import type { DeployedApp, DeployResult, ReleaseResult } from '../../services/deploy-result.js'
import type { Annotation } from './annotation.js'
import { buildReport } from './build.js'
import { type Cell, heading, markdownTable, markdownText, preformatted } from './markdown.js'
import type { GithubReport } from './report.js'

/**
 * The outcome of `deploy`: what failed and why, and what runs now; after what `build` tells, where images were built.
 * `files` are the values files of `-f`.
 */
export function deployReport(result: DeployResult, files: readonly string[] = []): GithubReport {
  if (result.dryRun) return { annotations: [], summary: previewSummary(result) }
  const { releases, apps, build } = result
  const built = build === undefined ? undefined : buildReport(build)
  const releaseNames = releases.map(({ release, namespace, revision, outcome }) => ({
    release,
    namespace,
    revision,
    outcome,
  }))
  return {
    annotations: annotations(result, files),
    summary: [...(built?.summary === undefined ? [] : [built.summary]), summary(result)].join('\n\n'),
    outputs: {
      ...built?.outputs,
      ok: String(result.ok),
      releases: JSON.stringify(releaseNames),
      images: JSON.stringify([...new Set(apps.map(({ image }) => image).filter((image) => image !== ''))]),
    },
  }
}

function annotations({ releases, apps, error }: DeployResult, files: readonly string[]): Annotation[] {
  const failed = releases.filter(({ outcome }) => outcome !== 'deployed')
  const found = [
    ...failed.flatMap((release) => releaseFailure(release, apps, files)),
    ...apps.flatMap((app) => silence(app, files)),
  ]
  // Whatever else it may be, a failure is not to go unmentioned.
  if (error !== undefined && found.length === 0)
    return [{ level: 'error', message: [error.message, ...error.suggestions].join('\n') }]
  return found
}

/** One annotation for each pod that was found unwell, or one for the release when none was looked at. */
function releaseFailure(
  { summary, reason, pods = [], apps }: ReleaseResult,
  deployed: readonly DeployedApp[],
  files: readonly string[],
): Annotation[] {
  if (pods.length === 0) {
    const message = reason === undefined || summary.includes(reason) ? summary : `${summary}\n${reason}`
    const environment = deployed.find(({ app }) => apps.includes(app))?.environment
    return [{ level: 'error', message, ...valuesFile(files, apps[0], environment) }]
  }
  return pods.map((pod) => {
    const environment = deployed.find(({ app }) => app === pod.app)?.environment
    const cause = `pod ${pod.name} is not ready: ${pod.reason}${pod.message === '' ? '' : ` (${pod.message})`}`
    return {
      level: 'error',
      message: `${pod.app}/${pod.country}: ${cause}\n${summary}`,
      ...valuesFile(files, pod.app, environment),
    }
  })
}

function silence({ app, country, environment, ping }: DeployedApp, files: readonly string[]): Annotation[] {
  if (ping === null || ping.ok) return []
  const answer = ping.answer === '' ? 'no answer' : `"${ping.answer.slice(0, 200)}"`
  const message = `${app}/${country}: /ping gives ${answer} instead of "${ping.expected}"`
  return [{ level: 'error', message, ...valuesFile(files, app, environment) }]
}

/** The file that was named for the app, or the one it usually has; its place in there is not known. */
function valuesFile(
  named: readonly string[],
  app: string | undefined,
  environment: string | undefined,
): Pick<Annotation, 'file'> {
  const given = named.filter((path) => path !== '-')
  const own = given.find((path) => basename(path).startsWith(app ?? '')) ?? given[0]
  const usual = [`${app ?? ''}-${environment ?? ''}.yml`, `${app ?? ''}.yml`]
  const file = named.length > 0 ? own : usual.find((path) => existsSync(path))
  return file === undefined ? {} : { file }
}

const OUTCOMES: Record<ReleaseResult['outcome'], string> = {
  deployed: '✔ deployed',
  'rolled-back': '↩ rolled back',
  'rollback-failed': '✗ rollback failed',
  failed: '✗ failed',
  interrupted: '✗ interrupted',
  'not-started': '✗ not started',
}

function summary(result: DeployResult): string {
  const { ok, context, releases, apps, notes } = result
  const outcome = new Map(releases.map((release) => [release.release, release.outcome]))
  const rows = apps.map((app): Cell[] => [
    app.app,
    app.country,
    app.environment,
    revisionText(app),
    OUTCOMES[outcome.get(app.release) ?? 'not-started'],
    app.image === '' ? '' : { code: app.image },
    `${String(app.ready)}/${String(app.desired)}`,
    pingCell(app),
  ])
  const failed = releases.filter((release) => release.outcome !== 'deployed')
  return [
    heading(`${ok ? 'Deployed' : 'Not deployed as it should be'} to ${context}`),
    ...(rows.length > 0 ? [markdownTable(HEADINGS, rows)] : []),
    ...failed.map((release) => markdownText(release.summary)),
    ...failed.flatMap(({ pods = [] }) => pods.flatMap(podDetails)),
    ...(notes.length > 0 ? [notes.map((note) => `- ${markdownText(note)}`).join('\n')] : []),
  ].join('\n\n')
}

const HEADINGS = ['App', 'Country', 'Environment', 'Revision', 'Outcome', 'Image', 'Pods', '/ping']

/** The release usually has the app's name. */
function revisionText({ app, release, revision }: DeployedApp): string {
  if (revision === null) return ''
  return release === app ? String(revision) : `${String(revision)} of ${release}`
}

function pingCell({ ping }: DeployedApp): Cell {
  if (ping === null) return 'not asked'
  return ping.ok ? ping.answer : `✗ ${ping.answer.slice(0, 200) || 'no answer'}`
}

function podDetails({ name, log, events }: NonNullable<ReleaseResult['pods']>[number]): string[] {
  return [
    ...(log.length > 0 ? [preformatted(`Last log lines of ${name}`, log)] : []),
    ...(events.length > 0 ? [preformatted(`Events of ${name}`, events)] : []),
  ]
}

function previewSummary({ context, commands = [], notes }: DeployResult): string {
  return [
    heading(`Would be run on ${context}`),
    preformatted(`${String(commands.length)} commands`, commands),
    ...(notes.length > 0 ? [notes.map((note) => `- ${markdownText(note)}`).join('\n')] : []),
  ].join('\n\n')
}
