import { APP_KEYS, type App, APPS } from './contract.js'
import { type HelmYaml, type JsonValue, readHelmYaml } from './helm-yaml.js'
import { changeText, type Update } from './update.js'
import { editInPlace, isMapping } from './yaml-edit.js'

/** The image an app is to run. */
export interface Pin {
  /** Without tag or digest: `hecha00/app1`, `127.0.0.1:5000/app1`. */
  repository: string
  /** For people: the chart pulls by digest. */
  tag: string
  /** `sha256:` and 64 hexadecimal digits. */
  digest: string
}

/**
 * Sets `image.repository`, `image.tag` and `image.digest` of apps in the text of a values file. Not a character of
 * anything else changes: what cannot be done in place is refused, as is an app that the file does not hold. A file that
 * has the digest already keeps its tag, another name of the same image: it is a label of the pods, and a new one would
 * start them all anew.
 */
export function pinText(text: string, pins: Partial<Record<App, Pin>>): Update {
  const apps = APPS.filter((app) => pins[app] !== undefined)
  const yaml = readHelmYaml(text)
  const absent = apps.find((app) => isAbsent(yaml, app))
  if (absent !== undefined)
    return {
      kind: 'refused',
      message: `it says nothing about ${absent}`,
      hint: `Write the file first: k8sflow values -p ${absent}`,
      line: 1,
      column: 1,
    }
  const changes = apps.map((app): [string, JsonValue] => {
    const { repository = '', tag = '', digest = '' } = pins[app] ?? {}
    return [APP_KEYS[app], { image: { repository, tag: heldTag(yaml, app, pins[app]) ?? tag, digest } }]
  })
  const update = changeText(text, Object.fromEntries(changes), [editInPlace])
  if (update.kind === 'updated' || update.hint === undefined) return update
  return { ...update, hint: 'Write the image out without anchors, aliases and repeated keys.' }
}

/** The apps that a values file has a section for, be it an empty one. */
export function appsIn(values: Readonly<Record<string, unknown>>): App[] {
  return APPS.filter((app) => isMapping(values[APP_KEYS[app]] as JsonValue | undefined))
}

/** The tag of the same image in the file. */
function heldTag({ value }: HelmYaml, app: App, pin: Pin | undefined): string | undefined {
  const section = value?.[APP_KEYS[app]]
  const image = isMapping(section) ? section['image'] : undefined
  if (!isMapping(image) || image['repository'] !== pin?.repository || image['digest'] !== pin?.digest)
    return undefined
  const { tag } = image
  return typeof tag === 'string' && tag !== '' ? tag : undefined
}

/**
 * The settings of images that hold in one country only, as `firstApp.perCountry.it.image.digest`; not the tag of a
 * country that has a digest, too.
 */
export function countryImages(
  values: Readonly<Record<string, unknown>>,
  app: App,
): Record<keyof Pin, string[]> {
  const found = { repository: [], tag: [], digest: [] } as Record<keyof Pin, string[]>
  const countries = below(below(values, APP_KEYS[app]), 'perCountry')
  for (const country of Object.keys(countries)) {
    const image = below(below(countries, country), 'image')
    for (const key of ['repository', 'tag', 'digest'] as const)
      if (image[key] && !(key === 'tag' && image['digest']))
        found[key].push(`${APP_KEYS[app]}.perCountry.${country}.image.${key}`)
  }
  return found
}

function below(values: Readonly<Record<string, unknown>>, key: string): Readonly<Record<string, unknown>> {
  const value = values[key] as JsonValue | undefined
  return isMapping(value) ? value : {}
}

/** Where the file holds something else than a mapping, what is wrong with it is for changeText to say. */
function isAbsent({ value }: HelmYaml, app: App): boolean {
  if (value === undefined || appsIn(value).includes(app)) return false
  const section = value[APP_KEYS[app]]
  return section === undefined || section === null
}
