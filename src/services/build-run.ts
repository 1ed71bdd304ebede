import { join } from 'node:path'

import type { Progress } from '../progress.js'
import type { Docker } from '../tools/docker.js'
import type { App } from '../values/contract.js'
import { bakeFile, type BakeFile } from './build-definition.js'
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

/** Timestamps are rewritten to SOURCE_DATE_EPOCH wherever the exporter can, or two builds of a commit would differ. */
function exporter({ output, engine, scratch }: Run, app: App): string {
  const same = 'oci-mediatypes=true,rewrite-timestamp=true'
  if (output === 'oci') return `type=oci,dest=${join(scratch, app)},tar=false,${same}`
  if (engine.route === 'archive') return `type=oci,dest=${archiveOf(scratch, app)},${same}`
  if (engine.route === 'classic') return output === 'push' ? 'type=image,push=true' : 'type=docker'
  return output === 'push' ? `type=image,push=true,${same}` : `type=docker,rewrite-timestamp=true`
}

/** Where an app's archive goes on its way to the engine. */
export function archiveOf(scratch: string, app: App): string {
  return join(scratch, `${app}.tar`)
}
