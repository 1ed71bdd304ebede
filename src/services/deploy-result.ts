import { K8sflowError } from '../errors.js'
import { EXIT_CODES } from '../exit-codes.js'
import type { BuildResult } from './build.js'

/** How one release ended. */
export type ReleaseOutcome =
  'deployed' | 'rolled-back' | 'rollback-failed' | 'failed' | 'interrupted' | 'not-started'

/** A pod that did not come up, and what it left behind. */
export interface FailedPod {
  app: string
  country: string
  name: string
  reason: string
  message: string
  log: string[]
  events: string[]
}

export interface ReleaseResult {
  release: string
  namespace: string
  apps: string[]
  outcome: ReleaseOutcome
  /** The newest revision now; null when there is none. */
  revision: number | null
  /** helm's word for its state; null when there is no such release. */
  status: string | null
  /** In what state the release was left, for people. */
  summary: string
  /** Why it failed. */
  reason?: string
  /** What kind of failure that is, such as `wait-timeout`, `pending` or `ownership`. */
  kind?: string
  pods?: FailedPod[]
}

/** What an app answered when it was asked whether it runs. */
export interface PingResult {
  ok: boolean
  expected: string
  /** The answer, or the reason why there is none. */
  answer: string
  status: number
}

/** One app in one country after the deployment. */
export interface DeployedApp {
  app: string
  country: string
  environment: string
  namespace: string
  release: string
  revision: number | null
  ready: number
  desired: number
  image: string
  url: string
  /** null when it was not asked. */
  ping: PingResult | null
}

export interface DeployResult {
  ok: boolean
  dryRun: boolean
  context: string
  releases: ReleaseResult[]
  apps: DeployedApp[]
  notes: string[]
  /** With --build: what was built, pushed and pinned. */
  build?: BuildResult
  /** With --dry-run: what would be run, in order, as lines for a shell. */
  commands?: string[]
  error?: { code: string; message: string; exit: number; suggestions: string[] }
}

/** The error a result stands for, if any; where several apply, the one that asks for more care. */
export function deployError(result: Pick<DeployResult, 'releases' | 'apps'>): K8sflowError | undefined {
  const { releases, apps } = result
  const silent = apps.filter(({ ping }) => ping?.ok === false)
  const isSilent = ({ release }: ReleaseResult) => silent.some((app) => app.release === release)
  // Whoever was asked for /ping was deployed; should it be rolled back now, then for its answer.
  const bad = releases.filter((release) => release.outcome !== 'deployed' && !isSilent(release))
  if (releases.some(({ outcome }) => outcome === 'interrupted' || outcome === 'not-started'))
    return new K8sflowError(`Interrupted. ${summaries(releases)}`, EXIT_CODES.interrupted, {
      code: 'INTERRUPTED',
      suggestions: ['Run the same again to finish it, or see what runs with: k8sflow status'],
    })
  if (bad.length > 0) return failed(releases, bad, silent)
  return silent.length > 0 ? pingFailed(releases, silent) : undefined
}

function failed(
  all: readonly ReleaseResult[],
  bad: readonly ReleaseResult[],
  silent: readonly DeployedApp[],
): K8sflowError {
  const suggestions = bad.map(({ outcome, release, namespace, status, kind }) => {
    if (outcome === 'rolled-back') return 'Correct the cause above and deploy again; what ran before runs on.'
    if (outcome === 'rollback-failed') return `See where it stands: helm history ${release} -n ${namespace}`
    if (kind === 'pending' || kind === 'name-in-use')
      return `Wait until the other run on ${release} has ended, and run the same again.`
    if (kind === 'ownership')
      return 'To take the objects over and remove the records of the release that has them: --adopt'
    const repair = status?.startsWith('pending-') ? ' with --repair' : ''
    return `Correct the cause and deploy again${repair}: that also repairs ${release}.`
  })
  const message = [summaries(all), ...(silent.length > 0 ? [silence(silent)] : [])].join(' ')
  return new K8sflowError(message, EXIT_CODES.deployFailed, {
    code: 'DEPLOY_FAILED',
    suggestions: [...new Set(suggestions)],
  })
}

function pingFailed(releases: readonly ReleaseResult[], silent: readonly DeployedApp[]): K8sflowError {
  const [first] = silent
  const undone = releases.filter(({ outcome }) => outcome !== 'deployed')
  const left = releases.filter(
    ({ release, outcome }) => outcome === 'deployed' && silent.some((app) => app.release === release),
  )
  const name = `${first?.app ?? ''}-${first?.country ?? ''}`
  return new K8sflowError(
    ['Deployed, but', silence(silent), ...undone.map(({ summary }) => summary)].join(' '),
    EXIT_CODES.pingFailed,
    {
      code: 'PING_FAILED',
      suggestions: [
        `See what it logs: kubectl logs -n ${first?.namespace ?? ''} deployment/${name}`,
        ...left.map(
          ({ release, namespace }) => `Go back: k8sflow rollback --release ${release} -n ${namespace}`,
        ),
      ],
    },
  )
}

function silence(silent: readonly DeployedApp[]): string {
  const names = silent.slice(0, 10).map(({ app, country }) => `${app}-${country}`)
  const rest = silent.length - names.length
  const more = rest > 0 ? ` and ${String(rest)} more` : ''
  return `${names.join(', ')}${more} did not answer /ping as it should: ${silent[0]?.ping?.answer || 'no answer'}.`
}

function summaries(releases: readonly ReleaseResult[]): string {
  return releases.map(({ summary }) => summary).join(' ')
}
