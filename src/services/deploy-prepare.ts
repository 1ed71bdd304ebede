import type { Workload } from '../cluster/workloads.js'
import { InvalidInputError, K8sflowError } from '../errors.js'
import { EXIT_CODES } from '../exit-codes.js'
import type { Helm } from '../tools/helm.js'
import { overConflicts } from '../tools/helm-arguments.js'
import { countryNamespace } from '../values/contract.js'
import type { Adoption } from './adopt.js'
import {
  describeChanges,
  findChanges,
  foreignOwners,
  type ForeignOwner,
  type GuardFindings,
  refuseChanges,
  refuseForeign,
} from './deploy-guard.js'
import { type PlannedRelease, plannedInstances } from './deploy-plan.js'
import type { ReleaseTask } from './deploy-release.js'
import type { LiveRelease } from './live-release.js'
import { decideRepair } from './release-repair.js'

/** `install` refuses an existing release, `upgrade` a missing one. */
export type DeployMode = 'deploy' | 'install' | 'upgrade'

export interface PrepareOptions {
  mode: DeployMode
  chart: string
  /** As helm takes it: `5m`. */
  timeout: string
  timeoutMs: number
  wait: boolean
  adopt: boolean
  /** Repair a pending release even though it may still be running. */
  repair: boolean
}

/** A release to deploy, with what was found out about it. */
export interface PreparedRelease {
  task: ReleaseTask
  live: LiveRelease
  /** Others that own what it is about to make; empty unless they are to be taken over. */
  owners: ForeignOwner[]
  changes: GuardFindings
}

/** Namespaces a deployment must see to before helm runs. */
export interface NamespaceNeeds {
  /** To be there. */
  apply: string[]
  /** Never to be deleted by helm, should a release own them. */
  keep: string[]
}

/** The one setting k8sflow adds: it makes the namespaces itself, since no release may own them (docs/decisions/0019). */
export const OWN_SETTINGS = ['namespaces.create=false']

/**
 * What is to be done for a release, as far as that can be told without the cluster. With `tracked`, Argo CD has applied
 * its objects, and helm is to take them over all the same.
 */
export function releaseTask(
  planned: PlannedRelease,
  live: LiveRelease,
  helm: Helm,
  options: PrepareOptions & { tracked?: boolean },
): ReleaseTask {
  const modes = { install: 'install', upgrade: 'upgrade', deploy: 'upgrade-install' } as const
  return {
    planned,
    helm: helm.inNamespace(live.namespace),
    namespace: live.namespace,
    status: live.status,
    repair: decideRepair(live.status, live.history, {
      now: Date.now(),
      timeoutMs: options.timeoutMs,
      force: options.repair,
    }),
    request: {
      release: planned.release,
      chart: options.chart,
      mode: modes[options.mode],
      files: planned.files,
      set: OWN_SETTINGS,
      createNamespace: true,
      wait: options.wait,
      timeout: options.timeout,
      ...(options.adopt ? { takeOwnership: true } : {}),
      ...(options.tracked === true ? overConflicts(helm.version) : {}),
    },
  }
}

/**
 * Compares a release with what runs.
 * @throws InvalidInputError when the mode does not fit, or what it would make belongs to others
 * @throws K8sflowError (exit 6) when another operation on it is in progress
 */
export function prepareRelease(
  task: ReleaseTask,
  live: LiveRelease,
  workloads: readonly Workload[],
  options: PrepareOptions,
): PreparedRelease {
  const { planned } = task
  refuseMode(planned.release, live, options.mode)
  if (task.repair.kind === 'busy') throw busy(planned.release, task.repair, options)
  const owners = foreignOwners(planned, live.namespace, workloads)
  if (owners.length > 0 && !options.adopt) throw refuseForeign(planned, owners)
  return { task, live, owners, changes: findChanges(planned, live, workloads) }
}

/** Which namespaces are to be made, and which ones a release may own already. */
export function namespaceNeeds(
  prepared: readonly PreparedRelease[],
  adoptions: readonly Adoption[],
): NamespaceNeeds {
  const planned = plannedInstances(prepared.map(({ task }) => task.planned))
  const apply = [...new Set(planned.map(({ country }) => countryNamespace(country)))]
  const owned = prepared.flatMap(({ live }) =>
    live.objects.filter(({ kind }) => kind === 'Namespace').map(({ name }) => name),
  )
  const taken = adoptions.flatMap(({ namespaces }) => namespaces)
  return { apply, keep: [...new Set([...apply, ...owned, ...taken])] }
}

/**
 * Gets a yes for every environment change and removal: by flag, else from a person.
 * @throws InvalidInputError when there is none
 */
export async function agreeToChanges(
  prepared: readonly PreparedRelease[],
  allowed: { environmentChange: boolean; removal: boolean },
  confirm: ((question: string) => Promise<boolean>) | undefined,
): Promise<void> {
  const open: GuardFindings = {
    environmentChanges: allowed.environmentChange
      ? []
      : prepared.flatMap(({ changes }) => changes.environmentChanges),
    removals: allowed.removal ? [] : prepared.flatMap(({ changes }) => changes.removals),
  }
  const sentences = describeChanges(open)
  if (sentences.length === 0) return
  const agreed = await confirm?.(`${sentences.join(' ')} Go on?`)
  if (agreed !== true) throw refuseChanges(open)
}

function refuseMode(release: string, { status, namespace }: LiveRelease, mode: DeployMode): void {
  if (mode === 'install' && status !== undefined && status.status !== 'uninstalled')
    throw new InvalidInputError(
      `Release ${release} exists already in namespace ${namespace}: revision ${String(status.revision)}, ${status.status}.`,
      {
        code: 'RELEASE_EXISTS',
        suggestions: ['Use k8sflow upgrade, or k8sflow deploy, which does whichever is needed.'],
        data: { release, namespace, revision: status.revision, status: status.status },
      },
    )
  if (mode === 'upgrade' && (status === undefined || status.status === 'uninstalled'))
    throw new InvalidInputError(`There is no release ${release} to upgrade in namespace ${namespace}.`, {
      code: 'RELEASE_MISSING',
      suggestions: ['Use k8sflow install, or k8sflow deploy, which does whichever is needed.'],
      data: { release, namespace },
    })
}

function busy(
  release: string,
  { status, since }: { status: string; since: string },
  { timeout }: PrepareOptions,
): K8sflowError {
  return new K8sflowError(
    `Another operation on release ${release} is in progress: it is ${status} since ${since}. Nothing was changed.`,
    EXIT_CODES.deployFailed,
    {
      code: 'RELEASE_BUSY',
      suggestions: [
        'Wait until it has ended, and run the same again.',
        `If you know that it was killed, repair it now with --repair; k8sflow does so by itself once it is older than the timeout (${timeout}).`,
      ],
      data: { release, status, since },
    },
  )
}
