import { InvalidInputError } from '../errors.js'
import { type App, APPS } from '../values/contract.js'
import type { BuildOutput } from './build-engine.js'
import { checkSelection } from './selection.js'

/** How images are built and named, as the flags say. */
export interface ImageOptions {
  /** The folder that holds one folder per app. */
  source: string
  platforms: readonly string[]
  imagePrefix: string
  tags?: readonly string[] | undefined
  /** `NAME=VALUE` for `ARG NAME` of the Dockerfiles. */
  buildArgs?: readonly string[] | undefined
  builder?: string | undefined
  cacheFrom?: readonly string[] | undefined
  cacheTo?: readonly string[] | undefined
  provenance: boolean
  sbom: boolean
  noCache: boolean
  /** Pushes also what is not committed. */
  allowDirty: boolean
}

/** What to build and what to do with it. */
export interface BuildOptions extends ImageOptions {
  /** Apps as typed; left out means both. */
  project?: readonly string[] | undefined
  push: boolean
  load: boolean
  /** Writes an OCI image layout per app into this folder instead. */
  ociDir?: string | undefined
  /** Values files in which to pin what was pushed. */
  write?: readonly string[] | undefined
  dryRun: boolean
}

/** What the flags that `build` and `deploy --build` share hold. */
export interface ImageFlags {
  source: string
  platform: string[]
  'image-prefix': string
  tag?: string[] | undefined
  'build-arg'?: string[] | undefined
  builder?: string | undefined
  'cache-from'?: string[] | undefined
  'cache-to'?: string[] | undefined
  provenance: boolean
  sbom: boolean
  'ignore-cache': boolean
  'allow-dirty': boolean
}

/** What the flags of `build` hold. */
export interface BuildFlags extends ImageFlags {
  project?: string[] | undefined
  push: boolean
  load: boolean
  'oci-dir'?: string | undefined
  write?: string[] | undefined
  'dry-run': boolean
}

/**
 * What is to become of the images: of `--push`, `--load` and `--oci-dir` those typed at the prompt decide against those
 * of variables and the project file, which may say there what to write whenever something is pushed.
 * @param typed names of the flags at the prompt
 */
export function settleOutput(flags: BuildFlags, typed: readonly string[]): BuildFlags {
  const isDecided = ['push', 'load', 'oci-dir'].some((name) => typed.includes(name))
  const counts = (name: string) => !isDecided || typed.includes(name)
  const push = flags.push && counts('push')
  return {
    ...flags,
    push,
    load: flags.load && counts('load'),
    'oci-dir': counts('oci-dir') ? flags['oci-dir'] : undefined,
    write: push || typed.includes('write') ? flags.write : undefined,
  }
}

export function buildOptions(flags: BuildFlags): BuildOptions {
  return { ...flags, ...imageOptions(flags), ociDir: flags['oci-dir'], dryRun: flags['dry-run'] }
}

export function imageOptions(flags: ImageFlags): ImageOptions {
  return {
    source: flags.source,
    platforms: flags.platform,
    imagePrefix: flags['image-prefix'],
    tags: flags.tag,
    buildArgs: flags['build-arg'],
    builder: flags.builder,
    cacheFrom: flags['cache-from'],
    cacheTo: flags['cache-to'],
    provenance: flags.provenance,
    sbom: flags.sbom,
    noCache: flags['ignore-cache'],
    allowDirty: flags['allow-dirty'],
  }
}

/** The same, checked and complete. */
export interface CheckedBuild {
  apps: App[]
  platforms: string[]
  output: BuildOutput
  buildArgs: Record<string, string>
  write: readonly string[]
  /** What may surprise once it is built. */
  warnings: string[]
}

/**
 * Checks everything that can be checked without docker.
 * @throws InvalidInputError
 */
export async function checkBuild(options: BuildOptions): Promise<CheckedBuild> {
  const { apps = [...APPS] } = await checkSelection({ project: options.project })
  const output = outputOf(options)
  const write = options.write ?? []
  if (write.length > 0 && output !== 'push')
    throw new InvalidInputError('--write needs --push: a cluster can only pull what a registry holds.', {
      code: 'WRITE_WITHOUT_PUSH',
      suggestions: ['Add --push.'],
    })
  const warnings =
    write.length > 0 ? await (await import('./image-pins.js')).checkPinTargets(write, apps) : []
  return {
    apps,
    platforms: checkPlatforms(options.platforms),
    output,
    buildArgs: Object.fromEntries((options.buildArgs ?? []).map((text) => buildArg(text))),
    write,
    warnings,
  }
}

function outputOf({ push, load, ociDir }: BuildOptions): BuildOutput {
  const asked = [
    ...(push ? ['--push'] : []),
    ...(load ? ['--load'] : []),
    ...(ociDir === undefined ? [] : ['--oci-dir']),
  ]
  if (asked.length > 1)
    throw new InvalidInputError(`${asked.join(' and ')} cannot be had in one build.`, {
      code: 'CONFLICTING_OUTPUTS',
      suggestions: [
        'Choose one, and run it again for the other: finished steps are kept in the build cache.',
      ],
    })
  return push ? 'push' : ociDir === undefined ? 'load' : 'oci'
}

function checkPlatforms(platforms: readonly string[]): string[] {
  const tidy = platforms.map((text) => text.trim().toLowerCase())
  const wrong = tidy.filter((text) => !/^[a-z0-9]+\/[a-z0-9_]+(\/[a-z0-9]+)?$/.test(text))
  if (wrong.length > 0 || tidy.length === 0)
    throw new InvalidInputError(
      `${wrong.map((text) => JSON.stringify(text)).join(' and ')} ${wrong.length > 1 ? 'are no platforms' : 'is no platform'}.`,
      {
        code: 'INVALID_PLATFORM',
        suggestions: ['Write operating system and architecture: --platform linux/amd64,linux/arm64'],
        data: { platforms: wrong },
      },
    )
  return [...new Set(tidy)]
}

function buildArg(text: string): [name: string, value: string] {
  const equals = text.indexOf('=')
  if (equals > 0) return [text.slice(0, equals), text.slice(equals + 1)]
  // Not the text itself: it could be a secret whose name was forgotten.
  throw new InvalidInputError('--build-arg is to be NAME=VALUE.', {
    code: 'INVALID_BUILD_ARG',
    suggestions: ['For example: --build-arg NGINX_IMAGE=nginx:1-alpine-slim'],
  })
}
