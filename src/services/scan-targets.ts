import { existsSync } from 'node:fs'
import { basename } from 'node:path'

import { InvalidInputError } from '../errors.js'
import { formatReference, type ImageReference, parseReference } from '../images/reference.js'
import { chartPath } from '../tools/chart.js'
import { type App, APP_KEYS, APPS } from '../values/contract.js'
import { type ChartDefaults, chartDefaults, imagesOf, settingsOf } from './deploy-images.js'
import { mapping, mergeValues, type ValuesFile, type ValuesMap } from './deploy-plan.js'
import { layoutsIn } from './scan-layout.js'
import { checkSelection } from './selection.js'
import { findValuesFiles, readValuesFiles } from './values-files.js'

/** What to scan, as the command line says. */
export interface TargetChoice {
  /** Image references and OCI layout folders; empty for the images of the values files. */
  images: readonly string[]
  files?: readonly string[] | undefined
  project?: readonly string[] | undefined
  /** Another chart than the one k8sflow brings along, for the defaults of images. */
  chart?: string | undefined
}

/** One image to scan, in all its platforms. */
export interface ScanTarget {
  /** An image reference, or the path of a layout. */
  image: string
  source: { kind: 'layout'; folder: string } | { kind: 'reference'; reference: ImageReference }
  /** Apps it is the image of. */
  apps: App[]
  /** Values files that name it. */
  files: string[]
}

export interface Targets {
  targets: ScanTarget[]
  notes: string[]
  warnings: string[]
}

/**
 * Decides what to scan: the images that are named, else those of the apps in the values files that `deploy` would
 * find, each once.
 * @throws InvalidInputError naming everything that is no image, or saying that there is nothing to scan
 */
export async function chooseTargets(choice: TargetChoice): Promise<Targets> {
  const narrowed = (choice.files ?? []).length > 0 || (choice.project ?? []).length > 0
  if (choice.images.length === 0) return targetsOfApps(choice)
  const targets: ScanTarget[] = []
  const problems: InvalidInputError[] = []
  for (const image of choice.images)
    try {
      targets.push(...(await namedTargets(image)))
    } catch (error) {
      if (!(error instanceof InvalidInputError)) throw error
      problems.push(error)
    }
  const [first] = problems
  if (first !== undefined) throw problems.length === 1 ? first : severalProblems(problems)
  return {
    targets: once(targets),
    // They may come from k8sflow.yaml or the environment, and are then no reason to refuse.
    notes: narrowed ? ['Apps and values files are not looked at, since images are named.'] : [],
    warnings: [],
  }
}

async function namedTargets(image: string): Promise<ScanTarget[]> {
  const folders = await layoutsIn(image)
  if (folders !== undefined)
    return folders.map((folder) => ({
      image: folder,
      source: { kind: 'layout', folder },
      apps: appsNamed(basename(folder)),
      files: [],
    }))
  if (/^\.{0,2}[/\\]/.test(image) || image === '.' || image === '..') throw noLayout(image)
  if (appsNamed(image).length > 0)
    throw new InvalidInputError(`${image} is an app, not an image.`, {
      code: 'INVALID_IMAGE',
      suggestions: [`Scan the image its values name: k8sflow scan -p ${image}`],
      data: { image },
    })
  return [referenceTarget(image, [])]
}

function referenceTarget(image: string, files: string[], apps?: App[]): ScanTarget {
  const reference = parseReference(image)
  return {
    image: formatReference(reference),
    source: { kind: 'reference', reference },
    apps: apps ?? appsNamed(basename(reference.repository)),
    files,
  }
}

function appsNamed(name: string): App[] {
  return APPS.filter((app) => app === name)
}

async function targetsOfApps({ files, project, ...choice }: TargetChoice): Promise<Targets> {
  const chart = chartPath(choice.chart)
  const { apps } = await checkSelection({ project })
  const named = files !== undefined && files.length > 0
  const { values, notes, warnings } = named ? await readFiles(files, chart) : await findFiles(apps, chart)
  // Without a chart that can be read, what its defaults would add is missing.
  const defaults = (await chartDefaults(chart)) ?? { values: {}, appVersion: 'latest' }
  const missing = (apps ?? []).filter((app) => !values.some((set) => mentions(set, app)))
  if (missing.length > 0 || values.length === 0) throw nothingToScan(missing)
  const targets = values.flatMap((set) =>
    (apps ?? APPS)
      .filter((app) => mentions(set, app))
      .flatMap((app) =>
        imagesOfApp(app, set, defaults).map((image) =>
          referenceTarget(
            image,
            set.map(({ path }) => path),
            [app],
          ),
        ),
      ),
  )
  if (targets.length === 0) throw nothingToScan([])
  return { targets: once(targets), notes, warnings }
}

/** Files that were named make up one set of values, the later ones over the earlier. */
async function readFiles(paths: readonly string[], chart: string) {
  const { files, warnings } = await readValuesFiles(paths, chart)
  return { values: [files], notes: [], warnings }
}

/** Each file that is found is a set of its own: staging's image is not production's. */
async function findFiles(apps: readonly App[] | undefined, chart: string) {
  const { files, notes, warnings } = await findValuesFiles('.', { apps }, chart)
  const found = files.map(({ path }) => path)
  return {
    values: files.map((file): ValuesFile[] => [file]),
    notes: [...notes, ...(found.length === 0 ? [] : [`Found ${found.join(' and ')} in this folder.`])],
    warnings,
  }
}

/** The images an app runs: a country may have its own. */
function imagesOfApp(app: App, files: readonly ValuesFile[], defaults: ChartDefaults): string[] {
  const values = files.reduce<ValuesMap>((sum, file) => mergeValues(sum, file.values), {})
  const section = mapping(mergeValues(defaults.values, values)[APP_KEYS[app]])
  if (section['create'] !== true) return []
  const countries = Array.isArray(section['countries']) ? section['countries'].map(String) : []
  const images = countries.flatMap((country) =>
    imagesOf(app, settingsOf(app, country, { values, defaults }), defaults),
  )
  return [...new Set(images)]
}

/** The same image is scanned once, for all that run it. */
function once(targets: readonly ScanTarget[]): ScanTarget[] {
  const byImage = new Map<string, ScanTarget>()
  for (const target of targets) {
    const known = byImage.get(target.image)
    if (known === undefined) byImage.set(target.image, target)
    else
      byImage.set(target.image, {
        ...known,
        apps: [...new Set([...known.apps, ...target.apps])],
        files: [...new Set([...known.files, ...target.files])],
      })
  }
  return [...byImage.values()]
}

function mentions(files: readonly ValuesFile[], app: App): boolean {
  return files.some(({ values }) => Object.keys(mapping(values[APP_KEYS[app]])).length > 0)
}

function noLayout(path: string): InvalidInputError {
  const there = existsSync(path)
  return new InvalidInputError(
    there ? `${path} holds no OCI image layout (index.json and blobs).` : `There is no folder ${path}.`,
    {
      code: 'INVALID_LAYOUT',
      suggestions: ['Name a folder that "k8sflow build --oci-dir DIR" wrote: DIR, or DIR/app1.'],
      data: { path },
    },
  )
}

function nothingToScan(missing: readonly App[]): InvalidInputError {
  const what = missing.length > 0 ? ` for ${missing.join(' and ')}` : ''
  return new InvalidInputError(`There is nothing to scan: no values file names an image${what}.`, {
    code: 'NO_VALUES',
    suggestions: [
      'Name an image, or a folder that "k8sflow build --oci-dir DIR" wrote: k8sflow scan hecha00/app1:1.0.0',
      'Or write values first: k8sflow values -c it,es -p app1 -e staging',
    ],
  })
}

function severalProblems(problems: readonly InvalidInputError[]): InvalidInputError {
  return new InvalidInputError(
    `${String(problems.length)} problems:\n${problems.map(({ message }) => `  ${message}`).join('\n')}`,
    {
      code: 'INVALID_IMAGE',
      suggestions: [...new Set(problems.flatMap(({ suggestions }) => suggestions))],
      data: { problems: problems.map(({ message, data }) => ({ message, ...data })) },
    },
  )
}
