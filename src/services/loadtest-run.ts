import type { Cluster } from '../cluster/cluster.js'
import type { Progress } from '../progress.js'
import type { Locust, LocustRun } from '../tools/locust.js'
import type { LocustSecond } from '../tools/locust-output.js'
import type { LoadtestPlan } from './loadtest-options.js'
import {
  type AppSample,
  type ClusterSample,
  type LoadPoint,
  type Measured,
  rounded,
} from './loadtest-result.js'
import type { LoadtestTarget } from './loadtest-targets.js'
import { sampleApps, scaledDown, type Watch, watchApps } from './loadtest-watch.js'

/** What there is to see while a test runs. */
export interface LoadtestState {
  phase: 'starting' | 'load' | 'scale-down'
  /** Seconds since the phase began, and how many it may take. */
  elapsed: number
  length: number
  /** The newest second; undefined before the first. */
  point: LoadPoint | undefined
  requests: number
  failures: number
  targets: readonly LoadtestTarget[]
  apps: readonly AppSample[]
}

interface Setting {
  cluster: Cluster
  locust: Locust
  plan: LoadtestPlan
  targets: readonly LoadtestTarget[]
  folder: string
}

interface Help {
  progress: Progress
  signal: AbortSignal
  onState: (state: LoadtestState) => void
}

export interface LoadRun {
  measured: Measured
  run: LocustRun
  warnings: string[]
}

const TICK_MS = 1000

/** Lets Locust work, looks at the cluster meanwhile, and afterwards until the apps are back at their minimum, where asked for. */
export async function runLoad(setting: Setting, help: Help): Promise<LoadRun> {
  const { cluster, locust, plan, targets, folder } = setting
  const recording = new Recording(targets, plan)
  recording.sampled(await sampleApps(cluster, targets))
  const tell = () => help.onState(recording.state())
  const watch = watchApps(cluster, targets, (apps) => recording.sampled(apps))
  const ticking = setInterval(tell, TICK_MS)
  try {
    tell()
    const test = { targets, users: plan.users, spawnRate: plan.spawnRate, seconds: plan.seconds }
    const run = await locust.run(test, {
      cwd: folder,
      signal: help.signal,
      onSecond: (second) => recording.second(second),
    })
    recording.loadEnded()
    if (plan.watchSeconds > 0 && run.exitCode === 0) await recording.scalingDown(help)
    clearInterval(ticking)
    await watch.stop()
    // How it ended, not how it was up to three seconds before.
    const last = await sampleApps(cluster, targets).catch(() => undefined)
    if (last !== undefined) recording.sampled(last)
    return { measured: recording.measured(run), run, warnings: warningsOn(recording, watch, run) }
  } finally {
    clearInterval(ticking)
    await watch.stop()
  }
}

/** Collects what comes, on one clock. */
class Recording {
  readonly samples: ClusterSample[] = []
  private readonly points: LoadPoint[] = []
  private readonly startedAt = Date.now()
  private readonly start = performance.now()
  private loadFrom: number | undefined
  private loadTo: number | undefined
  private requests = 0
  private failures = 0

  constructor(
    readonly targets: readonly LoadtestTarget[],
    private readonly plan: LoadtestPlan,
  ) {}

  sampled(apps: AppSample[]): void {
    this.samples.push({ t: rounded(this.now()), apps })
  }

  second({ users, requests, failures, seconds, p50, p95 }: LocustSecond): void {
    const t = this.now()
    this.loadFrom ??= Math.max(0, t - seconds)
    this.requests += requests
    this.failures += failures
    const per = (count: number) => rounded(count / Math.max(seconds, 0.001))
    this.points.push({
      t: rounded(t),
      users,
      requestsPerSecond: per(requests),
      failuresPerSecond: per(failures),
      p50,
      p95,
    })
  }

  loadEnded(): void {
    this.loadTo = this.now()
  }

  /** Waits until everything is back at its minimum, the time is over, or a signal comes. */
  async scalingDown({ signal }: Help): Promise<void> {
    const until = this.now() + this.plan.watchSeconds
    const seen = this.samples.length
    while (!signal.aborted && this.now() < until) {
      const newest = this.samples.at(-1)
      if (this.samples.length > seen && newest && scaledDown(this.targets, newest.apps)) return
      await new Promise((done) => setTimeout(done, 200))
    }
  }

  state(): LoadtestState {
    const { plan, loadFrom, loadTo } = this
    const now = this.now()
    const phase = loadFrom === undefined ? 'starting' : loadTo === undefined ? 'load' : 'scale-down'
    return {
      phase,
      elapsed: now - (loadTo ?? loadFrom ?? 0),
      length: phase === 'scale-down' ? plan.watchSeconds : plan.seconds,
      point: this.points.at(-1),
      requests: this.requests,
      failures: this.failures,
      targets: this.targets,
      apps: this.samples.at(-1)?.apps ?? [],
    }
  }

  measured({ end }: LocustRun): Measured {
    const { loadFrom, loadTo = this.now() } = this
    return {
      startedAt: this.startedAt,
      load: loadFrom === undefined ? null : { from: loadFrom, to: loadTo },
      end: this.now(),
      points: this.points,
      samples: this.samples,
      locust: end,
    }
  }

  private now(): number {
    return (performance.now() - this.start) / 1000
  }
}

function warningsOn({ samples, targets }: Recording, watch: Watch, { busy }: LocustRun): string[] {
  const all = samples.flatMap(({ apps }) => apps)
  const unscaled = targets.filter(({ autoscaling }) => autoscaling === undefined).map(({ name }) => name)
  const blind = all.every(({ cpu, cpuMillicores }) => cpu === null && cpuMillicores === null)
  return [
    ...(unscaled.length > 0 ? [`Nothing scales ${unscaled.join(', ')}: autoscaling is off there.`] : []),
    ...(blind
      ? [
          'The cluster has no CPU figures, so nothing can scale by them: metrics-server is missing or not ready.',
        ]
      : []),
    ...(busy
      ? [
          'Locust used up a core of this machine: it could not make more load, and the times it measured are too long.',
        ]
      : []),
    ...(watch.failed() > 0
      ? [`The cluster could not be looked at ${String(watch.failed())} times: ${watch.problem() ?? ''}`]
      : []),
  ]
}
