import type { Cluster } from '../cluster/cluster.js'
import { applyNamespaces, keepNamespaces } from '../cluster/namespaces.js'
import { rollbackArguments } from '../tools/helm-arguments.js'
import { type Adoption, removeRecordsCommand } from './adopt.js'
import { upgradeCommand } from './deploy-dry-run.js'
import { describeChanges } from './deploy-guard.js'
import type { DeployResult } from './deploy-result.js'
import { type ReleaseTask, rollbackRequest } from './deploy-release.js'
import type { NamespaceNeeds, PreparedRelease } from './deploy-prepare.js'

/** What a deployment would do, as commands in their order; nothing is changed. */
export async function preview(
  cluster: Cluster,
  prepared: readonly PreparedRelease[],
  context: { adoptions: readonly Adoption[]; namespaces: NamespaceNeeds; notes: readonly string[] },
): Promise<DeployResult> {
  const { adoptions, namespaces } = context
  const [kept, applied] = await Promise.all([
    keepNamespaces(cluster, namespaces.keep, { dryRun: true }),
    applyNamespaces(cluster, namespaces.apply, { dryRun: true }),
  ])
  const findings = prepared.flatMap(({ changes }) => describeChanges(changes))
  return {
    ...previewOf(prepared.map(({ task }) => task)),
    context: cluster.context,
    notes: [...context.notes, ...applied.warnings, ...findings],
    commands: [
      ...kept.commands,
      ...applied.commands,
      ...prepared.flatMap(({ task }) => commandsOf(task)),
      ...adoptions.map((adoption) => removeRecordsCommand(adoption)),
    ],
  }
}

/** The same without a cluster to compare with. */
export function offlinePreview(
  tasks: readonly ReleaseTask[],
  context: { unreachable: string; notes: readonly string[] },
): DeployResult {
  return {
    ...previewOf(tasks),
    context: '',
    notes: [
      ...context.notes,
      `Not compared with what runs, and namespaces not looked at, since the cluster was not reached: ${context.unreachable}`,
    ],
    commands: tasks.flatMap((task) => commandsOf(task)),
  }
}

function previewOf(tasks: readonly ReleaseTask[]): Omit<DeployResult, 'context' | 'notes'> {
  return {
    ok: true,
    dryRun: true,
    releases: tasks.map(({ planned, namespace, status }) => ({
      release: planned.release,
      namespace,
      apps: [...planned.apps],
      outcome: 'not-started',
      revision: status?.revision ?? null,
      status: status?.status ?? null,
      summary: `${planned.release} would be ${status === undefined ? 'installed' : `upgraded from revision ${String(status.revision)}`}.`,
    })),
    apps: [],
  }
}

function commandsOf(task: ReleaseTask): string[] {
  const { planned, helm, namespace, request, repair } = task
  const { release } = planned
  const first =
    repair.kind === 'rollback'
      ? [helm.commandLine(rollbackArguments(rollbackRequest(task, repair.revision)))]
      : repair.kind === 'forget'
        ? [`kubectl delete secret -n ${namespace} -l owner=helm,name=${release}`]
        : []
  return [...first, upgradeCommand(helm, request, planned.stdin)]
}
