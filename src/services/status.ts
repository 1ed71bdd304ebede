import type { Autoscaling, Workload } from '../cluster/workloads.js'
import type { Progress } from '../progress.js'
import type { ReleaseState, ReleaseSummary } from '../tools/helm-output.js'
import { APPS } from '../values/contract.js'
import type { ReleaseInstance } from './release-contents.js'
import { contentsOf, isOurs, listReleases, placeNote } from './releases.js'
import { checkSelection, type RawSelection, type Selection } from './selection.js'
import { type ClusterChoice, openSession, type Session } from './session.js'

export interface StatusOptions extends ClusterChoice, RawSelection {}

/**
 * State of one app in one country: that of its helm release; `missing` where a release wants it and it is not
 * there; `unmanaged` where it runs without a release (Argo CD, plain manifests); `not deployed` where there is neither.
 */
export type InstanceState = ReleaseState | 'missing' | 'unmanaged' | 'not deployed'

export interface InstanceStatus {
  app: string
  /** Null for an app that is deployed nowhere. */
  country: string | null
  namespace: string | null
  state: InstanceState
  healthy: boolean
  release: { name: string; namespace: string; revision: number } | null
  /** What made it, where no release did: `Argo CD` or `manifests`. */
  managedBy: string | null
  /** The Application of Argo CD that manages it, also where a release made it once. */
  application: string | null
  environment: string | null
  ready: number
  desired: number
  /** False while pods of an older revision still run beside or instead of the newest. */
  upToDate: boolean
  autoscaling: Autoscaling | null
  image: string | null
  hosts: string[]
  createdAt: string | null
  /** Why it is not well. */
  problem: { reason: string; message: string } | null
}

export interface StatusResult {
  context: string
  server: string
  serverVersion: string
  healthy: boolean
  apps: InstanceStatus[]
  releases: ReleaseSummary[]
  notes: string[]
}

/** Shows what is deployed and how it is, whoever deployed it. */
export async function status(options: StatusOptions, progress: Progress): Promise<StatusResult> {
  const selection = await checkSelection(options)
  const session = await openSession(options, progress, [
    { verb: 'list', resource: 'secrets', namespace: options.namespace ?? 'we-road' },
  ])
  return statusOf(session, selection, options.release)
}

/** The status of a cluster that is already connected to. */
export async function statusOf(
  session: Session,
  selection: Selection,
  releaseName?: string,
): Promise<StatusResult> {
  const { workloads } = await import('../cluster/workloads.js')
  const [listed, running] = await Promise.all([listReleases(session), workloads(session.cluster, selection)])
  const known = [
    ...listed.filter((release) => isOurs(release)),
    ...(await ownersElsewhere(session, listed, running)),
  ]
  const releases = known.filter(({ name }) => releaseName === undefined || name === releaseName)
  const contents = await Promise.all(releases.map(async (release) => contentsOf(session.helm, release)))
  const wanted = releases.flatMap((release, index) =>
    (contents[index]?.instances ?? []).map((instance) => ({ release, instance })),
  )
  const rows = [
    ...running.flatMap((workload) => runningRow(workload, releases, releaseName)),
    ...missingRows(wanted, running, selection),
    ...emptyReleaseRows(
      releases,
      contents.map(({ instances }) => instances),
    ),
  ]
  const absent = releaseName === undefined ? absentRows(rows, selection) : []
  const apps = [...rows, ...absent].sort(
    (a, b) => a.app.localeCompare(b.app) || (a.country ?? '').localeCompare(b.country ?? ''),
  )
  await explainUnready(session, apps)
  return {
    context: session.cluster.context,
    server: session.cluster.server,
    serverVersion: session.serverVersion,
    healthy: apps.length > 0 && apps.every((row) => row.healthy),
    apps,
    releases,
    notes: [...releases.flatMap((release) => placeNote(release, session)), ...argocdNotes(apps)],
  }
}

/** Says which apps Argo CD manages; that helm has a release of them too is worth knowing. */
function argocdNotes(rows: readonly InstanceStatus[]): string[] {
  const applications = [...new Set(rows.flatMap(({ application }) => application ?? []))]
  return applications.map((application) => {
    const own = rows.filter((row) => row.application === application)
    const names = [...new Set(own.map(({ app }) => app))].join(' and ')
    const release = own.find((row) => row.release !== null)?.release
    const too = release ? `, besides release ${release.name}` : ''
    return `Argo CD's Application ${application} manages ${names}${too}; see k8sflow gitops status.`
  })
}

/** Releases that own a workload and are in none of the namespaces that were looked in. */
async function ownersElsewhere(
  session: Session,
  listed: readonly ReleaseSummary[],
  running: readonly Workload[],
): Promise<ReleaseSummary[]> {
  const owners = new Map(
    running.flatMap(({ release }) => (release ? [[`${release.namespace}/${release.name}`, release]] : [])),
  )
  const unknown = [...owners.values()].filter(
    (owner) => !listed.some(({ name, namespace }) => name === owner.name && namespace === owner.namespace),
  )
  const found = await Promise.all(
    unknown.map(async ({ name, namespace }): Promise<ReleaseSummary[]> => {
      const helm = session.helm.inNamespace(namespace)
      const [current] = (await helm.list()).filter((release) => release.name === name)
      return current ? [current] : []
    }),
  )
  const sameNamespace = listed.filter(
    (release) => !isOurs(release) && owners.has(`${release.namespace}/${release.name}`),
  )
  return [...sameNamespace, ...found.flat()]
}

function runningRow(
  workload: Workload,
  releases: readonly ReleaseSummary[],
  releaseName: string | undefined,
): InstanceStatus[] {
  const { app, country, namespace, release: owner } = workload
  const release = releases.find((known) => known.name === owner?.name && known.namespace === owner.namespace)
  if (releaseName !== undefined && !release) return []
  const state: InstanceState = release?.status ?? 'unmanaged'
  const problem = ownerProblem(workload, release)
  const ready = workload.ready >= workload.replicas && workload.upToDate
  return [
    {
      app,
      country,
      namespace,
      state,
      healthy: ready && problem === null && (state === 'deployed' || state === 'unmanaged'),
      release: release ? identity(release) : null,
      managedBy: release ? null : (workload.managedBy ?? null),
      application: workload.application ?? null,
      environment: workload.environment ?? null,
      ready: workload.ready,
      desired: workload.replicas,
      upToDate: workload.upToDate,
      autoscaling: workload.autoscaling ?? null,
      image: workload.image,
      hosts: workload.hosts,
      createdAt: workload.createdAt,
      problem,
    },
  ]
}

function ownerProblem(
  { release: owner, replicas }: Workload,
  release: ReleaseSummary | undefined,
): InstanceStatus['problem'] {
  if (owner && !release)
    return {
      reason: 'ReleaseGone',
      message: `its annotations name release ${owner.name} in namespace ${owner.namespace}, which does not exist`,
    }
  return replicas === 0 ? { reason: 'ScaledToZero', message: 'no replica is wanted' } : null
}

function identity({ name, namespace, revision }: ReleaseSummary): InstanceStatus['release'] {
  return { name, namespace, revision }
}

function emptyRow(app: string, state: InstanceState): InstanceStatus {
  return {
    app,
    country: null,
    namespace: null,
    state,
    healthy: false,
    release: null,
    managedBy: null,
    application: null,
    environment: null,
    ready: 0,
    desired: 0,
    upToDate: false,
    autoscaling: null,
    image: null,
    hosts: [],
    createdAt: null,
    problem: null,
  }
}

function missingRows(
  wanted: readonly { release: ReleaseSummary; instance: ReleaseInstance }[],
  running: readonly Workload[],
  { apps, countries }: Selection,
): InstanceStatus[] {
  return wanted
    .filter(({ instance }) => !apps || apps.includes(instance.app))
    .filter(({ instance }) => !countries || countries.includes(instance.country))
    .filter(
      ({ instance: { app, country } }) =>
        !running.some((live) => live.app === app && live.country === country),
    )
    .map(({ release, instance }) => ({
      ...emptyRow(instance.app, release.status === 'deployed' ? 'missing' : release.status),
      country: instance.country,
      namespace: instance.namespace,
      release: identity(release),
      environment: instance.environment ?? null,
      desired: 1,
      image: instance.image,
      problem: {
        reason: 'Missing',
        message: `revision ${String(release.revision)} of release ${release.name} has it, the cluster does not`,
      },
    }))
}

/** Releases that hold nothing of ours, such as one whose first install failed before it rendered anything. */
function emptyReleaseRows(
  releases: readonly ReleaseSummary[],
  instances: readonly (readonly ReleaseInstance[])[],
): InstanceStatus[] {
  return releases
    .filter(
      (release, index) =>
        instances[index]?.length === 0 && (APPS as readonly string[]).includes(release.name),
    )
    .map((release) => ({
      ...emptyRow(release.name, release.status),
      release: identity(release),
      problem: { reason: 'Empty', message: 'the release holds no app in any country' },
    }))
}

function absentRows(rows: readonly InstanceStatus[], { apps = [...APPS] }: Selection): InstanceStatus[] {
  return apps
    .filter((app) => !rows.some((row) => row.app === app))
    .map((app) => emptyRow(app, 'not deployed'))
}

/** Finds out, of those that run but are not ready, why; one request for each of them. */
async function explainUnready(session: Session, rows: readonly InstanceStatus[]): Promise<void> {
  const unready = rows.filter(
    (row) => row.createdAt !== null && row.problem === null && (row.ready < row.desired || !row.upToDate),
  )
  const { podStates } = await import('../cluster/pods.js')
  await Promise.all(
    unready.map(async (row) => {
      const pods = await podStates(
        session.cluster,
        row.namespace ?? '',
        `app=${row.app}-${row.country ?? ''}`,
      )
      row.problem = pods.find((pod) => pod.problem !== undefined)?.problem ?? starting(row, pods.length)
    }),
  )
}

function starting({ ready, desired }: InstanceStatus, pods: number): { reason: string; message: string } {
  const counts = `${String(ready)} of ${String(desired)} ready`
  if (pods === 0) return { reason: 'NotReady', message: `${counts}, no pod was made` }
  if (ready < desired) return { reason: 'NotReady', message: `${counts}, still starting` }
  return { reason: 'Updating', message: 'pods of an older revision still run' }
}
