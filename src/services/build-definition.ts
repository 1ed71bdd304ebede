import type { App } from '../values/contract.js'

/** One app's image, as it is to be built. */
export interface BuildTarget {
  app: App
  /** Absolute path of the folder with its Dockerfile. */
  context: string
  /** Names with tags, `hecha00/app1:1.0.0`; the first is the one that is reported. */
  references: readonly string[]
  /** `SOURCE_DATE_EPOCH` for programs that RUN starts: seconds since 1970; undefined leaves them the real time. */
  epoch: number | undefined
  labels: Readonly<Record<string, string>>
}

/** What all targets share. */
export interface BuildSettings {
  platforms: readonly string[]
  buildArgs: Readonly<Record<string, string>>
  /** buildx cache entries such as `type=registry,ref=…`; `{app}` stands for the app. */
  cacheFrom: readonly string[]
  cacheTo: readonly string[]
  provenance: boolean
  sbom: boolean
  noCache: boolean
}

/** A bake file, as `docker buildx bake -f -` reads it. */
export interface BakeFile {
  target: Record<string, BakeTarget>
}

export interface BakeTarget {
  context: string
  platforms: readonly string[]
  tags: readonly string[]
  args: Record<string, string>
  labels: Readonly<Record<string, string>>
  output: string[]
  attest: string[]
  'cache-from'?: string[]
  'cache-to'?: string[]
  'no-cache'?: true
}

/**
 * Describes the build of all targets at once, so that buildx runs them side by side.
 * @param output the exporter of an app, in buildx's words: `type=oci,dest=…`
 */
export function bakeFile(
  targets: readonly BuildTarget[],
  settings: BuildSettings,
  output: (app: App) => string,
): BakeFile {
  const file: BakeFile = {
    target: Object.fromEntries(
      targets.map((target) => [target.app, bakeTarget(target, settings, output(target.app))]),
    ),
  }
  return JSON.parse(JSON.stringify(file), (_key, value: unknown) =>
    typeof value === 'string' ? literal(value) : value,
  ) as BakeFile
}

/** Strings of a bake file are templates of HCL, also in JSON: a path with `${` would be evaluated. */
function literal(text: string): string {
  return text.replaceAll(/[$%](?=\{)/g, '$&$&')
}

/** One field of an exporter's options, which are a line of CSV. */
export function csvField(text: string): string {
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

function bakeTarget(target: BuildTarget, settings: BuildSettings, output: string): BakeTarget {
  const forApp = (entries: readonly string[]) => entries.map((entry) => entry.replaceAll('{app}', target.app))
  return {
    context: target.context,
    platforms: settings.platforms,
    tags: target.references,
    args: {
      ...(target.epoch === undefined ? {} : { SOURCE_DATE_EPOCH: String(target.epoch) }),
      ...settings.buildArgs,
    },
    labels: target.labels,
    output: [output],
    // Both are on or off by what was asked, never by buildx's own default: attestations carry the time of the
    // build, and with them the same source has another digest each time.
    attest: [
      settings.provenance ? 'type=provenance,mode=max' : 'type=provenance,disabled=true',
      settings.sbom ? 'type=sbom' : 'type=sbom,disabled=true',
    ],
    ...(settings.cacheFrom.length === 0 ? {} : { 'cache-from': forApp(settings.cacheFrom) }),
    ...(settings.cacheTo.length === 0 ? {} : { 'cache-to': forApp(settings.cacheTo) }),
    ...(settings.noCache ? { 'no-cache': true } : {}),
  }
}
