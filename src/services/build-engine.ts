import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { FailedError, InvalidInputError } from '../errors.js'
import { type Builder, chooseBuilder, type Docker, engineUnreachable } from '../tools/docker.js'

/** What becomes of the images: pushed to their registry, loaded into the local engine, or written as OCI layouts. */
export type BuildOutput = 'push' | 'load' | 'oci'

/**
 * How images leave the builder.
 * - `builder`: a builder of its own, which exports them itself.
 * - `containerd`: the engine is the builder and keeps several platforms.
 * - `classic`: the engine is the builder and keeps one platform, with neither digests nor timestamps that repeat.
 */
export type Route = 'builder' | 'containerd' | 'classic'

export interface Engine {
  builder: Builder
  route: Route
}

export interface EngineNeeds {
  builder: string | undefined
  platforms: readonly string[]
  output: BuildOutput
}

const KEEP_SEVERAL = [
  'Let the engine keep several platforms: add "features": {"containerd-snapshotter": true} to /etc/docker/daemon.json and restart it.',
  'Or use a builder of its own: docker buildx create --use --name k8sflow --driver docker-container',
]

/**
 * Finds the builder and how its images are to be had.
 * @throws MissingProgramError, FailedError or InvalidInputError saying what to change
 */
export async function findEngine(docker: Docker, needs: EngineNeeds): Promise<Engine> {
  const builder = chooseBuilder(await docker.builders(), needs.builder)
  if (builder.problem !== undefined) throw unusable(builder, builder.problem)
  const several = needs.platforms.length > 1
  if (builder.driver !== 'docker') {
    if (needs.output === 'load' && several && (await docker.imageStore()) === 'classic')
      throw classicStore(needs, 'The images cannot be loaded')
    return { builder, route: 'builder' }
  }
  const store = builder.imageStore ?? (await docker.imageStore())
  if (store === 'containerd') return { builder, route: 'containerd' }
  if (several || needs.output === 'oci') throw classicStore(needs, 'This cannot be built')
  return { builder, route: 'classic' }
}

/**
 * Platforms for which a Dockerfile runs programs that this builder cannot run. Copying files needs no emulator.
 * @returns one sentence per app and platform
 */
export async function missingEmulators(
  builder: Builder,
  platforms: readonly string[],
  sources: readonly { app: string; context: string }[],
): Promise<string[]> {
  const lacking = platforms.filter(
    (platform) => builder.platforms.length > 0 && !builder.platforms.some((known) => known === platform),
  )
  if (lacking.length === 0) return []
  const warnings: string[] = []
  for (const { app, context } of sources) {
    const text = await readFile(join(context, 'Dockerfile'), 'utf8').catch(() => '')
    if (!runsPrograms(text)) continue
    warnings.push(
      `${app}'s Dockerfile has RUN, and this builder has no emulator for ${lacking.join(', ')}: ${emulatorAdvice(lacking)}`,
    )
  }
  return warnings
}

/** How to get an emulator for platforms such as `linux/arm64`. */
export function emulatorAdvice(platforms: readonly string[]): string {
  const architectures = platforms.map((platform) => platform.split('/')[1] ?? platform)
  return `docker run --privileged --rm tonistiigi/binfmt --install ${[...new Set(architectures)].join(',')}`
}

/** Whether a stage that is not bound to the builder's own platform has a RUN. */
function runsPrograms(dockerfile: string): boolean {
  let native = false
  for (const line of dockerfile.split('\n')) {
    if (/^\s*FROM\s/i.test(line)) native = /--platform=\$\{?BUILDPLATFORM/i.test(line)
    else if (!native && /^\s*RUN\s/i.test(line)) return true
  }
  return false
}

function unusable(builder: Builder, problem: string): FailedError {
  if (/docker daemon|docker api/i.test(problem)) return engineUnreachable(problem)
  return new FailedError(`The builder ${builder.name} cannot be used: ${problem}`, {
    code: 'BUILDER_UNUSABLE',
    suggestions: [
      `See what is wrong with it: docker buildx inspect ${builder.name} --bootstrap`,
      'Or name another one with --builder: docker buildx ls',
    ],
    data: { builder: builder.name },
  })
}

function classicStore({ platforms, output }: EngineNeeds, start: string): InvalidInputError {
  const reason =
    output === 'oci'
      ? 'this Docker engine keeps images the classic way, and cannot write OCI layouts'
      : `this Docker engine keeps images the classic way, one platform each, and ${platforms.join(' and ')} are asked for`
  return new InvalidInputError(`${start}: ${reason}.`, {
    code: 'CLASSIC_IMAGE_STORE',
    suggestions: [
      ...KEEP_SEVERAL,
      ...(platforms.length > 1 && output !== 'oci'
        ? [`Or build for one platform: --platform ${platforms[0] ?? ''}`]
        : []),
    ],
    data: { platforms },
  })
}
