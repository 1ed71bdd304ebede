import { InvalidInputError } from '../errors.js'
import type { CheckedInput } from '../values/input.js'
import { buildValues } from '../values/build.js'
import { type App, APP_KEYS, APPS, deploymentName } from '../values/contract.js'

/** A mapping of a values file, as helm reads it. */
export type ValuesMap = Readonly<Record<string, unknown>>

/** A values file that has been read and found valid. */
export interface ValuesFile {
  path: string
  values: ValuesMap
}

/** One app in one country, as it is to run. */
export interface Instance {
  app: App
  country: string
  environment: string
}

/** An instance as the values want it. */
export interface PlannedInstance extends Instance {
  /** Its ingress serves TLS. */
  tls: boolean
}

/** One helm release that is to be made or upgraded. */
export interface PlannedRelease {
  release: string
  apps: App[]
  instances: PlannedInstance[]
  /** Files helm reads itself; with `stdin`, just `-`. */
  files: string[]
  /** Values that stand in no file as they are to be deployed, as JSON, which is YAML that nothing can misread. */
  stdin?: string
  /** Where its values come from, later ones win; `-` is standard input, or the flags. */
  sources: readonly ValuesFile[]
  /** All that the files and flags say about it, merged as helm merges them; without the chart's defaults. */
  values: ValuesMap
  /** Where the values come from, in words. */
  origin: string
}

/** What the flags say over the files. */
export interface Overrides {
  apps?: readonly App[] | undefined
  countries?: readonly string[] | undefined
  environment?: string | undefined
}

export interface Plan {
  releases: PlannedRelease[]
  notes: string[]
}

/**
 * Turns values files and flags into releases: one per app, or with `releaseName` a single one. An app's release gets
 * what the files say about that app and what they share (`global`, `namespaces`, `tests`), never the other app. A
 * file that already is just that goes to helm untouched. Flags win over files; the files stay as they are.
 * @throws InvalidInputError when nothing is left to deploy, or files disagree about an app's environment
 */
export function planReleases(
  files: readonly ValuesFile[],
  overrides: Overrides = {},
  releaseName?: string,
): Plan {
  const wanted = overrides.apps ?? APPS
  const mentioned = APPS.filter((app) => files.some((file) => mentions(file, app)))
  const missing = (overrides.apps ?? []).filter((app) => !mentioned.includes(app))
  if (missing.length > 0)
    throw new InvalidInputError(
      `${names(files)} ${files.length === 1 ? 'says' : 'say'} nothing about ${missing.join(' and ')}.`,
      {
        code: 'APP_NOT_IN_FILE',
        suggestions: [`Name a file that holds it, or leave ${missing.join(',')} out of -p.`],
      },
    )
  const apps = mentioned.filter((app) => wanted.includes(app))
  for (const app of apps) refuseTwoEnvironments(app, files)
  const groups = releaseName === undefined ? apps.map((app) => [app]) : apps.length > 0 ? [apps] : []
  const planned = groups.map((group) => planRelease(releaseName ?? group.join(), group, files, overrides))
  const releases = planned.filter(({ instances }) => instances.length > 0)
  if (releases.length === 0)
    throw new InvalidInputError(
      `${names(files)} ${files.length === 1 ? 'holds' : 'hold'} no app to deploy.`,
      {
        code: 'NOTHING_TO_DEPLOY',
        suggestions: ['An app is deployed where its section says "create: true" and names countries.'],
      },
    )
  const notes = planned
    .filter(({ instances }) => instances.length === 0)
    .map(({ release, origin }) => `${release} is left alone: ${origin} does not say "create: true" for it.`)
  return { releases, notes }
}

/** The releases for input that stands in no file. */
export function planFromInput(input: CheckedInput, releaseName?: string): Plan {
  const { releases, notes } = planReleases([{ path: '-', values: buildValues(input) }], {}, releaseName)
  const origin = 'the flags'
  return {
    releases: releases.map((planned) => ({
      ...planned,
      origin,
      files: ['-'],
      stdin: planned.stdin ?? asText(keep(buildValues(input), planned.apps)),
    })),
    notes,
  }
}

/** Every app in every country of the plan. */
export function plannedInstances(
  releases: readonly PlannedRelease[],
): (PlannedInstance & { release: string })[] {
  return releases.flatMap(({ release, instances }) => instances.map((instance) => ({ ...instance, release })))
}

/** `app1-it`, by which people and the cluster know an app in a country. */
export function instanceName({ app, country }: { app: string; country: string }): string {
  return deploymentName(app, country)
}

function planRelease(
  release: string,
  apps: App[],
  files: readonly ValuesFile[],
  overrides: Overrides,
): PlannedRelease {
  const relevant = files.filter((file) => isShared(file) || apps.some((app) => mentions(file, app)))
  const merged = relevant.reduce<ValuesMap>((sum, { values }) => mergeValues(sum, keep(values, apps)), {})
  const values = override(merged, apps, overrides)
  const untouched =
    overrides.countries === undefined &&
    overrides.environment === undefined &&
    // Standard input has been read already.
    relevant.every(({ path }) => path !== '-') &&
    relevant.every((file) => APPS.every((app) => apps.includes(app) || !mentions(file, app)))
  return {
    release,
    apps,
    instances: apps.flatMap((app) => instancesOf(app, values)),
    ...(untouched ? { files: relevant.map(({ path }) => path) } : { files: ['-'], stdin: asText(values) }),
    sources: relevant,
    values,
    origin: names(relevant),
  }
}

function instancesOf(app: App, values: ValuesMap): PlannedInstance[] {
  const section = mapping(values[APP_KEYS[app]])
  if (section['create'] !== true) return []
  const environment =
    typeof section['env'] === 'string' && section['env'] !== '' ? section['env'] : 'production'
  const countries = Array.isArray(section['countries']) ? section['countries'].map(String) : []
  return [...new Set(countries)].map((country) => {
    const { ingress } = mergeValues(section, mapping(mapping(section['perCountry'])[country]))
    const tls = mapping(mapping(ingress)['tls'])['enabled'] === true
    return { app, country, environment, tls }
  })
}

/** As helm merges several files: mappings key by key, everything else replaced. */
export function mergeValues(base: ValuesMap, over: ValuesMap): ValuesMap {
  const merged: Record<string, unknown> = { ...base }
  for (const [key, value] of Object.entries(over)) {
    const before = Object.hasOwn(base, key) ? base[key] : undefined
    merged[key] = isMapping(before) && isMapping(value) ? mergeValues(before, value) : value
  }
  return merged
}

function override(values: ValuesMap, apps: readonly App[], { countries, environment }: Overrides): ValuesMap {
  const changes = {
    ...(countries === undefined ? {} : { countries }),
    ...(environment === undefined ? {} : { env: environment }),
  }
  if (Object.keys(changes).length === 0) return values
  return mergeValues(values, Object.fromEntries(apps.map((app) => [APP_KEYS[app], changes])))
}

/** Leaves out the sections of other apps. */
function keep(values: ValuesMap, apps: readonly App[]): ValuesMap {
  const others: string[] = APPS.filter((app) => !apps.includes(app)).map((app) => APP_KEYS[app])
  return Object.fromEntries(Object.entries(values).filter(([key]) => !others.includes(key)))
}

function refuseTwoEnvironments(app: App, files: readonly ValuesFile[]): void {
  const found = new Map<unknown, string>()
  for (const { path, values } of files) {
    const { env } = mapping(values[APP_KEYS[app]])
    if (env !== undefined && env !== null && !found.has(env)) found.set(env, path)
  }
  if (found.size < 2) return
  const each = [...found].map(([env, path]) => `${nameOf(path)} says ${String(env)}`).join(', ')
  throw new InvalidInputError(`The files name two environments for ${app}: ${each}.`, {
    code: 'TWO_ENVIRONMENTS',
    suggestions: [
      `Deploy one of them: names in the cluster carry no environment, so only one ${app} can run in a country.`,
    ],
  })
}

function mentions({ values }: ValuesFile, app: App): boolean {
  return isMapping(values[APP_KEYS[app]])
}

function isShared(file: ValuesFile): boolean {
  return APPS.every((app) => !mentions(file, app))
}

/** The value as a mapping; anything else, null included, holds nothing. */
export function mapping(value: unknown): ValuesMap {
  return isMapping(value) ? value : {}
}

function isMapping(value: unknown): value is ValuesMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function names(files: readonly ValuesFile[]): string {
  return files.map(({ path }) => nameOf(path)).join(' and ')
}

function nameOf(path: string): string {
  return path === '-' ? 'standard input' : path
}

function asText(values: ValuesMap): string {
  return JSON.stringify(values, undefined, 2)
}
