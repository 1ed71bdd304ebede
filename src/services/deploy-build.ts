import type { Progress } from '../progress.js'
import { type App, APPS } from '../values/contract.js'
import { type BuildResult, prepareBuild, type PreparedBuild } from './build.js'
import type { ImageOptions } from './build-options.js'
import { type Plan, plannedInstances, type PlannedRelease } from './deploy-plan.js'
import type { DeployHelp } from './deploy-options.js'
import type { KnownPlatforms } from './deploy-platforms.js'
import type { DeployResult } from './deploy-result.js'
import { type Files, keptNowhere, pinFiles, surprises, withImages, withTags } from './deploy-pins.js'
import { checkPinTargets, pinImages } from './image-pins.js'

/** A deployment with its images, by which it is compared with what runs. */
export interface ImagePlan {
  /** Images by their digests; one that nobody knows yet is all zeros. */
  plan: Plan
  /** The same with images by their tags, as people know them. */
  tagged: readonly PlannedRelease[]
  /** For which platforms those are built. */
  platforms: KnownPlatforms
}

/** The build of a deployment's images, of which everything is known that can be without building. */
export interface ImageBuild extends ImagePlan {
  /**
   * Builds and pushes.
   * @throws K8sflowError when that fails or is interrupted
   */
  run(): Promise<BuiltPlan>
  /** Puts the commands of the build before those of the deployment. */
  preview(deployment: DeployResult): Promise<DeployResult>
}

/** A deployment of images that were pushed. */
export interface BuiltPlan extends ImagePlan {
  /** Pins them in the values files, so that later deployments run the same. */
  pin(): Promise<BuildResult>
  /** Does what comes between build and deployment; says what is left behind when that fails. */
  orSay<Result>(work: () => Promise<Result>): Promise<Result>
}

export interface ImageBuildHelp {
  chart: string
  progress: Progress
  signal: AbortSignal
  dryRun: boolean
}

/** An image of this deployment, built or not. */
interface AppImage {
  app: App
  image: string
  tag: string
  digest: string
  platforms: readonly string[]
}

const NO_DIGEST = `sha256:${'0'.repeat(64)}`

/**
 * Prepares the images of exactly the apps a plan deploys: that their digests can be written into the values files
 * afterwards, and that docker can build and push them (docs/decisions/0010).
 * @throws InvalidInputError, MissingProgramError or FailedError before anything was built
 */
export async function prepareImages(
  plan: Plan,
  options: ImageOptions,
  help: ImageBuildHelp,
): Promise<ImageBuild> {
  const { chart, progress, signal, dryRun } = help
  const apps = appsOf(plan)
  const files = pinFiles(plan.releases)
  const kept = apps.filter((app) => files[app] !== undefined)
  if (kept.length > 0) await checkPinTargets(paths(files), kept, { chart })
  const build = await prepareBuild(
    { ...options, project: apps, push: true, load: false, dryRun },
    { progress, signal },
  )
  const notes = keptNowhere(plan.releases, files)
  for (const text of notes) progress({ kind: 'step', state: 'note', text })
  for (const text of surprises(plan.releases, build.images))
    progress({ kind: 'step', state: 'warning', text })
  const whole = { releases: plan.releases, notes: [...plan.notes, ...notes] }
  const wanted = build.images.map((image) => ({ ...image, digest: NO_DIGEST, platforms: build.platforms }))
  return {
    ...imagePlan(whole, wanted),
    run: async () => {
      const result = await saying(
        async () => build.run(),
        progress,
        'nothing was deployed, and no values file was changed',
      )
      const images = result.images.map((image) => ({
        ...image,
        platforms: image.platforms.map(({ platform }) => platform),
      }))
      return {
        ...imagePlan(whole, images),
        pin: async () => pinned(result, files, help),
        orSay: async (work) => saying(work, progress, `${pushedText(result)}, but not deployed`),
      }
    },
    preview: async (deployment) => {
      const result = await build.preview()
      return {
        ...deployment,
        build: result,
        commands: [
          ...(result.commands ?? []),
          ...comments(build, files, plan.releases),
          ...(deployment.commands ?? []),
        ],
      }
    },
  }
}

function imagePlan({ releases, notes }: Plan, images: readonly AppImage[]): ImagePlan {
  const pins = (digestOf: (image: AppImage) => string) =>
    Object.fromEntries(
      images.map((image) => [
        image.app,
        { repository: image.image, tag: image.tag, digest: digestOf(image) },
      ]),
    )
  return {
    plan: {
      notes,
      releases: withImages(
        releases,
        pins(({ digest }) => digest),
      ),
    },
    tagged: withTags(
      releases,
      pins(() => ''),
    ),
    platforms: new Map(images.map(({ image, tag, platforms }) => [`${image}:${tag}`, platforms])),
  }
}

/** Says where a failure leaves things. */
async function saying<Result>(
  work: () => Promise<Result>,
  progress: Progress,
  text: string,
): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    progress({ kind: 'step', state: 'note', text })
    throw error
  }
}

async function pinned(
  result: BuildResult,
  files: Files,
  { chart, progress }: ImageBuildHelp,
): Promise<BuildResult> {
  const images = result.images.filter(({ app }) => files[app] !== undefined)
  if (images.length === 0) return result
  const pins = await pinImages(paths(files), images, { chart })
  for (const { path, app } of pins)
    progress({ kind: 'step', state: 'done', subject: app, text: `pinned in ${path}` })
  return { ...result, written: pins.map(({ path, app, digest }) => ({ file: path, app, digest })) }
}

function pushedText({ images }: BuildResult): string {
  return `pushed ${images.map(({ reference }) => reference).join(', ')}`
}

/** Values files say what is wanted: a deployment that fails does not change them back. */
export function stillPinned({ written }: BuildResult): string[] {
  const files = [...new Set(written.map(({ file }) => file))]
  if (files.length === 0) return []
  return [`${files.join(' and ')} ${files.length === 1 ? 'names' : 'name'} the new image all the same.`]
}

/** What is compared twice says and asks the same things twice: they reach people once. */
export function onlyOnce(help: DeployHelp): DeployHelp {
  const { progress, confirm } = help
  const said = new Set<string>()
  const agreed = new Set<string>()
  return {
    ...help,
    progress: (event) => {
      const repeated = event.kind === 'step' && (event.state === 'note' || event.state === 'warning')
      const text = JSON.stringify(event)
      if (!repeated || !said.has(text)) progress(event)
      said.add(text)
    },
    confirm:
      confirm &&
      (async (question) => {
        if (!agreed.has(question) && (await confirm(question))) agreed.add(question)
        return agreed.has(question)
      }),
  }
}

/** In the words of a shell's comments: what happens between the build and helm. */
function comments({ images }: PreparedBuild, files: Files, releases: readonly PlannedRelease[]): string[] {
  const pins = images.flatMap(({ app, image, tag }) =>
    files[app] === undefined
      ? []
      : [`# ${files[app]}: ${app} is pinned to ${image}:${tag} and the digest of this build`],
  )
  return releases.some(({ stdin }) => stdin !== undefined)
    ? [...pins, `# ${NO_DIGEST} stands for the digest of this build`]
    : pins
}

function paths(files: Files): string[] {
  return [...new Set(Object.values(files))]
}

function appsOf({ releases }: Plan): App[] {
  const deployed = new Set(plannedInstances(releases).map(({ app }) => app))
  return APPS.filter((app) => deployed.has(app))
}
