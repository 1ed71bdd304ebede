import type { Cluster } from '../cluster/cluster.js'
import { listed } from '../cluster/access.js'
import type { ClusterNode } from '../cluster/nodes.js'
import { InvalidInputError, K8sflowError } from '../errors.js'
import type { Progress } from '../progress.js'
import type { App } from '../values/contract.js'
import { type PlannedImage, plannedImages } from './deploy-images.js'
import type { PlannedRelease } from './deploy-plan.js'
import { forEachLimited } from './limited.js'

/** Questions to registries that have been asked already, while a deployment looks at other things. */
export interface PlatformLookup {
  /**
   * Compares what registries say with the nodes (docs/decisions/0009).
   * @throws InvalidInputError for images that no node that could get their pods can run
   */
  compare(cluster: Cluster): Promise<PlatformFindings>
  /** Ends what has not been answered yet. */
  stop(): void
}

export interface PlatformFindings {
  /** Nodes that could get a pod and not run it, where others can. */
  warnings: string[]
  /** What was not checked, why, and what to do about it. */
  notes: string[]
}

/** What a registry says about an image, or why it says nothing. */
type Answers = ReadonlyMap<string, Answer>
type Answer = { platforms: readonly string[]; own?: boolean } | { problem: string }

interface Mismatch {
  image: string
  apps: App[]
  platforms: readonly string[]
  /** It is built in this very run. */
  own: boolean
  /** Those that could get its pods; none of them can run it. */
  nodes: ClusterNode[]
  /** Others that could run it. */
  fitting: ClusterNode[]
}

/** Platforms of images whose registry need not be asked: those that are built in this run. */
export type KnownPlatforms = ReadonlyMap<string, readonly string[]>

export interface LookupHelp {
  chart: string
  progress: Progress
  signal: AbortSignal
  known?: KnownPlatforms | undefined
}

const AT_ONCE = 8

/** Begins to ask registries for which platforms the images of a deployment are made. */
export function lookUpPlatforms(
  releases: readonly PlannedRelease[],
  { chart, progress, signal, known = new Map() }: LookupHelp,
): PlatformLookup {
  const controller = new AbortController()
  const stop = () => controller.abort()
  const ended = AbortSignal.any([signal, controller.signal])
  const looking = plannedImages(releases, chart).then(async (images) => ({
    images,
    answers: new Map([
      ...(await askRegistries(
        (images ?? []).filter(({ image }) => !known.has(image)),
        progress,
        ended,
      )),
      ...[...known].map(([image, platforms]): [string, Answer] => [image, { platforms, own: true }]),
    ]),
  }))
  // A deployment that ends before it compares has an error of its own.
  looking.catch(() => undefined)
  return {
    stop,
    async compare(cluster) {
      const nodes = await readNodes(cluster)
      if ('problem' in nodes) {
        stop()
        return notChecked(`Whether the nodes can run the images was not checked: ${nodes.problem}`)
      }
      const { images, answers } = await looking
      if (images === undefined)
        return notChecked(
          `Whether the nodes can run the images was not checked: the chart is packed, and only helm can read it. Name its folder, unpacked, ${OR_LEAVE_OUT}`,
        )
      return comparePlatforms(images, answers, nodes.nodes)
    },
  }
}

/**
 * Compares images with the nodes that could get their pods.
 * @throws InvalidInputError naming every image that none of them can run
 */
export async function comparePlatforms(
  images: readonly PlannedImage[],
  answers: Answers,
  nodes: readonly ClusterNode[],
): Promise<PlatformFindings> {
  const [{ couldRun }, { canRun }] = await Promise.all([
    import('../cluster/nodes.js'),
    import('../images/platform.js'),
  ])
  const mismatches: Mismatch[] = []
  const warnings: string[] = []
  const unknown = new Map<string, Set<string>>()
  for (const { image, apps, placement } of images) {
    const answer = answers.get(image) ?? { problem: `nobody was asked. Try again, ${OR_LEAVE_OUT}` }
    const candidates = nodes.filter((node) => couldRun(placement, node))
    const problem = 'problem' in answer ? answer.problem : candidates.length === 0 ? NO_NODE : undefined
    if (problem !== undefined) unknown.set(problem, (unknown.get(problem) ?? new Set()).add(image))
    if ('problem' in answer || candidates.length === 0) continue
    const { platforms, own = false } = answer
    const fits = ({ platform }: ClusterNode) => platforms.some((one) => canRun(platform, one))
    const unfit = candidates.filter((node) => !fits(node))
    const fitting = nodes.filter((node) => node.available && fits(node))
    if (unfit.length === candidates.length)
      mismatches.push({ image, apps, platforms, own, nodes: unfit, fitting })
    else if (unfit.length > 0) warnings.push(mixed(image, platforms, candidates.filter(fits), unfit))
  }
  if (mismatches.length > 0) throw refuseMismatches(mismatches)
  const notes = [...unknown].map(
    ([problem, names]) => `The platforms of ${[...names].join(' and ')} were not checked: ${problem}`,
  )
  return { warnings: [...new Set(warnings)], notes }
}

const OR_LEAVE_OUT = 'or leave this check out: --no-check-platforms'

const NO_NODE =
  'no node that is ready and takes pods fits their nodeSelector, affinity and tolerations. Compare those in the values with: kubectl describe nodes'

async function askRegistries(
  images: readonly PlannedImage[],
  progress: Progress,
  signal: AbortSignal,
): Promise<Map<string, Answer>> {
  const [{ readPlatforms }, { parseReference }, { findCredentials }, { createRunner }, { homedir }] =
    await Promise.all([
      import('../images/registry.js'),
      import('../images/reference.js'),
      import('../images/credentials.js'),
      import('../tools/runner.js'),
      import('node:os'),
    ])
  const runner = createRunner(progress)
  const credentials = async (registry: string, ended: AbortSignal) =>
    findCredentials(registry, { runner, home: homedir(), environment: process.env, signal: ended })
  const answers = new Map<string, Answer>()
  await forEachLimited([...new Set(images.map(({ image }) => image))], AT_ONCE, async (image) => {
    try {
      const found = await readPlatforms(parseReference(image), { credentials, signal })
      answers.set(image, { platforms: [...new Set(found.map(({ platform }) => platform))] })
    } catch (error) {
      if (!(error instanceof K8sflowError)) throw error
      answers.set(image, { problem: `${error.message} ${adviceOn(error)}` })
    }
  })
  return answers
}

function adviceOn({ code, suggestions: [first] }: K8sflowError): string {
  if (first !== undefined) return first
  switch (code) {
    case 'REGISTRY_NOT_FOUND':
      return 'Correct its name in the values, or push it: k8sflow build --push'
    case 'REGISTRY_RATE_LIMITED':
      return `Wait, log in (docker login), ${OR_LEAVE_OUT}`
    default:
      return `If the nodes can pull it, pods start all the same. Check the way to the registry from here, ${OR_LEAVE_OUT}`
  }
}

/** Whoever has rights in namespaces only may deploy all the same. */
async function readNodes(cluster: Cluster): Promise<{ nodes: ClusterNode[] } | { problem: string }> {
  const [{ clusterNodes }, { ApiStatusError }] = await Promise.all([
    import('../cluster/nodes.js'),
    import('../cluster/cluster.js'),
  ])
  try {
    const nodes = await clusterNodes(cluster)
    return nodes === undefined
      ? {
          problem: `user "${cluster.user}" may not list nodes. Ask the cluster's owner for that right, ${OR_LEAVE_OUT}`,
        }
      : { nodes }
  } catch (error) {
    if (!(error instanceof ApiStatusError)) throw error
    return { problem: `the nodes could not be listed (${error.message}). Try again, ${OR_LEAVE_OUT}` }
  }
}

function notChecked(note: string): PlatformFindings {
  return { warnings: [], notes: [note] }
}

function mixed(
  image: string,
  platforms: readonly string[],
  fit: readonly ClusterNode[],
  unfit: readonly ClusterNode[],
): string {
  const architecture = fit[0]?.platform.split('/')[1] ?? ''
  return `${image} is made for ${platforms.join(' and ')}; pods that come to ${byPlatform(unfit)} will not start. Build it for those, too, or set nodeSelector {kubernetes.io/arch: ${architecture}}.`
}

function refuseMismatches(mismatches: readonly Mismatch[]): InvalidInputError {
  const sentences = mismatches.map(
    ({ image, platforms, own, nodes }) =>
      `${image} is ${own ? 'to be built' : 'made'} for ${platforms.join(' and ')}, but ${nodes.length === 1 ? 'the only node' : 'the nodes'} that could run it ${nodes.length === 1 ? 'is' : 'are'} ${byPlatform(nodes)}.`,
  )
  return new InvalidInputError(`${[...new Set(sentences)].join(' ')} Nothing was changed.`, {
    code: 'IMAGE_PLATFORM_MISMATCH',
    suggestions: [
      buildCommand(mismatches),
      ...elsewhere(mismatches),
      'If they can run it all the same, as with an emulator: --no-check-platforms',
    ],
    data: {
      images: mismatches.map(({ image, platforms, nodes }) => ({
        image,
        platforms,
        nodes: nodes.map(({ name, platform }) => ({ name, platform })),
      })),
    },
  })
}

function buildCommand(mismatches: readonly Mismatch[]): string {
  const apps = new Set(mismatches.flatMap((mismatch) => mismatch.apps))
  const platforms = new Set(
    mismatches.flatMap((mismatch) => [
      ...mismatch.platforms,
      ...mismatch.nodes.map(({ platform }) => platform),
    ]),
  )
  const all = [...platforms].join(',')
  if (mismatches.every(({ own }) => own)) return `Build for the nodes, too: --platform ${all}`
  return `Build for the nodes, too: k8sflow build -p ${[...apps].join(',')} --platform ${all} --push`
}

function elsewhere(mismatches: readonly Mismatch[]): string[] {
  const fitting = [...new Set(mismatches.flatMap((mismatch) => mismatch.fitting))]
  if (fitting.length === 0) return []
  return [
    `Or let the pods go where the image fits, with nodeSelector and tolerations in the values: ${byPlatform(fitting)}`,
  ]
}

/** `pi1, pi2 (linux/arm64) and nuc (linux/amd64)`. */
function byPlatform(nodes: readonly ClusterNode[]): string {
  const platforms = [...new Set(nodes.map(({ platform }) => platform))]
  return platforms
    .map((platform) => {
      const names = nodes.filter((node) => node.platform === platform).map(({ name }) => name)
      return `${listed(names, 5)} (${platform})`
    })
    .join(' and ')
}
