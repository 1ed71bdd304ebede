import type { Application } from '../cluster/argocd.js'
import type { Cluster } from '../cluster/cluster.js'
import type { Workload } from '../cluster/workloads.js'
import { InvalidInputError } from '../errors.js'
import { instanceName } from './deploy-plan.js'

type Tracked = Pick<Workload, 'app' | 'country' | 'application'>

/** What is about to be done to apps, and what else would be better. */
export interface IntendedChange {
  /** As in "it would undo this deployment". */
  what: string
  /** What to do instead, before the other ways: a sentence, or one that ends in a command. */
  instead: string
  /** `--allow-argocd` was given. */
  allowed: boolean
  /** Nothing is changed: it is only said what would be refused. */
  dryRun: boolean
}

/**
 * Refuses to change apps that Argo CD keeps as git has them: it would put them back within minutes. Costs no request
 * where no app says that it belongs to an Application.
 * @returns sentences for the user, where the change may go on although an Application has to do with it
 * @throws InvalidInputError naming the Application and what to do
 */
export async function refuseArgocd(
  cluster: Cluster,
  workloads: readonly Tracked[],
  intended: IntendedChange,
): Promise<string[]> {
  const groups = new Map<string, Tracked[]>()
  for (const workload of workloads)
    if (workload.application !== undefined)
      groups.set(workload.application, [...(groups.get(workload.application) ?? []), workload])
  if (groups.size === 0) return []
  const { applicationsNamed } = await import('../cluster/argocd.js')
  const found = await Promise.all(
    [...groups].map(async ([name, apps]) => ({
      name,
      apps,
      applications: await applicationsNamed(cluster, name),
    })),
  )
  const fighting = found.filter(({ applications }) => mayFight(applications))
  const refused = fighting.length > 0 && !intended.allowed
  if (refused && !intended.dryRun) throw managed(fighting, intended)
  return [
    ...found.map(({ name, apps, applications }) => sentence(name, apps, applications)),
    ...(refused ? ['Without --allow-argocd this is refused once it is no dry run.'] : []),
  ]
}

interface Found {
  name: string
  apps: readonly Tracked[]
  applications: readonly Application[] | 'forbidden'
}

/** An Application that cannot be read is taken for one that fights. */
function mayFight(applications: Found['applications']): boolean {
  return applications === 'forbidden' || applications.some(({ automated }) => automated)
}

function sentence(name: string, apps: readonly Tracked[], applications: Found['applications']): string {
  if (mayFight(applications)) return `Argo CD's Application ${name} manages ${names(apps)} and may undo this.`
  if (applications.length === 0)
    return `${names(apps)} still ${apps.length === 1 ? 'says' : 'say'} to belong to Argo CD's Application ${name}, which does not exist any more.`
  return `Argo CD's Application ${name} manages ${names(apps)}; its next synchronisation, which is not automatic, undoes this.`
}

function managed(found: readonly Found[], { what, instead }: IntendedChange): InvalidInputError {
  const each = found.map(
    (one) =>
      `${names(one.apps)} ${one.apps.length === 1 ? 'is' : 'are'} managed by Argo CD's Application ${one.name}${source(one)}`,
  )
  return new InvalidInputError(`${each.join('; ')}: it would undo ${what}. Nothing was changed.`, {
    code: 'MANAGED_BY_ARGOCD',
    suggestions: [
      instead,
      `Or suspend the automatic synchronisation: ${found.map((one) => suspension(one)).join(' && ')}`,
      'Or go on all the same, with --allow-argocd.',
    ],
    data: {
      applications: found.map(({ name: application, apps }) => ({
        application,
        apps: apps.map(instanceName),
      })),
    },
  })
}

/** The one that would undo the change; unknown where it may not be read. */
function fighter({ applications }: Found): Application | undefined {
  return applications === 'forbidden' ? undefined : applications.find(({ automated }) => automated)
}

function source(found: Found): string {
  const { repo = '', revision = '' } = fighter(found) ?? {}
  return repo === '' ? '' : `, which follows ${revision} of ${repo}`
}

function suspension(found: Found): string {
  const { namespace } = fighter(found) ?? { namespace: 'argocd' }
  const patch = JSON.stringify({ spec: { syncPolicy: { automated: null } } })
  return `kubectl -n ${namespace} patch application ${found.name} --type merge -p '${patch}'`
}

function names(apps: readonly Tracked[], shown = 6): string {
  const all = apps.map(instanceName)
  const rest = all.length - shown
  return rest > 0 ? `${all.slice(0, shown).join(', ')} and ${String(rest)} more` : all.join(', ')
}
