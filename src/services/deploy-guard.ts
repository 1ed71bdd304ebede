import type { Workload } from '../cluster/workloads.js'
import { InvalidInputError } from '../errors.js'
import type { Instance, PlannedRelease } from './deploy-plan.js'
import { instanceName } from './deploy-plan.js'
import type { LiveRelease } from './live-release.js'
import { objectKey } from './manifest-objects.js'

/** What a deployment would change that nobody may have meant (docs/decisions/0019). */
export interface GuardFindings {
  /** Apps that would change their environment. */
  environmentChanges: (Instance & { from: string; release: string })[]
  /** What would be deleted: `app1-es in we-road-es`. */
  removals: { release: string; name: string; namespace: string }[]
}

/** Objects that belong to someone else. */
export interface ForeignOwner {
  /** The other release; undefined for objects no release owns. */
  release?: { name: string; namespace: string }
  managedBy?: string
  instances: Instance[]
}

/** Compares what a release would become with what runs. */
export function findChanges(
  planned: PlannedRelease,
  live: Pick<LiveRelease, 'name' | 'namespace' | 'objects'>,
  workloads: readonly Workload[],
): GuardFindings {
  const wanted = new Set(planned.instances.map((instance) => instanceName(instance)))
  const environmentChanges = planned.instances.flatMap((instance) => {
    const from = at(workloads, instance)?.environment
    return from === undefined || from === instance.environment
      ? []
      : [{ ...instance, from, release: planned.release }]
  })
  const owned = [
    ...live.objects.filter(({ kind }) => kind === 'Deployment'),
    ...workloads
      .filter(({ release }) => release?.name === live.name && release.namespace === live.namespace)
      .map((workload) => ({
        kind: 'Deployment',
        name: instanceName(workload),
        namespace: workload.namespace,
      })),
  ]
  const removed = new Map(
    owned.filter(({ name }) => !wanted.has(name)).map((object) => [objectKey(object), object]),
  )
  return {
    environmentChanges,
    removals: [...removed.values()].map(({ name, namespace }) => ({
      release: planned.release,
      name,
      namespace,
    })),
  }
}

/** Finds who else owns the apps a release is about to make, one entry per owner. */
export function foreignOwners(
  planned: PlannedRelease,
  namespace: string,
  workloads: readonly Workload[],
): ForeignOwner[] {
  const owners = new Map<string, ForeignOwner>()
  for (const instance of planned.instances) {
    const workload = at(workloads, instance)
    if (workload === undefined) continue
    const { release, managedBy } = workload
    if (release?.name === planned.release && release.namespace === namespace) continue
    const key = release === undefined ? (managedBy ?? '') : `${release.namespace}/${release.name}`
    const owner = owners.get(key) ?? {
      ...(release === undefined ? {} : { release }),
      ...(managedBy === undefined ? {} : { managedBy }),
      instances: [],
    }
    owner.instances.push(instance)
    owners.set(key, owner)
  }
  return [...owners.values()]
}

/** Refuses to take over what belongs to others; says how to go on. */
export function refuseForeign(planned: PlannedRelease, owners: readonly ForeignOwner[]): InvalidInputError {
  const each = owners.map((owner) => `${list(owner.instances.map(instanceName))} ${belongs(owner)}`)
  const other = owners.find(({ release }) => release !== undefined)?.release
  return new InvalidInputError(
    `Release ${planned.release} cannot take over what it did not make: ${each.join('; ')}. Nothing was changed.`,
    {
      code: 'OWNED_BY_ANOTHER',
      suggestions: [
        ...(other === undefined
          ? ['To take the objects over, run the same with --adopt.']
          : [
              `To take the objects over and remove the records of release ${other.name}, run the same with --adopt.`,
              `To go on with the one release as before: --release ${other.name} --namespace ${other.namespace}`,
            ]),
      ],
      data: { release: planned.release, owners },
    },
  )
}

/** Refuses changes nobody agreed to. */
export function refuseChanges(findings: GuardFindings): InvalidInputError {
  const flags = [
    ...(findings.environmentChanges.length > 0 ? ['--allow-environment-change'] : []),
    ...(findings.removals.length > 0 ? ['--allow-removal'] : []),
  ]
  return new InvalidInputError(`${describeChanges(findings).join(' ')} Nothing was changed.`, {
    code: findings.environmentChanges.length > 0 ? 'ENVIRONMENT_CHANGE' : 'REMOVAL',
    suggestions: [`If this is meant, run the same with ${flags.join(' ')}.`],
    data: { ...findings },
  })
}

/** What would change, a sentence per kind and release. */
export function describeChanges({ environmentChanges, removals }: GuardFindings): string[] {
  const byChange = groupBy(
    environmentChanges,
    ({ app, from, environment }) => `${app} ${from} ${environment}`,
  )
  const byRelease = groupBy(removals, ({ release }) => release)
  return [
    ...byChange.map(
      ([first, ...rest]) =>
        `${first.app} runs ${first.from} in ${list([first, ...rest].map(({ country }) => country))}; this would replace it by ${first.environment}.`,
    ),
    ...byRelease.map(
      (group) =>
        `${list(group.map(({ name }) => name))} of release ${group[0].release} would be deleted, since the values no longer name ${group.length === 1 ? 'it' : 'them'}.`,
    ),
  ]
}

function belongs({ release, managedBy, instances }: ForeignOwner): string {
  const verb = instances.length === 1 ? 'belongs' : 'belong'
  if (release !== undefined) return `${verb} to release ${release.name} in namespace ${release.namespace}`
  if (managedBy === 'manifests') return `${instances.length === 1 ? 'was' : 'were'} not made by helm`
  return `${verb} to ${managedBy ?? 'something else'}`
}

function at(workloads: readonly Workload[], { app, country }: Instance): Workload | undefined {
  return workloads.find((workload) => workload.app === app && workload.country === country)
}

function groupBy<Item>(items: readonly Item[], key: (item: Item) => string): [Item, ...Item[]][] {
  const groups = new Map<string, [Item, ...Item[]]>()
  for (const item of items) {
    const group = groups.get(key(item))
    if (group === undefined) groups.set(key(item), [item])
    else group.push(item)
  }
  return [...groups.values()]
}

/** A few names, and how many more. */
function list(names: readonly string[], shown = 10): string {
  const rest = names.length - shown
  return rest > 0 ? `${names.slice(0, shown).join(', ')} and ${String(rest)} more` : names.join(', ')
}
