import { join } from 'node:path'

import type { Placement } from '../cluster/nodes.js'
import { type App, APP_KEYS } from '../values/contract.js'
import { mapping, mergeValues, type PlannedRelease, type ValuesMap } from './deploy-plan.js'

/** An image that a deployment would run, and what its pods ask of their node. */
export interface PlannedImage {
  /** As the chart writes it: `hecha00/app1:1.0.0`. */
  image: string
  apps: App[]
  placement: Placement
}

/** What the chart takes where the values say nothing. */
export interface ChartDefaults {
  values: ValuesMap
  appVersion: string
}

/**
 * The images a deployment would run, each once for every way its pods choose their nodes; undefined
 * for a packed chart, whose defaults only helm can read.
 */
export async function plannedImages(
  releases: readonly PlannedRelease[],
  chart: string,
): Promise<PlannedImage[] | undefined> {
  const defaults = await chartDefaults(chart)
  if (defaults === undefined) return undefined
  const found = new Map<string, PlannedImage>()
  for (const { instances, values } of releases)
    for (const { app, country } of instances) {
      const settings = settingsOf(app, country, { values, defaults })
      const { nodeSelector, affinity, tolerations } = settings
      for (const image of imagesOf(app, settings, defaults)) {
        const key = JSON.stringify([image, nodeSelector, affinity, tolerations])
        const known = found.get(key) ?? {
          image,
          apps: [],
          placement: { nodeSelector, affinity, tolerations },
        }
        if (!known.apps.includes(app)) known.apps.push(app)
        found.set(key, known)
      }
    }
  return [...found.values()]
}

/** What the chart runs an app with in a country: defaults, the app's section, and the country's own part of it. */
export function settingsOf(
  app: App,
  country: string,
  { values, defaults }: { values: ValuesMap; defaults: ChartDefaults },
): ValuesMap {
  const section = mergeValues(mapping(defaults.values[APP_KEYS[app]]), mapping(values[APP_KEYS[app]]))
  return mergeValues(section, mapping(mapping(section['perCountry'])[country]))
}

/** The images of the app's pods in these settings, its own first. */
export function imagesOf(app: App, settings: ValuesMap, { appVersion }: ChartDefaults): string[] {
  const beside = SIDECARS.filter(({ section }) => mapping(settings[section])['enabled'] === true)
  return [
    imageOf(mapping(settings['image']), `hecha00/${app}`, appVersion),
    ...beside.map(({ section, repository, tag = appVersion }) =>
      imageOf(mapping(mapping(settings[section])['image']), repository, tag),
    ),
  ]
}

/** What the chart starts beside nginx where a section is enabled, and what it is called unless the values say so. */
const SIDECARS: readonly { section: string; repository: string; tag?: string }[] = [
  { section: 'logs', repository: 'hecha00/log-exporter' },
  { section: 'metrics', repository: 'nginx/nginx-prometheus-exporter', tag: '1.5.3' },
]

/** As the chart's `k8sflow.image` puts it together. */
function imageOf(image: ValuesMap, defaultRepository: string, defaultTag: string): string {
  const repository = text(image['repository']) || defaultRepository
  const digest = text(image['digest'])
  return digest === '' ? `${repository}:${text(image['tag']) || defaultTag}` : `${repository}@${digest}`
}

/** Undefined for a packed chart, or one in a registry, which only helm can read. */
export async function chartDefaults(chart: string): Promise<ChartDefaults | undefined> {
  const [{ readText }, { readHelmYaml }] = await Promise.all([
    import('../tools/text-file.js'),
    import('../values/helm-yaml.js'),
  ])
  const [about, values] = await Promise.all(
    ['Chart.yaml', 'values.yaml'].map(async (name) => {
      const read = await readText(join(chart, name))
      return 'text' in read ? readHelmYaml(read.text).value : undefined
    }),
  )
  return about === undefined ? undefined : { values: values ?? {}, appVersion: text(about['appVersion']) }
}

function text(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : ''
}
