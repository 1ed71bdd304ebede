import { K8sflowError } from '../errors.js'
import { EXIT_CODES, type ExitCode } from '../exit-codes.js'

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
  /** With --dry-run: what would be run, in order, as lines for a shell. */
  commands?: string[]
  error?: { code: string; message: string; exit: number; suggestions: string[] }
}

/** The error a result stands for, if any; where several apply, the one that asks for more care. */
export function deployError(result: Omit<DeployResult, 'ok' | 'error'>): K8sflowError | undefined {
  const { releases, apps } = result
  const bad = releases.filter(({ outcome }) => outcome !== 'deployed')
  if (bad.some(({ outcome }) => outcome === 'interrupted' || outcome === 'not-started'))
    return new K8sflowError(`Interrupted. ${summaries(releases)}`, EXIT_CODES.interrupted, {
      code: 'INTERRUPTED',
      suggestions: ['Run the same again to finish it, or see what runs with: k8sflow status'],
    })
  if (bad.length > 0) return failed(releases, bad)
  const silent = apps.filter(({ ping }) => ping?.ok === false)
  if (silent.length === 0) return undefined
  const [first] = silent
  return new K8sflowError(
    `Deployed, but ${silent.map(({ app, country }) => `${app}-${country}`).join(', ')} did not answer /ping as it should: ${first?.ping?.answer ?? ''}`,
    EXIT_CODES.pingFailed,
    {
      code: 'PING_FAILED',
      suggestions: [
        `See what it logs: kubectl logs -n ${first?.namespace ?? ''} deployment/${first?.app ?? ''}-${first?.country ?? ''}`,
        'Go back to the revision before with: k8sflow rollback',
      ],
    },
  )
}

function failed(all: readonly ReleaseResult[], bad: readonly ReleaseResult[]): K8sflowError {
  const exit: ExitCode = EXIT_CODES.deployFailed
  const suggestions = bad.flatMap(({ outcome, release, namespace }) => {
    if (outcome === 'rolled-back') return []
    if (outcome === 'rollback-failed') return [`See where it stands: helm history ${release} -n ${namespace}`]
    return [`Correct the cause and deploy again: that also repairs ${release}.`]
  })
  if (bad.some(({ outcome }) => outcome === 'rolled-back'))
    suggestions.push('Correct the cause above and deploy again; what ran before runs on.')
  return new K8sflowError(summaries(all), exit, {
    code: 'DEPLOY_FAILED',
    suggestions: [...new Set(suggestions)],
  })
}

function summaries(releases: readonly ReleaseResult[]): string {
  return releases.map(({ summary }) => summary).join(' ')
}
