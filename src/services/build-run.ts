import { join } from 'node:path'

import type { Progress } from '../progress.js'
import type { Docker } from '../tools/docker.js'
import type { Runner } from '../tools/runner.js'
import type { App } from '../values/contract.js'
import { bakeFile, type BakeFile, csvField } from './build-definition.js'
import type { Engine } from './build-engine.js'
import type { BuildOptions, CheckedBuild } from './build-options.js'
import type { Source } from './build-sources.js'

export interface BuildContext {
  progress: Progress
  signal?: AbortSignal | undefined
}

/** Everything the steps of one build share. */
export interface Run extends CheckedBuild {
  options: BuildOptions
  context: BuildContext
  runner: Runner
  docker: Docker
  engine: Engine
  sources: Source[]
  /** For archives and buildx's metadata; gone afterwards. */
  scratch: string
}

/** What `docker buildx bake` is given besides the definition; the same for a real and a dry run. */
export function bakeRequest(run: Pick<Run, 'options' | 'apps' | 'sources' | 'scratch' | 'output'>) {
  return {
    targets: run.apps,
    builder: run.options.builder,
    metadataFile: metadataFile(run),
    read: run.sources.map(({ context }) => context),
    write: [run.scratch],
  }
}

/** Where buildx writes the digests. */
export function metadataFile({ scratch }: Pick<Run, 'scratch'>): string {
  return join(scratch, 'metadata.json')
}

/** The bake file. */
export function definition(run: Run): BakeFile {
  const { options, platforms, buildArgs } = run
  return bakeFile(
    run.sources,
    {
      platforms,
      buildArgs,
      cacheFrom: options.cacheFrom ?? [],
      cacheTo: options.cacheTo ?? [],
      provenance: options.provenance,
      sbom: options.sbom,
      noCache: options.noCache,
    },
    (app) => exporter(run, app),
  )
}

/**
 * The exporter of an app. It sets every time in what the build adds, and that of the image, to one that is always the
 * same. BuildKit only moves times back (`rewrite-timestamp`), and takes layers from its cache with the times they have: with
 * the commit's time a file older than its commit, or a layer kept from an earlier one, would give another digest.
 * An engine refuses that for images it keeps itself (`exporter option "rewrite-timestamp" conflicts with "unpack"`,
 * engine 28): what it pushes it does not keep, and what it is to keep is loaded from an archive.
 */
function exporter({ output, engine: { route }, sources, scratch }: Run, app: App): string {
  const time = sources.find((source) => source.app === app)?.imageTime ?? 0
  const rewrite = `rewrite-timestamp=true,source-date-epoch=${String(time)}`
  const same = `oci-mediatypes=true,${rewrite}`
  if (output === 'oci') return `type=oci,${csvField(`dest=${join(scratch, app)}`)},tar=false,${same}`
  if (route === 'classic') return output === 'push' ? 'type=image,push=true' : 'type=docker'
  if (output === 'push') return `type=image,push=true,${route === 'containerd' ? 'store=false,' : ''}${same}`
  if (route === 'containerd') return `type=oci,${csvField(`dest=${archiveOf(scratch, app)}`)},${same}`
  return `type=docker,${rewrite}`
}

/** Whether images come as archives that the engine is to load. */
export function loadsArchives({ output, engine }: Pick<Run, 'output' | 'engine'>): boolean {
  return output === 'load' && engine.route === 'containerd'
}

/** Where an app's archive goes on its way to the engine. */
export function archiveOf(scratch: string, app: App): string {
  return join(scratch, `${app}.tar`)
}
