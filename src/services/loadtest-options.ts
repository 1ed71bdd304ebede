import { InvalidInputError } from '../errors.js'
import { durationMs } from './duration.js'
import { isHostName } from './hosts-address.js'
import type { RawSelection } from './selection.js'

export type Via = 'ingress' | 'service'

/** What was typed. */
export interface LoadtestOptions extends RawSelection {
  kubeconfig?: string | undefined
  context?: string | undefined
  users: number
  spawnRate: number
  duration: string
  via: string
  address?: string | undefined
  maxP95?: string | undefined
  maxFailures?: string | undefined
  watchScaleDown?: string | undefined
  /** Where the report goes; a name with apps and time unless given. */
  report?: string | undefined
  yes?: boolean | undefined
  dryRun?: boolean | undefined
}

/** What was asked for, checked. */
export interface LoadtestPlan {
  users: number
  spawnRate: number
  seconds: number
  via: Via
  /** The ingress controller's URL, without a slash at its end, where it was given. */
  address?: string
  limits: Limits
  /** How long to go on watching after the load; 0 is not at all. */
  watchSeconds: number
}

/** What a test must stay within. */
export interface Limits {
  /** Milliseconds. */
  maxP95?: number
  /** A count of requests, or of a hundred of them. */
  maxFailures?: { count: number } | { percent: number }
}

const MOST_USERS = 10_000

/**
 * Checks numbers, durations and the address, asking nobody.
 * @throws InvalidInputError naming everything that cannot be accepted
 */
export function checkLoadtestOptions(options: LoadtestOptions): LoadtestPlan {
  const problems: string[] = []
  const check = <Value>(read: () => Value | string): Value | undefined => {
    const value = read()
    if (typeof value !== 'string') return value
    problems.push(value)
    return undefined
  }
  const whole = (flag: string, value: number) =>
    Number.isInteger(value) && value >= 1 && value <= MOST_USERS
      ? value
      : `${flag} ${String(value)} is not a whole number from 1 to ${String(MOST_USERS)}`
  const plan = {
    users: check(() => whole('--users', options.users)) ?? 0,
    spawnRate: check(() => whole('--spawn-rate', options.spawnRate)) ?? 0,
    seconds: check(() => seconds('--duration', options.duration)) ?? 0,
    watchSeconds: check(() => watchSeconds(options.watchScaleDown)) ?? 0,
    address: options.address === undefined ? undefined : check(() => readAddress(options.address ?? '')),
    maxP95: options.maxP95 === undefined ? undefined : check(() => milliseconds(options.maxP95 ?? '')),
    maxFailures:
      options.maxFailures === undefined ? undefined : check(() => failures(options.maxFailures ?? '')),
  }
  if (options.report === '-')
    problems.push(
      '--report - is not a file: the summary is what is printed, or with --json all that was measured',
    )
  if (problems.length > 0) throw refuse(problems)
  return {
    users: plan.users,
    spawnRate: plan.spawnRate,
    seconds: plan.seconds,
    watchSeconds: plan.watchSeconds,
    via: options.via === 'service' ? 'service' : 'ingress',
    ...(plan.address === undefined ? {} : { address: plan.address.url }),
    limits: {
      ...(plan.maxP95 === undefined ? {} : { maxP95: plan.maxP95 }),
      ...(plan.maxFailures === undefined ? {} : { maxFailures: plan.maxFailures }),
    },
  }
}

function refuse(problems: readonly string[]): InvalidInputError {
  return new InvalidInputError(
    problems.length === 1
      ? `${problems.join('')}.`
      : `${String(problems.length)} problems:\n${problems.map((problem) => `  ${problem}`).join('\n')}`,
    {
      code: 'INVALID_INPUT',
      suggestions: [
        'For example: k8sflow loadtest --users 50 --duration 2m --max-p95 200ms --max-failures 1%',
      ],
    },
  )
}

/** Locust takes whole seconds. */
function seconds(flag: string, text: string): number | string {
  try {
    return Math.round(durationMs(text, flag) / 1000)
  } catch (error) {
    return (error as InvalidInputError).message.replace(/\.$/, '')
  }
}

function watchSeconds(text: string | undefined): number | string {
  return text === undefined || /^0(ms|[smh])?$/.test(text) ? 0 : seconds('--watch-scale-down', text)
}

function milliseconds(text: string): number | string {
  const [, amount, unit] = /^(\d+(?:\.\d+)?)(ms|s)?$/.exec(text) ?? []
  const value = Number(amount) * (unit === 's' ? 1000 : 1)
  return value > 0
    ? value
    : `--max-p95 ${JSON.stringify(text)} is no time: write milliseconds, as 200 or 200ms`
}

function failures(text: string): (Limits['maxFailures'] & {}) | string {
  const [, amount = '', sign] = /^(\d+(?:\.\d+)?)(%?)$/.exec(text) ?? []
  const value = Number(amount)
  if (amount !== '' && sign === '%' && value <= 100) return { percent: value }
  if (amount !== '' && sign === '' && Number.isInteger(value)) return { count: value }
  return `--max-failures ${JSON.stringify(text)} is neither a count, such as 10, nor a share, such as 1%`
}

/** A host or address, perhaps with scheme and port, as the URL it stands for. */
function readAddress(text: string): { url: string } | string {
  const bare = text.includes('://')
    ? text
    : `http://${/^[\da-f:]+:[\da-f:]*$/i.test(text) ? `[${text}]` : text}`
  const url = URL.canParse(bare) ? new URL(bare) : undefined
  const host = url?.hostname ?? ''
  const usable = isHostName(host) || /^[\d.]+$/.test(host) || /^\[.*\]$/.test(host)
  const plain =
    url !== undefined && /^https?:$/.test(url.protocol) && url.pathname === '/' && url.search === ''
  if (!plain || !usable || url.username !== '')
    return `--address ${JSON.stringify(text)} is no address: write it as 192.168.1.10, pi.lan:8080 or https://192.168.1.10`
  return { url: `${url.protocol}//${url.host}` }
}
