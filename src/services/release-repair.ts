import type { ReleaseRevision, ReleaseStatus } from '../tools/helm-output.js'

/** What is to be done about a release that an earlier run left unfinished. */
export type Repair =
  | { kind: 'none' }
  /** It may still be running: nothing must be touched. */
  | { kind: 'busy'; since: string; status: string }
  /** Back to the last revision that was deployed, so that helm accepts the release again. */
  | { kind: 'rollback'; revision: number; since: string; status: string }
  /** It never was deployed: its records go, its objects stay and are taken up again under the same name. */
  | { kind: 'forget'; since: string; status: string }

/** Beyond its timeout, helm still needs a moment to write down how it ended. */
const GRACE_MS = 60_000

/**
 * Decides about a release whose newest revision is pending: a killed helm leaves it so (facts, "Signals"), but so
 * does one that is just at work elsewhere. helm notes when it began; one that began longer ago than the timeout
 * has ended one way or the other.
 */
export function decideRepair(
  status: ReleaseStatus | undefined,
  history: readonly ReleaseRevision[],
  options: { now: number; timeoutMs: number; force: boolean },
): Repair {
  if (status === undefined || !isUnfinished(status)) return { kind: 'none' }
  const began = { since: status.lastDeployed, status: status.status }
  const age = options.now - Date.parse(status.lastDeployed)
  if (!options.force && !(age > options.timeoutMs + GRACE_MS)) return { kind: 'busy', ...began }
  // What was being uninstalled must not be brought back, nor may helm 3 delete the namespaces it lists.
  const good = status.status === 'uninstalling' ? undefined : lastGoodRevision(history)
  return good === undefined
    ? { kind: 'forget', ...began }
    : { kind: 'rollback', revision: good.revision, ...began }
}

/** The newest revision that was deployed and worked: the running one, else the last that was replaced by another. */
export function lastGoodRevision(
  history: readonly ReleaseRevision[],
  before = Number.POSITIVE_INFINITY,
): ReleaseRevision | undefined {
  const good = history.filter(
    ({ revision, status }) => revision < before && (status === 'deployed' || status === 'superseded'),
  )
  return good.findLast(({ status }) => status === 'deployed') ?? good.at(-1)
}

function isUnfinished({ status }: ReleaseStatus): boolean {
  return status.startsWith('pending-') || status === 'uninstalling'
}
