import { FailedError, InvalidInputError } from '../errors.js'
import type { Helm } from '../tools/helm.js'
import { HelmError } from '../tools/helm-errors.js'
import type { ReleaseSummary } from '../tools/helm-output.js'
import { APPS, RELEASE_NAMESPACE } from '../values/contract.js'
import { releaseContents, type ReleaseInstance } from './release-contents.js'
import type { Session } from './session.js'

/** Charts whose releases are ours whatever they are called: this one, and the first one, which was named `helm`. */
const CHARTS = /^(k8sflow|helm)-\d/

/** Releases of every state in the namespaces k8sflow looks in. */
export async function listReleases(session: Session): Promise<ReleaseSummary[]> {
  const lists = await Promise.all(
    session.searchedNamespaces.map(async (namespace) => listIn(session, namespace)),
  )
  return lists.flat()
}

async function listIn(session: Session, namespace: string): Promise<ReleaseSummary[]> {
  try {
    return await session.helm.inNamespace(namespace).list()
  } catch (error) {
    // Who may not look into the context's own namespace has no release of the old tool there.
    if (namespace !== session.releaseNamespace && error instanceof HelmError && error.kind === 'forbidden')
      return []
    throw error
  }
}

/** True for a release of one of the apps, by its name or its chart. */
export function isOurs(release: ReleaseSummary): boolean {
  return (APPS as readonly string[]).includes(release.name) || CHARTS.test(release.chart)
}

/** What the newest revision of a release, or an older one, consists of. */
export async function contentsOf(
  helm: Helm,
  release: { name: string; namespace: string },
  revision?: number,
): ReturnType<typeof releaseContents> {
  const options = revision === undefined ? {} : { revision }
  return releaseContents(await helm.inNamespace(release.namespace).getManifest(release.name, options))
}

/** Which releases a command is about. */
export interface ReleaseChoice {
  /** `--release`: one release by name. */
  release?: string | undefined
  /** `-p`: the release of each app. */
  apps?: readonly string[] | undefined
  /** Where there is just one release, it need not be named. */
  onlyOne?: boolean
}

export interface ChosenReleases {
  found: ReleaseSummary[]
  /** Names of those that are not there. */
  missing: string[]
  /** What the user should know about where they were found. */
  notes: string[]
}

/**
 * Finds the releases a changing command is about. Which ones must be said: nothing is changed by default.
 * @throws InvalidInputError when neither apps nor a release are named
 * @throws FailedError when an app runs in a release that holds more than that app
 */
export async function chooseReleases(session: Session, choice: ReleaseChoice): Promise<ChosenReleases> {
  const all = await listReleases(session)
  const ours = all.filter((release) => isOurs(release)).map(({ name }) => name)
  const named = choice.release === undefined ? choice.apps : [choice.release]
  const names = named ?? (choice.onlyOne && ours.length === 1 ? ours : undefined)
  if (names === undefined) throw unchosen(all)
  const found: ReleaseSummary[] = []
  const missing: string[] = []
  for (const name of names) {
    const release = all.find((candidate) => candidate.name === name)
    if (release) found.push(release)
    else if (choice.release === undefined) {
      const shared = await releaseThatHolds(session, all, name)
      if (shared) throw heldElsewhere(name, shared)
      missing.push(name)
    } else missing.push(name)
  }
  return { found, missing, notes: found.flatMap((release) => placeNote(release, session)) }
}

/** Where a release was found, when that is not where k8sflow keeps its own. */
export function placeNote(release: ReleaseSummary, session: Session): string[] {
  if (release.namespace === session.releaseNamespace) return []
  return [
    `Release ${release.name} was found in namespace ${release.namespace}, where plain helm and the old tool put theirs; k8sflow's own are in ${RELEASE_NAMESPACE}.`,
  ]
}

async function releaseThatHolds(
  session: Session,
  all: readonly ReleaseSummary[],
  app: string,
): Promise<{ release: ReleaseSummary; instances: ReleaseInstance[] } | undefined> {
  for (const release of all.filter((candidate) => isOurs(candidate))) {
    const { instances } = await contentsOf(session.helm, release)
    if (instances.some((instance) => instance.app === app)) return { release, instances }
  }
  return undefined
}

function heldElsewhere(
  app: string,
  { release, instances }: { release: ReleaseSummary; instances: ReleaseInstance[] },
): FailedError {
  const apps = [...new Set(instances.map((instance) => instance.app))]
  return new FailedError(
    `${app} has no release of its own: it is part of release ${release.name} in namespace ${release.namespace}, which holds ${apps.join(' and ')}.`,
    {
      code: 'RELEASE_SHARED',
      suggestions: [`Name that release: --release ${release.name} --namespace ${release.namespace}`],
      data: { app, release: release.name, namespace: release.namespace, apps },
    },
  )
}

function unchosen(all: readonly ReleaseSummary[]): InvalidInputError {
  const ours = all.filter((release) => isOurs(release))
  return new InvalidInputError(
    'Which release is meant? Name the app with -p, or the release with --release.',
    {
      code: 'RELEASE_NOT_CHOSEN',
      suggestions: [
        ours.length === 0
          ? 'There is none at the moment; see k8sflow status.'
          : `There ${ours.length === 1 ? 'is one' : 'are'}: ${ours.map(({ name, namespace }) => `${name} (namespace ${namespace})`).join(', ')}.`,
      ],
      data: { releases: ours.map(({ name, namespace }) => ({ name, namespace })) },
    },
  )
}

/** The error for releases that are not there. */
export function notFound(missing: readonly string[], session: Session): FailedError {
  const places = session.searchedNamespaces.join(' and ')
  return new FailedError(`There is no release ${missing.join(' and no release ')} in namespace ${places}.`, {
    code: 'RELEASE_NOT_FOUND',
    suggestions: [
      'See what runs with: k8sflow status',
      'If it is in another namespace, name that with --namespace.',
    ],
    data: { releases: [...missing], namespaces: session.searchedNamespaces },
  })
}
