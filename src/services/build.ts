import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { FailedError, InterruptedError, InvalidInputError } from '../errors.js'
import type { ImagePlatform } from '../images/manifest.js'
import { createDocker } from '../tools/docker.js'
import type { App } from '../values/contract.js'
import { type BuildOutput, findEngine, missingEmulators } from './build-engine.js'
import { buildFailure, loadFailure } from './build-failure.js'
import { type BuildOptions, checkBuild } from './build-options.js'
import {
  archiveOf,
  bakeRequest,
  type BuildContext,
  definition,
  loadsArchives,
  metadataFile,
  type Run,
} from './build-run.js'
import { readSources, type Source } from './build-sources.js'
import { forEachLimited } from './limited.js'

/** One app's image. */
export interface BuiltImage {
  app: App
  /** Without tag and digest: `hecha00/app1`. */
  image: string
  tag: string
  /** Image, tag and digest: `hecha00/app1:1.0.0@sha256:…`. */
  reference: string
  /** Of the index of all platforms: what to deploy. */
  digest: string
  platforms: ImagePlatform[]
  /** The newest commit that changed the app's folder, where git knows one. */
  revision: string | null
  /** Whether that folder held anything that is not committed. */
  dirty: boolean
  /** The folder its OCI image layout was written to. */
  ociLayout?: string
}

/** A values file in which an image was pinned. */
export interface WrittenPin {
  file: string
  app: App
  digest: string
}

export interface BuildResult {
  /** Name of the buildx builder. */
  builder: string
  output: BuildOutput
  /** In the order of the apps; empty with `--dry-run`. */
  images: BuiltImage[]
  written: WrittenPin[]
  /** With `--dry-run`: what would be run. */
  commands?: string[]
}

/**
 * Builds the images of apps, side by side, and pushes, loads or writes them.
 * @throws InvalidInputError, MissingProgramError, FailedError or InterruptedError; values files are changed only after
 *   every image was pushed
 */
export async function build(options: BuildOptions, context: BuildContext): Promise<BuildResult> {
  const prepared = await prepareBuild(options, context)
  return options.dryRun ? prepared.preview() : prepared.run()
}

/** A build of which everything is known and checked that can be without building. */
export interface PreparedBuild {
  /** What will be built, and for which platforms. */
  images: { app: App; image: string; tag: string }[]
  platforms: string[]
  run(): Promise<BuildResult>
  /** The commands only. */
  preview(): Promise<BuildResult>
}

/**
 * Looks at sources, docker and registry before anything takes time.
 * @throws InvalidInputError, MissingProgramError or FailedError
 */
export async function prepareBuild(options: BuildOptions, context: BuildContext): Promise<PreparedBuild> {
  const checked = await checkBuild(options)
  const { createRunner } = await import('../tools/runner.js')
  const runner = createRunner(context.progress)
  const docker = createDocker(runner)
  const needs = { builder: options.builder, platforms: checked.platforms, output: checked.output }
  const [engine, sources] = await Promise.all([
    // First, since buildx takes longer to start than git to answer.
    findEngine(docker, needs),
    readSources({ ...options, apps: checked.apps, tags: options.tags ?? [] }, runner),
  ]).catch((error: unknown) => {
    // At a terminal Ctrl-C reaches also what is only asked something.
    stopIfAsked(context)
    throw error
  })
  await lookAhead({ ...checked, options, context, engine, sources, runner })
  const shared = { ...checked, options, context, runner, docker, engine, sources }
  return {
    images: sources.map(({ app, image, tag }) => ({ app, image, tag })),
    platforms: checked.platforms,
    run: async () => {
      stopIfAsked(context)
      return inScratch(async (scratch) => runBuild({ ...shared, scratch }))
    },
    preview: async () => {
      const { plannedCommands } = await import('./build-dry-run.js')
      const run = { ...shared, scratch: join(tmpdir(), 'k8sflow-build') }
      return resultOf(run, [], [...plannedCommands(run), ...(await pinLines(run))])
    },
  }
}

async function inScratch<Result>(work: (scratch: string) => Promise<Result>): Promise<Result> {
  const scratch = await mkdtemp(join(tmpdir(), 'k8sflow-build-')).catch((cause: unknown) => {
    throw new FailedError(`No folder for the build can be made in ${tmpdir()}: ${(cause as Error).message}`, {
      code: 'NO_TEMPORARY_FOLDER',
      suggestions: ['Name a folder that can be written and has space: export TMPDIR=DIR'],
      cause,
    })
  })
  try {
    return await work(scratch)
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}

/** Says, before anything takes time, what would fail later or surprise. */
async function lookAhead(run: Omit<Run, 'docker' | 'scratch'>): Promise<void> {
  const { sources, engine, platforms, output, options, context, runner, warnings } = run
  const dirty = sources.filter(({ state }) => state?.dirty === true)
  if (dirty.length > 0 && output === 'push' && !options.allowDirty) throw dirtyTree(dirty)
  const warn = (text: string) => context.progress({ kind: 'step', state: 'warning', text })
  for (const text of warnings) warn(text)
  for (const text of await missingEmulators(engine.builder, platforms, sources)) warn(text)
  const cut = sources.filter(({ state }) => state?.shallow === true).map(({ folder }) => folder)
  if (cut.length > 0)
    warn(
      `this clone is shallow and does not hold the commit that changed ${cut.join(' and ')}: the digest will differ from that of a whole one (git fetch --unshallow)`,
    )
  if (output === 'push') {
    const { checkLogin } = await import('./build-login.js')
    for (const text of await checkLogin(
      sources.map(({ image }) => image),
      runner,
    ))
      warn(text)
  }
}

async function runBuild(run: Run): Promise<BuildResult> {
  const { prepareLayouts, finishLayouts } = await import('./build-layouts.js')
  if (run.output === 'oci') await prepareLayouts(run.options.ociDir ?? '', run.apps)
  if (run.output === 'push') loadRegistryClient()
  const digests = await bake(run)
  if (loadsArchives(run)) await load(run)
  if (run.output === 'oci') await finishLayouts(run.options.ociDir ?? '', run.apps, run.scratch)
  const images = await Promise.all(run.sources.map(async (source) => describe(run, source, digests)))
  const result = resultOf(run, images)
  if (run.write.length > 0) {
    const { pinImages } = await import('./image-pins.js')
    const pins = await pinImages(run.write, images)
    result.written = pins.map(({ path, app, digest }) => ({ file: path, app, digest }))
  }
  return result
}

/** While docker builds there is time to load what asks the registry afterwards; whether that works is seen then. */
function loadRegistryClient(): void {
  import('./build-registry.js').then(
    // Node loads fetch when it is first called, or when one of its classes is named.
    () => new Headers(),
    () => undefined,
  )
}

/** Runs the build and gives the digest of each app's image. */
async function bake(run: Run): Promise<Map<App, string>> {
  const { docker, engine, context, sources } = run
  const { buildProgress } = await import('../tools/build-progress.js')
  const progress = buildProgress(run.apps, context.progress)
  const completed = await docker.bake({
    ...bakeRequest(run),
    definition: JSON.stringify(definition(run)),
    onLine: (line) => progress.take(line),
    signal: context.signal,
  })
  if (context.signal?.aborted === true)
    throw interrupted(
      progress.pushed().length === 0
        ? 'Nothing was pushed, loaded or written.'
        : `Pushed before that: ${progress.pushed().join(', ')}. No values file was changed.`,
    )
  if (completed.exitCode !== 0) {
    for (const { app, name, output } of progress.failedSteps())
      if (output.length > 0)
        context.progress({ kind: 'lines', title: `Output of ${app ?? 'the build'}, ${name}:`, lines: output })
    throw buildFailure({
      said: progress.text(),
      steps: progress.failedSteps(),
      contexts: Object.fromEntries(sources.map(({ app, folder }) => [app, folder])),
      platforms: run.platforms,
    })
  }
  const metadata = JSON.parse(await readFile(metadataFile(run), 'utf8')) as Record<
    string,
    Record<string, unknown>
  >
  return new Map(
    run.apps.map((app) => {
      const digest = metadata[app]?.['containerimage.digest']
      if (typeof digest === 'string') return [app, digest]
      throw new FailedError(`buildx built ${app} with ${engine.builder.name}, but names no digest for it.`, {
        code: 'NO_DIGEST',
        suggestions: ['Update the buildx plugin: docker buildx version'],
      })
    }),
  )
}

/** Hands the archives to the engine. */
async function load({ docker, context, sources, scratch }: Run): Promise<void> {
  const problems: Error[] = []
  await forEachLimited(sources, sources.length, async ({ app, references: [reference = app] }) => {
    const loaded = await docker.load(archiveOf(scratch, app), context.signal)
    if (loaded.exitCode !== 0) problems.push(loadFailure(reference, loaded))
    else context.progress({ kind: 'step', state: 'done', subject: app, text: `loaded ${reference}` })
  })
  if (context.signal?.aborted === true) throw interrupted('Not all images were loaded.')
  const [problem] = problems
  if (problem !== undefined) throw problem
}

async function describe(run: Run, source: Source, digests: Map<App, string>): Promise<BuiltImage> {
  const { app, image, tag, state } = source
  const digest = digests.get(app) ?? ''
  return {
    app,
    image,
    tag,
    reference: `${image}:${tag}@${digest}`,
    digest,
    platforms: await platformsOf(run, source, digest),
    revision: state?.lastChange ?? null,
    dirty: state?.dirty ?? false,
    ...(run.output === 'oci' ? { ociLayout: join(run.options.ociDir ?? '', app) } : {}),
  }
}

/** From what was written where it still lies here, else from the registry; sizes are left out where neither tells. */
async function platformsOf(run: Run, { app, image }: Source, digest: string): Promise<ImagePlatform[]> {
  if (run.output === 'oci' || loadsArchives(run)) {
    const { archivePlatforms, layoutPlatforms } = await import('../images/oci-layout.js')
    return run.output === 'oci'
      ? layoutPlatforms(join(run.options.ociDir ?? '', app), digest)
      : archivePlatforms(archiveOf(run.scratch, app), digest)
  }
  const fallback = run.platforms.map((platform) => ({ platform }))
  if (run.output === 'load') return fallback
  const { pushedPlatforms } = await import('./build-registry.js')
  return (await pushedPlatforms(`${image}@${digest}`, run.runner)) ?? fallback
}

function resultOf(run: Run, images: BuiltImage[], commands?: string[]): BuildResult {
  return {
    builder: run.engine.builder.name,
    output: run.output,
    images,
    written: [],
    ...(commands === undefined ? {} : { commands }),
  }
}

/** What follows a build without being a command. */
async function pinLines({ write, sources }: Run): Promise<string[]> {
  if (write.length === 0) return []
  const { pinPreview } = await import('./pin-preview.js')
  return pinPreview(write, sources)
}

function stopIfAsked({ signal }: BuildContext): void {
  if (signal?.aborted === true) throw interrupted('Nothing was built.')
}

function interrupted(state: string): InterruptedError {
  return new InterruptedError(`The build was interrupted. ${state}`, {
    code: 'INTERRUPTED',
    suggestions: ['Run the same command again: finished steps are kept in the build cache.'],
  })
}

function dirtyTree(sources: readonly Source[]): InvalidInputError {
  const folders = sources.map(({ folder }) => folder)
  return new InvalidInputError(
    `${folders.join(' and ')} ${folders.length > 1 ? 'hold' : 'holds'} changes that are not committed, so no commit describes the image.`,
    {
      code: 'DIRTY_TREE',
      suggestions: [
        'Commit them first.',
        'Or push all the same, with a tag that ends in -dirty: --allow-dirty',
        `See what is changed: git status -- ${folders.join(' ')}`,
      ],
      data: { folders },
    },
  )
}
