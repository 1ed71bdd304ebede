import { InvalidInputError } from '../errors.js'
import type { ReleaseRevision, ReleaseSummary } from '../tools/helm-output.js'
import { countryNamespace } from '../values/contract.js'
import type { ReleaseContents, ReleaseInstance } from './release-contents.js'
import { lastGoodRevision } from './release-repair.js'

/** What a rollback does to one app in one country. */
export interface InstanceChange {
  app: string
  country: string
  /** `comes back` and `goes` are about apps that only one of the revisions has. */
  change: 'changes' | 'comes back' | 'goes' | 'stays'
  environment: { from: string | null; to: string | null }
  image: { from: string | null; to: string | null }
}

/** What a rollback of one release is about to do. */
export interface RollbackPlan {
  release: string
  namespace: string
  from: number
  /** State of the newest revision. */
  status: string
  to: number
  /** State of the revision gone back to: `superseded` unless it never worked. */
  targetStatus: string
  changes: InstanceChange[]
  /** What will run. */
  instances: ReleaseInstance[]
  /** Namespaces that must exist before helm runs, since the revision does not bring them. */
  needed: string[]
  /** Namespaces of either revision, which must outlive both. */
  keep: string[]
}

/**
 * Decides which revision to go back to: the one asked for, else the last good one before the newest.
 * @throws InvalidInputError when there is no such revision, or when it is what runs already
 */
export function targetRevision(
  release: ReleaseSummary,
  history: readonly ReleaseRevision[],
  wanted: number | undefined,
): ReleaseRevision {
  const current = history.at(-1)
  const kept = history.map(({ revision }) => String(revision)).join(', ')
  if (wanted === undefined) {
    const previous = lastGoodRevision(history, current?.revision ?? release.revision)
    if (previous) return previous
    throw new InvalidInputError(
      `Release ${release.name} has no earlier good revision to go back to: it has only ${kept || 'none'}.`,
      {
        code: 'NO_EARLIER_REVISION',
        suggestions: [
          'Deploy corrected values instead, or take the release away with: k8sflow uninstall',
          `See its revisions with: k8sflow history --release ${release.name}`,
        ],
        data: { release: release.name, revisions: history.map(({ revision }) => revision) },
      },
    )
  }
  const target = history.find(({ revision }) => revision === wanted)
  if (!target)
    throw new InvalidInputError(
      `Release ${release.name} has no revision ${String(wanted)}: helm keeps ${kept}.`,
      {
        code: 'NO_SUCH_REVISION',
        suggestions: [`See what they are with: k8sflow history --release ${release.name}`],
        data: { release: release.name, revisions: history.map(({ revision }) => revision) },
      },
    )
  if (target.revision === current?.revision && target.status === 'deployed')
    throw new InvalidInputError(`Revision ${String(wanted)} of release ${release.name} is what runs now.`, {
      code: 'ALREADY_THERE',
      suggestions: ['Leave the number out to go back to the revision before.'],
      data: { release: release.name },
    })
  return target
}

/** Compares the newest revision with the one to go back to. */
export function planRollback(
  release: ReleaseSummary,
  target: ReleaseRevision,
  contents: { current: ReleaseContents; target: ReleaseContents },
): RollbackPlan {
  const brought = namespacesIn(contents.target)
  const inUse = [...contents.current.instances, ...contents.target.instances].map(
    ({ namespace }) => namespace,
  )
  return {
    release: release.name,
    namespace: release.namespace,
    from: release.revision,
    status: release.status,
    to: target.revision,
    targetStatus: target.status,
    changes: instanceChanges(contents.current.instances, contents.target.instances),
    instances: contents.target.instances,
    needed: [...new Set(contents.target.instances.map(({ country }) => countryNamespace(country)))].filter(
      (name) => !brought.includes(name),
    ),
    keep: [...new Set([...inUse, ...namespacesIn(contents.current), ...brought])],
  }
}

function namespacesIn({ objects }: ReleaseContents): string[] {
  return objects.filter(({ kind }) => kind === 'Namespace').map(({ name }) => name)
}

function instanceChanges(from: readonly ReleaseInstance[], to: readonly ReleaseInstance[]): InstanceChange[] {
  const key = ({ app, country }: ReleaseInstance) => `${app}/${country}`
  const before = new Map(from.map((instance) => [key(instance), instance]))
  const after = new Map(to.map((instance) => [key(instance), instance]))
  return [...new Set([...before.keys(), ...after.keys()])].sort().map((name) => {
    const [app = '', country = ''] = name.split('/')
    const [old, next] = [before.get(name), after.get(name)]
    const environment = { from: old?.environment ?? null, to: next?.environment ?? null }
    const image = { from: old?.image ?? null, to: next?.image ?? null }
    const same = environment.from === environment.to && image.from === image.to
    const change = old === undefined ? 'comes back' : next === undefined ? 'goes' : same ? 'stays' : 'changes'
    return { app, country, change, environment, image }
  })
}

/** What a plan does, as lines for people. */
export function describeRollback(plan: RollbackPlan): string[] {
  const lines = plan.changes.flatMap((change) => describeChange(change))
  const still = plan.changes.filter(({ change }) => change === 'stays').length
  if (still > 0 && lines.length > 0) lines.push(`${String(still)} more keep their image and environment`)
  if (lines.length === 0)
    lines.push('images, environments and countries stay as they are; other settings may change')
  if (plan.status.startsWith('pending-'))
    lines.push(`the release is ${plan.status}: if another run is still at work on it, wait for that instead`)
  if (plan.targetStatus === 'failed') lines.push(`revision ${String(plan.to)} failed when it was deployed`)
  return lines
}

function describeChange({ app, country, change, environment, image }: InstanceChange): string[] {
  const name = `${app}/${country}`
  if (change === 'stays') return []
  if (change === 'goes') return [`${name} goes; its namespace stays`]
  if (change === 'comes back')
    return [`${name} comes back: ${environment.to ?? ''} ${image.to ?? ''}`.trimEnd()]
  const parts = [
    ...(environment.from === environment.to ? [] : [`${environment.from ?? '?'} → ${environment.to ?? '?'}`]),
    ...(image.from === image.to ? [] : [`${image.from ?? '?'} → ${image.to ?? '?'}`]),
  ]
  return [`${name} ${parts.join(', ')}`]
}
