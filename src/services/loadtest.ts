import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import type { Cluster } from '../cluster/cluster.js'
import type { ServiceProxy } from '../cluster/service-proxy.js'
import { InterruptedError, type K8sflowError } from '../errors.js'
import type { Progress } from '../progress.js'
import { assertWritable, editFile } from '../tools/atomic-file.js'
import type { Locust } from '../tools/locust.js'
import { agree, type Confirm } from './agreement.js'
import { systemResolve } from './hosts-address.js'
import { loadtestError } from './loadtest-error.js'
import { checkLoadtestOptions, type LoadtestOptions, type LoadtestPlan } from './loadtest-options.js'
import { measuredResult, type LoadtestResult, plannedResult } from './loadtest-result.js'
import { type LoadtestState, runLoad } from './loadtest-run.js'
import { checkAnswers, findTargets, type LoadtestTarget, productionText } from './loadtest-targets.js'
import { checkSelection } from './selection.js'

/** What a load test needs from whoever starts it. */
export interface LoadtestHelp {
  progress: Progress
  signal: AbortSignal
  /** Asks a person; left out where nobody can be asked. */
  confirm?: Confirm | undefined
  /** Called about once per second while it runs. */
  onState: (state: LoadtestState) => void
  /** Makes the report's text. */
  report: (result: LoadtestResult) => Promise<string>
}

/** A result is there also when something went wrong after the load had begun. */
export interface LoadtestOutcome {
  result: LoadtestResult
  error: K8sflowError | undefined
}

/**
 * Puts load on what is deployed, watches how it scales, and writes a report.
 * @throws InvalidInputError, MissingProgramError, ClusterAccessError or FailedError while no load was made yet
 */
export async function loadtest(options: LoadtestOptions, help: LoadtestHelp): Promise<LoadtestOutcome> {
  const plan = checkLoadtestOptions(options)
  const selection = await checkSelection(options)
  if (options.report !== undefined) await assertWritable(options.report)
  const { connect } = await import('../cluster/client.js')
  const { checkAccess } = await import('../cluster/access.js')
  const cluster = await connect(options)
  await checkAccess(cluster)
  const targets = await findTargets(cluster, selection, plan, systemResolve)
  const locust = await findProgram(help)
  const test = { targets, users: plan.users, spawnRate: plan.spawnRate, seconds: plan.seconds }
  const planned = plannedResult(plan, targets, {
    context: cluster.context,
    locust: locust.version,
    command: locust.commandLine(test),
    dryRun: options.dryRun ?? false,
  })
  if (options.dryRun) return { result: planned, error: undefined }
  await agreeToProduction(options, plan, targets, help)
  const report = options.report ?? reportName(targets, new Date())
  await assertWritable(report)
  const proxy = plan.via === 'service' ? await startProxy(options, targets) : undefined
  const folder = await mkdtemp(join(tmpdir(), 'k8sflow-loadtest-'))
  try {
    const reached = targets.map((target) => (proxy ? { ...target, url: proxy.url(target.name) } : target))
    await checkAnswers(reached)
    stopIfInterrupted(help.signal)
    return await measure({ cluster, locust, plan, planned, targets: reached, folder, report }, help)
  } finally {
    await Promise.all([proxy?.close(), rm(folder, { recursive: true, force: true })])
  }
}

interface Prepared {
  cluster: Cluster
  locust: Locust
  plan: LoadtestPlan
  planned: LoadtestResult
  targets: readonly LoadtestTarget[]
  folder: string
  report: string
}

async function measure(prepared: Prepared, help: LoadtestHelp): Promise<LoadtestOutcome> {
  const { plan, planned, targets, report } = prepared
  const { measured, run, warnings } = await runLoad(prepared, help)
  const interrupted = help.signal.aborted
  const result = {
    ...measuredResult(planned, targets, plan.limits, measured),
    interrupted,
    warnings,
  }
  const error = loadtestError(result, run)
  if (measured.points.length === 0 && measured.locust === undefined) {
    if (error !== undefined) throw error
    return { result, error }
  }
  return written({ result, error }, report, help)
}

async function written(
  { result, error }: LoadtestOutcome,
  report: string,
  help: LoadtestHelp,
): Promise<LoadtestOutcome> {
  const named = { ...result, report }
  try {
    const text = await help.report(named)
    await editFile(
      report,
      () => text,
      async (path) => readFile(path, 'utf8'),
    )
    return { result: named, error }
  } catch (failure) {
    if (error === undefined) return { result, error: failure as K8sflowError }
    // What went wrong before counts for more.
    const warnings = [...result.warnings, `No report was written to ${report}: ${(failure as Error).message}`]
    return { result: { ...result, warnings }, error }
  }
}

async function findProgram({ progress, signal }: LoadtestHelp): Promise<Locust> {
  const [{ findLocust }, { createRunner }] = await Promise.all([
    import('../tools/locust.js'),
    import('../tools/runner.js'),
  ])
  const onFetch = (program: string) =>
    progress({ kind: 'step', state: 'start', text: `looking for Locust through ${program}` })
  // One that was stopped half-way says nothing of use.
  return findLocust(createRunner(progress), onFetch, signal).finally(() => stopIfInterrupted(signal))
}

async function agreeToProduction(
  options: LoadtestOptions,
  plan: LoadtestPlan,
  targets: readonly LoadtestTarget[],
  { progress, confirm }: LoadtestHelp,
): Promise<void> {
  const names = productionText(targets)
  if (names === '') return
  const text = `${names} in production would get the load of ${String(plan.users)} users for ${String(plan.seconds)} s`
  progress({ kind: 'step', state: 'warning', text })
  await agree({ yes: options.yes ?? false }, { confirm }, 'Put load on production?')
}

async function startProxy(
  options: LoadtestOptions,
  targets: readonly LoadtestTarget[],
): Promise<ServiceProxy> {
  const { openServiceProxy } = await import('../cluster/service-proxy.js')
  const services = targets.map(({ name, namespace, service }) => [name, { namespace, service }] as const)
  return openServiceProxy(options, new Map(services))
}

/** `loadtest-app1-20261124-153000.html`. */
function reportName(targets: readonly LoadtestTarget[], now: Date): string {
  const apps = [...new Set(targets.map(({ app }) => app))].join('-')
  const two = (value: number) => String(value).padStart(2, '0')
  const day = `${String(now.getFullYear())}${two(now.getMonth() + 1)}${two(now.getDate())}`
  const time = `${two(now.getHours())}${two(now.getMinutes())}${two(now.getSeconds())}`
  return `loadtest-${apps}-${day}-${time}.html`
}

function stopIfInterrupted(signal: AbortSignal): void {
  if (signal.aborted) throw new InterruptedError('Interrupted; no load was made.', { code: 'INTERRUPTED' })
}
