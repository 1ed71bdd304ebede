import type { Cluster } from '../cluster/cluster.js'
import type { Workload } from '../cluster/workloads.js'
import { InterruptedError } from '../errors.js'
import type { Progress } from '../progress.js'
import { refuseArgocd } from './argocd-guard.js'
import { type Adoption, leftoverNote, planAdoptions, removeRecords } from './adopt.js'
import type { ImageOptions } from './build-options.js'
import { checkReleaseName, connectForDeploy } from './deploy-connection.js'
import type { ImagePlan } from './deploy-build.js'
import type { DeployHelp, DeployOptions } from './deploy-options.js'
import {
  type Instance,
  instanceName,
  type Plan,
  plannedInstances,
  type PlannedRelease,
} from './deploy-plan.js'
import {
  agreeToChanges,
  type NamespaceNeeds,
  namespaceNeeds,
  OWN_SETTINGS,
  type PreparedRelease,
  prepareRelease,
  releaseTask,
} from './deploy-prepare.js'
import { lookUpPlatforms, type PlatformLookup } from './deploy-platforms.js'
import { offlinePreview, preview } from './deploy-preview.js'
import { deployedApps } from './deployed-apps.js'
import { deployRelease, type ReleaseRun, rollBack } from './deploy-release.js'
import { deployError, type DeployResult, type PingResult, type ReleaseResult } from './deploy-result.js'
import { selectValues } from './deploy-selection.js'
import { watchPods } from './deploy-watch.js'
import { durationMs } from './duration.js'
import { checkNamespace } from './namespace.js'
import { absentRelease, readLiveRelease } from './live-release.js'
import { verify } from './verify.js'

/** Images that are just being built are compared by their tags. */
type PlanToCompare = Pick<ImagePlan, 'plan'> & Partial<ImagePlan>

/** Everything that is known once a deployment may begin. */
interface Deployment {
  cluster: Cluster
  prepared: PreparedRelease[]
  adoptions: Adoption[]
  namespaces: NamespaceNeeds
  notes: string[]
}

/**
 * From values to verified pods: selects the values, compares them with what runs, makes the namespaces, runs helm
 * for all releases side by side, waits, and asks every app whether it answers. A release that fails is in the result
 * and stops no other.
 * @throws K8sflowError for whatever ends it before anything was changed
 */
export async function deploy(options: DeployOptions, help: DeployHelp): Promise<DeployResult> {
  if (options.build !== undefined) return deployBuilt(options, options.build, help)
  const ready = await beforeChanges(help.signal, async () =>
    compare({ plan: await select(options, help) }, options, help),
  )
  return 'dryRun' in ready ? ready : carryOut(ready, options, help)
}

/**
 * The same with images that are built in between: first everything that can be refused without a build, then the
 * build, then the comparison again, since others may have deployed meanwhile (docs/decisions/0010).
 */
async function deployBuilt(
  options: DeployOptions,
  imageOptions: ImageOptions,
  outside: DeployHelp,
): Promise<DeployResult> {
  const { onlyOnce, prepareImages, stillPinned } = await import('./deploy-build.js')
  const help = onlyOnce(outside)
  const { images, first } = await beforeChanges(help.signal, async () => {
    const prepared = await prepareImages(await select(options, help), imageOptions, { ...options, ...help })
    return { images: prepared, first: await compare(prepared, options, help) }
  })
  if ('dryRun' in first) return images.preview(first)
  const built = await images.run()
  const { ready, build } = await built.orSay(async () => {
    const compared = await beforeChanges(help.signal, async () => compare(built, options, help))
    return { ready: compared, build: await built.pin() }
  })
  if ('dryRun' in ready) return ready
  const result = await carryOut(ready, options, help)
  const notes = result.ok ? [] : stillPinned(build)
  note(help.progress, notes)
  return { ...result, notes: [...result.notes, ...notes], build }
}

async function select(options: DeployOptions, { progress, choose }: DeployHelp): Promise<Plan> {
  checkReleaseName(options.release)
  checkNamespace(options.namespace)
  // Before anybody is asked anything.
  durationMs(options.timeout)
  const plan = await selectValues(options, { progress, chart: options.chart, choose })
  note(progress, plan.notes)
  return plan
}

/** Everything up to the first change; with `dryRun` that is all, and the result says what would follow. */
async function compare(
  { plan, tagged, platforms }: PlanToCompare,
  options: DeployOptions,
  help: DeployHelp,
): Promise<Deployment | DeployResult> {
  const { chart } = options
  // Registries are far away: they are asked while helm and the cluster are.
  const lookup = options.checkPlatforms
    ? lookUpPlatforms(tagged ?? plan.releases, { ...help, chart, known: platforms })
    : undefined
  try {
    return await prepareReleases(plan, lookup, { ...options, timeoutMs: durationMs(options.timeout) }, help)
  } finally {
    lookup?.stop()
  }
}

async function carryOut(ready: Deployment, options: DeployOptions, help: DeployHelp): Promise<DeployResult> {
  await prepareNamespaces(ready, help.progress)
  return run(ready, options, help)
}

async function prepareReleases(
  plan: Plan,
  lookup: PlatformLookup | undefined,
  options: DeployOptions & { timeoutMs: number },
  help: DeployHelp,
): Promise<Deployment | DeployResult> {
  const { progress } = help
  const { helm, cluster, serverVersion, unreachable, namespaces } = await connectForDeploy(
    options,
    plan.releases,
    progress,
  )
  if (cluster === undefined) {
    const tasks = plan.releases.map((planned) => {
      const live = absentRelease(planned.release, namespaces)
      return releaseTask(planned, live, helm, options)
    })
    const result = offlinePreview(tasks, { unreachable: unreachable ?? '', notes: plan.notes })
    note(progress, result.notes.slice(plan.notes.length))
    return result
  }
  const { workloads } = await import('../cluster/workloads.js')
  const countries = [...new Set(plannedInstances(plan.releases).map(({ country }) => country))]
  const [running, platforms, ...lives] = await Promise.all([
    workloads(cluster, { countries }),
    lookup?.compare(cluster),
    ...plan.releases.map((planned) => readLiveRelease(helm, planned.release, namespaces)),
  ])
  const argocdWarnings = await argocdNotes(cluster, plan, running, options)
  const prepared = plan.releases.map((planned, index) => {
    const live = lives[index] ?? absentRelease(planned.release, namespaces)
    const task = releaseTask(planned, live, helm, { ...options, tracked: isTracked(planned, running) })
    return prepareRelease(task, live, running, options)
  })
  const takers = prepared.filter(({ owners }) => owners.length > 0)
  const adoptions = await planAdoptions(
    helm,
    { chart: options.chart, set: OWN_SETTINGS, kubeVersion: serverVersion },
    takers.map(({ task, owners }) => ({ planned: task.planned, owners })),
  )
  const notes = [
    ...placeNotes(prepared, namespaces),
    ...adoptions.flatMap((adoption) => leftoverNote(adoption) ?? []),
    ...(platforms?.notes ?? []),
  ]
  note(progress, notes)
  const warnings = [...argocdWarnings, ...(platforms?.warnings ?? [])]
  for (const text of warnings) progress({ kind: 'step', state: 'warning', text })
  const deployment: Deployment = {
    cluster,
    prepared,
    adoptions,
    namespaces: namespaceNeeds(prepared, adoptions),
    notes: [...plan.notes, ...notes, ...warnings],
  }
  if (options.dryRun) {
    const result = await preview(cluster, prepared, deployment)
    note(progress, result.notes.slice(deployment.notes.length))
    return result
  }
  await agreeToChanges(
    prepared,
    { environmentChange: options.allowEnvironmentChange, removal: options.allowRemoval },
    help.confirm,
  )
  return deployment
}

function isTracked({ instances }: PlannedRelease, running: readonly Workload[]): boolean {
  const names = new Set(instances.map((instance) => instanceName(instance)))
  return running.some((workload) => workload.application !== undefined && names.has(instanceName(workload)))
}

async function argocdNotes(
  cluster: Cluster,
  plan: Plan,
  running: readonly Workload[],
  { allowArgocd, dryRun }: DeployOptions,
): Promise<string[]> {
  const planned = new Set(plannedInstances(plan.releases).map((instance) => instanceName(instance)))
  const concerned = running.filter((workload) => planned.has(instanceName(workload)))
  return refuseArgocd(cluster, concerned, {
    what: 'this deployment',
    instead: 'Commit and push the values instead: Argo CD deploys what git holds.',
    allowed: allowArgocd,
    dryRun,
  })
}

async function run(deployment: Deployment, options: DeployOptions, help: DeployHelp): Promise<DeployResult> {
  const { cluster, prepared, adoptions } = deployment
  const { progress, signal } = help
  const instances = plannedInstances(prepared.map(({ task }) => task.planned))
  const releaseRun: ReleaseRun = { cluster, progress, signal }
  const watch = options.wait ? watchPods(cluster, instances, progress) : undefined
  let releases: ReleaseResult[]
  try {
    releases = await Promise.all(prepared.map(async ({ task }) => deployRelease(task, releaseRun)))
  } finally {
    await watch?.stop()
  }
  await finishAdoptions(cluster, adoptions, releases, progress)
  const deployed = new Set(
    releases.filter(({ outcome }) => outcome === 'deployed').map(({ release }) => release),
  )
  const checked =
    options.wait && options.verify && !signal.aborted
      ? instances.filter(({ release }) => deployed.has(release))
      : []
  const pings = await verifyAll(cluster, checked, help)
  if (options.rollbackOnPingFailure) releases = await rollBackSilent(deployment, releaseRun, releases, pings)
  const apps = await deployedApps(cluster, { instances, releases, pings })
  const result = { dryRun: false, context: cluster.context, releases, apps, notes: deployment.notes }
  const error = deployError(result)
  return {
    ok: error === undefined,
    ...result,
    ...(error === undefined
      ? {}
      : {
          error: {
            code: error.code,
            message: error.message,
            exit: error.exitCode,
            suggestions: error.suggestions,
          },
        }),
  }
}

/** Annotates before it creates: helm must find the annotation on what it might delete (docs/decisions/0019). */
async function prepareNamespaces({ cluster, namespaces }: Deployment, progress: Progress): Promise<void> {
  const { applyNamespaces, keepNamespaces } = await import('../cluster/namespaces.js')
  const { annotated } = await keepNamespaces(cluster, namespaces.keep)
  if (annotated.length > 0)
    note(progress, [`A release owns ${annotated.join(', ')}: annotated, so that helm never deletes it.`])
  const { created, warnings } = await applyNamespaces(cluster, namespaces.apply)
  for (const text of warnings) progress({ kind: 'step', state: 'warning', text })
  if (created.length > 0)
    progress({ kind: 'step', state: 'done', text: `created namespace ${created.join(', ')}` })
}

/** The old release's records go as soon as a taker has begun: from then on it would delete what it no longer has. */
async function finishAdoptions(
  cluster: Cluster,
  adoptions: readonly Adoption[],
  releases: readonly ReleaseResult[],
  progress: Progress,
): Promise<void> {
  for (const { from, by } of adoptions) {
    const begun = releases.some(({ release, revision }) => by.includes(release) && revision !== null)
    // An earlier adoption may have removed them already, of which only the objects' annotations still tell.
    if (!begun || (await removeRecords(cluster, from)) === 0) continue
    progress({
      kind: 'step',
      state: 'done',
      text: `removed the records of release ${from.name} in namespace ${from.namespace}; nothing it made was deleted`,
    })
  }
}

async function verifyAll(
  cluster: Cluster,
  instances: readonly Instance[],
  { progress, signal }: DeployHelp,
): Promise<Map<string, PingResult>> {
  if (instances.length === 0) return new Map()
  progress({ kind: 'step', state: 'start', text: 'asking every app for /ping' })
  const results = await verify(cluster, instances, {
    signal,
    onAnswer: ({ app, country }, { ok, answer }) => {
      progress({ kind: 'step', state: ok ? 'done' : 'failed', subject: `${app}/${country}`, text: answer })
    },
  })
  return new Map([...results].map(([instance, result]) => [instanceName(instance), result]))
}

async function rollBackSilent(
  { prepared }: Deployment,
  releaseRun: ReleaseRun,
  releases: readonly ReleaseResult[],
  pings: ReadonlyMap<string, PingResult>,
): Promise<ReleaseResult[]> {
  return Promise.all(
    releases.map(async (result) => {
      const task = prepared.find((candidate) => candidate.task.planned.release === result.release)?.task
      const silent = task?.planned.instances.some(
        (instance) => pings.get(instanceName(instance))?.ok === false,
      )
      if (task === undefined || silent !== true) return result
      return (await rollBack(task, releaseRun, result)) ?? result
    }),
  )
}

function placeNotes(prepared: readonly PreparedRelease[], namespaces: readonly string[]): string[] {
  return prepared
    .filter(({ live }) => live.status !== undefined && live.namespace !== namespaces[0])
    .map(
      ({ live }) =>
        `Release ${live.name} is in namespace ${live.namespace}, the context's own, where the old tool and plain helm put it; it stays there.`,
    )
}

/** Ctrl-C reaches the programs that are only asked something, too: whatever they then say, this is the reason. */
async function beforeChanges<Result>(signal: AbortSignal, work: () => Promise<Result>): Promise<Result> {
  const interrupted = () => new InterruptedError('Interrupted; nothing was changed.', { code: 'INTERRUPTED' })
  try {
    const result = await work()
    if (signal.aborted) throw interrupted()
    return result
  } catch (error) {
    if (signal.aborted) throw interrupted()
    throw error
  }
}

function note(progress: Progress, texts: readonly string[]): void {
  for (const text of texts) progress({ kind: 'step', state: 'note', text })
}
