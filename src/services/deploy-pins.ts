import { type App, APP_KEYS } from '../values/contract.js'
import { appsIn, type Pin } from '../values/pin.js'
import { mapping, mergeValues, type PlannedRelease, type ValuesMap } from './deploy-plan.js'

/** The values file in which the image of an app is to be pinned. */
export type Files = Partial<Record<App, string>>

/**
 * The file to pin each app's image in: the last one that names its image, else the last one that holds the app, since
 * helm lets later files win. None where that is standard input, or where the flags hold all values.
 */
export function pinFiles(releases: readonly PlannedRelease[]): Files {
  const files: Files = {}
  for (const { sources, instances } of releases)
    for (const { app } of instances) {
      const holding = sources.filter(({ values }) => appsIn(values).includes(app))
      const naming = holding.filter(({ values }) => namesImage(values[APP_KEYS[app]]))
      const path = (naming.at(-1) ?? holding.filter((source) => source.path !== '-').at(-1))?.path ?? '-'
      if (path !== '-') files[app] = path
    }
  return files
}

/** The same releases with other images, whatever their values say. */
export function withImages(
  releases: readonly PlannedRelease[],
  pins: Partial<Record<App, Pin>>,
): PlannedRelease[] {
  return releases.map((planned) => {
    const images = planned.apps
      .filter((app) => pins[app] !== undefined)
      .map((app) => [APP_KEYS[app], { image: { ...pins[app] } }])
    const values = mergeValues(planned.values, Object.fromEntries(images))
    const stdin = planned.stdin === undefined ? {} : { stdin: JSON.stringify(values, undefined, 2) }
    return { ...planned, values, ...stdin }
  })
}

/**
 * The same with images by their tags, as people know them. Beside the digest of a build the tag of a single country
 * (`perCountry`) does not count, so that of the build stands there, too.
 */
export function withTags(
  releases: readonly PlannedRelease[],
  pins: Partial<Record<App, Pin>>,
): PlannedRelease[] {
  return withImages(releases, pins).map((planned) => {
    const tags = planned.apps.map((app) => {
      const tagged = Object.entries(mapping(sectionOf(planned.values, app)['perCountry'])).filter(
        ([, settings]) => mapping(mapping(settings)['image'])['tag'] !== undefined,
      )
      const own = tagged.map(([country]) => [country, { image: { tag: pins[app]?.tag } }])
      return [APP_KEYS[app], { perCountry: Object.fromEntries(own) }]
    })
    return { ...planned, values: mergeValues(planned.values, Object.fromEntries(tags)) }
  })
}

/** Tells of apps whose new image no file will keep. */
export function keptNowhere(releases: readonly PlannedRelease[], files: Files): string[] {
  return releases.flatMap(({ instances, origin }) => {
    const apps = [...new Set(instances.map(({ app }) => app))].filter((app) => files[app] === undefined)
    if (apps.length === 0) return []
    return [
      `${apps.join(' and ')} ${apps.length === 1 ? 'gets its' : 'get their'} new image in this deployment only: the values come from ${origin}, so no file is there to keep it.`,
    ]
  })
}

/** What the values say about images that a build changes, or leaves as it is. */
export function surprises(
  releases: readonly PlannedRelease[],
  images: readonly { app: App; image: string }[],
): string[] {
  return images.flatMap(({ app, image }) => {
    const planned = releases.find(({ instances }) => instances.some((instance) => instance.app === app))
    const section = sectionOf(planned?.values ?? {}, app)
    const { repository } = mapping(section['image'])
    const own = (planned?.instances ?? []).flatMap((instance) =>
      instance.app === app && namesImage(mapping(section['perCountry'])[instance.country])
        ? [instance.country]
        : [],
    )
    return [
      ...(typeof repository === 'string' && repository !== '' && repository !== image
        ? [
            `${app} has the image ${repository} in the values, and gets ${image} now; --image-prefix names another.`,
          ]
        : []),
      ...(own.length > 0
        ? [
            `${app} has an image of its own in ${own.join(', ')} (perCountry): its repository or digest is kept, whatever is built; a tag alone no longer counts.`,
          ]
        : []),
    ]
  })
}

/** Whether an app's section, or one of its countries', says which image to run. */
function namesImage(section: unknown): boolean {
  const { repository, tag, digest } = mapping(mapping(section)['image'])
  return [repository, tag, digest].some((part) => part !== undefined && part !== null && part !== '')
}

function sectionOf(values: ValuesMap, app: App): ValuesMap {
  return mapping(values[APP_KEYS[app]])
}
