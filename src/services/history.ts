import type { Progress } from '../progress.js'
import type { ReleaseRevision } from '../tools/helm-output.js'
import { isOurs, listReleases, notFound, placeNote } from './releases.js'
import { checkSelection, type RawSelection } from './selection.js'
import { type ClusterChoice, openSession } from './session.js'

export interface HistoryOptions extends ClusterChoice, RawSelection {}

export interface ReleaseHistory {
  release: string
  namespace: string
  /** Oldest first. */
  revisions: ReleaseRevision[]
}

export interface HistoryResult {
  context: string
  releases: ReleaseHistory[]
  notes: string[]
}

/**
 * All kept revisions of the chosen releases; of every release of the apps when none is chosen.
 * @throws FailedError when a chosen release is not there
 */
export async function history(
  options: HistoryOptions,
  progress: Progress,
  open: typeof openSession = openSession,
): Promise<HistoryResult> {
  const { apps } = await checkSelection(options)
  const session = await open(options, progress)
  const all = await listReleases(session)
  const names = options.release === undefined ? apps : [options.release]
  const chosen = all.filter((release) => names?.includes(release.name) ?? isOurs(release))
  const missing = (names ?? []).filter((name) => !chosen.some((release) => release.name === name))
  if (missing.length > 0) throw notFound(missing, session)
  const releases = await Promise.all(
    chosen.map(async ({ name, namespace }) => ({
      release: name,
      namespace,
      revisions: await session.helm.inNamespace(namespace).history(name),
    })),
  )
  return {
    context: session.cluster.context,
    releases,
    notes: chosen.flatMap((release) => placeNote(release, session)),
  }
}
