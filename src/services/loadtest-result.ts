import type { LocustEnd, LocustFigures } from '../tools/locust-output.js'
import type { Limits, LoadtestPlan, Via } from './loadtest-options.js'
import type { LoadtestTarget } from './loadtest-targets.js'

/** The load of about one second; times in milliseconds, null where no request ended. */
export interface LoadPoint {
  /** Seconds since the start of the whole. */
  t: number
  users: number
  requestsPerSecond: number
  failuresPerSecond: number
  p50: number | null
  p95: number | null
}

/** How an app in a country was at one moment. */
export interface AppSample {
  /** `app1-it`. */
  name: string
  /** Pods that its Deployment wants. */
  replicas: number
  ready: number
  /** Per cent of the requested CPU, as the autoscaler sees it. */
  cpu: number | null
  /** What its pods use together, in thousandths of a core. */
  cpuMillicores: number | null
}

/** How all of them were at one moment. */
export interface ClusterSample {
  /** Seconds since the start of the whole. */
  t: number
  apps: AppSample[]
}

/** What was asked of one app in one country, and what came of it. */
export interface LoadtestAppResult extends LocustFigures {
  name: string
  app: string
  country: string
  environment: string
  /** The Host header; null with `--via service`. */
  host: string | null
  minReplicas: number | null
  maxReplicas: number | null
  /** Per cent of the requested CPU that the autoscaler aims at. */
  targetCpu: number | null
  /** Pods before the load, at most, and when the watching ended. */
  replicas: { before: number; most: number; after: number }
  /** The highest CPU the autoscaler saw, in per cent of the request. */
  mostCpu: number | null
}

/** A limit that was set, and whether it was kept. */
export interface LoadtestLimit {
  flag: '--max-p95' | '--max-failures'
  limit: string
  actual: string
  broken: boolean
}

export interface LoadtestResult {
  context: string
  via: Via
  /** Where requests went; null with `--via service`. */
  address: string | null
  users: number
  /** Users added per second. */
  spawnRate: number
  /** How long the load was meant to be, in seconds. */
  duration: number
  /** Null with --dry-run. */
  startedAt: string | null
  /** When the load began and ended, in seconds since the start. */
  load: { from: number; to: number } | null
  /** When the watching ended. */
  end: number | null
  interrupted: boolean
  dryRun: boolean
  locust: string
  /** How Locust is started; what it asks is in the variable K8SFLOW_TARGETS. */
  command: string
  apps: LoadtestAppResult[]
  /** Null when Locust ended before it summed up. */
  total: (LocustFigures & { requestsPerSecond: number }) | null
  /** The most frequent ones. */
  errors: { request: string; message: string; count: number }[]
  limits: LoadtestLimit[]
  /** At most 1000 points and samples each: longer tests are thinned, and peaks stay. */
  points: LoadPoint[]
  samples: ClusterSample[]
  /** The report's file; null when there is none. */
  report: string | null
  warnings: string[]
}

const MOST_POINTS = 1000

/** All that was measured; times in seconds since the start. */
export interface Measured {
  startedAt: number
  load: { from: number; to: number } | null
  end: number
  points: readonly LoadPoint[]
  samples: readonly ClusterSample[]
  locust: LocustEnd | undefined
}

const NO_FIGURES: LocustFigures = { requests: 0, failures: 0, p50: null, p95: null, p99: null, max: null }

/** What a test is before it has run: also the whole result of `--dry-run`. */
export function plannedResult(
  plan: LoadtestPlan,
  targets: readonly LoadtestTarget[],
  facts: Pick<LoadtestResult, 'context' | 'locust' | 'command' | 'dryRun'>,
): LoadtestResult {
  const [first] = targets
  return {
    context: facts.context,
    via: plan.via,
    address: plan.via === 'service' ? null : (first?.url ?? null),
    users: plan.users,
    spawnRate: plan.spawnRate,
    duration: plan.seconds,
    startedAt: null,
    load: null,
    end: null,
    interrupted: false,
    dryRun: facts.dryRun,
    locust: facts.locust,
    command: facts.command,
    apps: targets.map((target) => appResult(target, [], undefined)),
    total: null,
    errors: [],
    limits: [],
    points: [],
    samples: [],
    report: null,
    warnings: [],
  }
}

/** Puts what was measured into the result. */
export function measuredResult(
  planned: LoadtestResult,
  targets: readonly LoadtestTarget[],
  limits: Limits,
  { startedAt, load, end, points, samples, locust }: Measured,
): LoadtestResult {
  const seconds = Math.max(load === null ? 0 : load.to - load.from, 1)
  const total = locust?.total
  return {
    ...planned,
    startedAt: new Date(startedAt).toISOString(),
    load: load && { from: rounded(load.from), to: rounded(load.to) },
    end: rounded(end),
    apps: targets.map((target) => appResult(target, samples, locust)),
    total: total === undefined ? null : { ...total, requestsPerSecond: rounded(total.requests / seconds) },
    errors: locust?.errors ?? [],
    limits: total === undefined ? [] : keptLimits(limits, total),
    points: thinned(points, mergedPoints),
    samples: thinned(samples, mergedSamples),
  }
}

function appResult(
  { name, app, country, environment, host, autoscaling }: LoadtestTarget,
  samples: readonly ClusterSample[],
  locust: LocustEnd | undefined,
): LoadtestAppResult {
  const own = samples.flatMap(({ apps }) => apps.filter((sample) => sample.name === name))
  const cpu = own.flatMap((sample) => sample.cpu ?? [])
  return {
    ...{ name, app, country, environment, host },
    ...(locust?.targets[name] ?? NO_FIGURES),
    minReplicas: autoscaling?.minReplicas ?? null,
    maxReplicas: autoscaling?.maxReplicas ?? null,
    targetCpu: autoscaling?.targetCpu ?? null,
    replicas: {
      before: own[0]?.replicas ?? 0,
      most: Math.max(0, ...own.map(({ replicas }) => replicas)),
      after: own.at(-1)?.replicas ?? 0,
    },
    mostCpu: cpu.length === 0 ? null : Math.max(...cpu),
  }
}

/** Compares what was measured with the limits that were set; a limit itself is still kept. */
export function keptLimits({ maxP95, maxFailures }: Limits, total: LocustFigures): LoadtestLimit[] {
  const found: LoadtestLimit[] = []
  if (maxP95 !== undefined)
    found.push({
      flag: '--max-p95',
      limit: `${String(maxP95)} ms`,
      actual: total.p95 === null ? 'no answer' : `${String(total.p95)} ms`,
      broken: total.p95 === null || total.p95 > maxP95,
    })
  if (maxFailures !== undefined) {
    const percent = total.requests === 0 ? 0 : (100 * total.failures) / total.requests
    const isShare = 'percent' in maxFailures
    found.push({
      flag: '--max-failures',
      limit: isShare ? `${String(maxFailures.percent)} %` : String(maxFailures.count),
      actual: isShare ? `${String(Number(percent.toPrecision(3)))} %` : String(total.failures),
      broken: isShare ? percent > maxFailures.percent : total.failures > maxFailures.count,
    })
  }
  return found
}

/** At most so many of them, each made of neighbours. */
function thinned<Item>(items: readonly Item[], merge: (group: readonly Item[]) => Item): Item[] {
  const size = Math.ceil(items.length / MOST_POINTS)
  if (size <= 1) return [...items]
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    merge(items.slice(index * size, (index + 1) * size)),
  )
}

function mergedPoints(group: readonly LoadPoint[]): LoadPoint {
  return {
    t: group.at(-1)?.t ?? 0,
    users: largest(group.map(({ users }) => users)) ?? 0,
    requestsPerSecond: mean(group.map((point) => point.requestsPerSecond)),
    failuresPerSecond: mean(group.map((point) => point.failuresPerSecond)),
    p50: largest(group.map(({ p50 }) => p50)),
    p95: largest(group.map(({ p95 }) => p95)),
  }
}

function mergedSamples(group: readonly ClusterSample[]): ClusterSample {
  const last = group.at(-1) ?? { t: 0, apps: [] }
  return {
    t: last.t,
    apps: last.apps.map((app) => {
      const own = group.flatMap(({ apps }) => apps.filter(({ name }) => name === app.name))
      return {
        name: app.name,
        replicas: largest(own.map(({ replicas }) => replicas)) ?? 0,
        ready: largest(own.map(({ ready }) => ready)) ?? 0,
        cpu: largest(own.map(({ cpu }) => cpu)),
        cpuMillicores: largest(own.map(({ cpuMillicores }) => cpuMillicores)),
      }
    }),
  }
}

function largest(values: readonly (number | null)[]): number | null {
  const known = values.flatMap((value) => value ?? [])
  return known.length === 0 ? null : Math.max(...known)
}

function mean(values: readonly number[]): number {
  return rounded(values.reduce((sum, value) => sum + value, 0) / Math.max(values.length, 1))
}

/** To a tenth: of a second, or of a request per second. */
export function rounded(value: number): number {
  return Math.round(value * 10) / 10
}
