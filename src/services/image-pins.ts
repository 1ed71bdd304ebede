import { existsSync } from 'node:fs'
import { readFile, realpath, stat } from 'node:fs/promises'
import { join } from 'node:path'

import { FailedError, InvalidInputError, K8sflowError } from '../errors.js'
import { listed } from '../cluster/access.js'
import { assertWritable, type Change, editFile } from '../tools/atomic-file.js'
import { chartPath } from '../tools/chart.js'
import { readText } from '../tools/text-file.js'
import type { App } from '../values/contract.js'
import type { Pin } from '../values/pin.js'
import { readValuesFiles } from './values-files.js'

/** An image that was pushed, to be deployed by its digest. */
export interface PinnedImage {
  app: App
  /** Repository, without tag or digest. */
  image: string
  tag: string
  digest: string
}

export interface FilePin {
  /** As it was named first. */
  path: string
  app: App
  digest: string
  /** What became of the file, or would with `dryRun`; the same for both apps of a file. */
  change: Change
}

export interface PinOptions {
  /** Writes nothing, and says what would change. */
  dryRun?: boolean
  /** Whose schema counts; left out, the chart that `deploy` takes. */
  chart?: string | undefined
}

type Pins = Partial<Record<App, Pin>>

/** One file, however often and under whatever names it was given, and which of the apps it holds. */
interface Target {
  path: string
  apps: App[]
  warnings: string[]
}

interface Plan extends Target {
  before: string
  after: string
}

/**
 * Checks, before images are built, that their digests can be written into values files afterwards: each file is there,
 * valid, writable and holds an app, each app is held by a file, and nothing stands in the way of the change itself.
 * @returns what is worth a warning: settings of single countries that the new digest gets along with badly
 * @throws InvalidInputError naming every problem; nothing is written
 */
export async function checkPinTargets(
  files: readonly string[],
  apps: readonly App[],
  { chart }: Pick<PinOptions, 'chart'> = {},
): Promise<string[]> {
  return (await findTargets(files, apps, chartPath(chart))).flatMap(({ warnings }) => warnings)
}

/**
 * The files, each once, and which of the apps each of them holds.
 * @throws InvalidInputError as {@link checkPinTargets}
 */
export async function pinTargets(
  files: readonly string[],
  apps: readonly App[],
): Promise<{ path: string; apps: App[] }[]> {
  return findTargets(files, apps, chartPath())
}

/**
 * Sets the images of apps in the values files that hold them. Every new text is made and checked before the first is
 * written, and what was written is put back when a later one cannot be: all files change, or none.
 * @returns one entry per file and app
 * @throws InvalidInputError as {@link checkPinTargets}, and when an image does not fit the chart's schema
 */
export async function pinImages(
  files: readonly string[],
  images: readonly PinnedImage[],
  { dryRun = false, chart: chosen }: PinOptions = {},
): Promise<FilePin[]> {
  const chart = chartPath(chosen)
  const pins: Pins = Object.fromEntries(
    images.map(({ app, image, tag, digest }) => [app, { repository: image, tag, digest }]),
  )
  const apps = images.map(({ app }) => app)
  const plans = await planAll(await findTargets(files, apps, chart), pins, chart)
  const changes = dryRun ? plans.map(changeOf) : await writeAll(plans, pins)
  return plans.flatMap((plan, index) =>
    plan.apps.map((app) => ({
      path: plan.path,
      app,
      digest: pins[app]?.digest ?? '',
      change: changes[index] ?? 'unchanged',
    })),
  )
}

interface PinProblem {
  message: string
  suggestions: readonly string[]
}

async function findTargets(files: readonly string[], apps: readonly App[], chart: string): Promise<Target[]> {
  const problems: PinProblem[] = []
  const targets = new Map<string, Target>()
  for (const path of new Set(files)) {
    const found = await inspect(path, apps, chart)
    problems.push(...found.problems)
    const name = await realpath(path).catch(() => path)
    if (!targets.has(name)) targets.set(name, { path, apps: found.apps, warnings: found.warnings })
  }
  const held = [...targets.values()].flatMap((target) => target.apps)
  const left = apps.filter((app) => !held.includes(app))
  // What a file with a problem would have held is for its owner to correct first.
  if (problems.length === 0 && files.length > 0 && left.length > 0) problems.push(nothingAbout(files, left))
  if (problems.length > 0) throw combined(problems)
  return [...targets.values()]
}

/** What is wrong with a file, and which of the apps it holds. */
async function inspect(
  path: string,
  apps: readonly App[],
  chart: string,
): Promise<{ problems: PinProblem[]; apps: App[]; warnings: string[] }> {
  const problems: PinProblem[] = []
  const note = (error: unknown): undefined => {
    problems.push(problemOf(error))
  }
  const done = { problems, apps: [], warnings: [] }
  if (path === '-') {
    problems.push({
      message: 'Images are written into files; "-", standard input, is none.',
      suggestions: ['Name the values files themselves.'],
    })
    return done
  }
  await assertWritable(path).catch(note)
  if (problems.length === 0 && !existsSync(path)) {
    problems.push({
      message: `${path}: there is no such file.`,
      suggestions: [`Write it first: k8sflow values -p ${apps.join(',')} -o ${path}`],
    })
    return done
  }
  // Reading anything but a file could wait for ever.
  const isFile = await stat(path).then(
    (found) => found.isFile(),
    () => false,
  )
  if (!isFile) return done
  const values = (await readValuesFiles([path], chart).catch(note))?.files[0]?.values
  if (values === undefined) return done
  const { appsIn, countryImages } = await import('../values/pin.js')
  const held = appsIn(values).filter((app) => apps.includes(app))
  if (held.length === 0) problems.push(nothingAbout([path], apps))
  else await newText(path, probe(held)).catch(note)
  return { problems, apps: held, warnings: held.flatMap((app) => overlaps(path, countryImages(values, app))) }
}

/** A country's own image is merged with the pinned one, setting by setting. */
function overlaps(path: string, { repository, tag, digest }: Record<keyof Pin, string[]>): string[] {
  const said: [places: string[], effect: string][] = [
    [digest, ': this wins over the digest that is written, so another image runs there.'],
    [tag, ': no effect beside a digest.'],
    [repository, ': the digest that is written is looked for there.'],
  ]
  return said
    .filter(([places]) => places.length > 0)
    .map(([places, effect]) => `${path}: ${listed(places, 3)}${effect}`)
}

function nothingAbout(files: readonly string[], apps: readonly App[]): PinProblem {
  const names = [...new Set(files)].join(' and ')
  return {
    message: `${names} ${files.length === 1 ? 'says' : 'say'} nothing about ${apps.join(' and ')}.`,
    suggestions: ['Name the values files that hold these apps, or choose other apps with -p.'],
  }
}

/** Images that no file holds, to see whether a file can be changed. */
function probe(apps: readonly App[]): Pins {
  const digest = `sha256:${'0'.repeat(64)}`
  return Object.fromEntries(
    apps.map((app) => [app, { repository: `probe/${app}`, tag: `probe-${app}`, digest }]),
  )
}

function problemOf(error: unknown): PinProblem {
  if (!(error instanceof K8sflowError)) throw error
  // Errors about files to write speak of a flag that names them elsewhere.
  const suggestions = error.suggestions
    .filter((text) => !text.includes('-o -'))
    .map((text) => text.replace(/( with)? -o\b/, ''))
  return { message: error.message, suggestions }
}

function combined(problems: readonly PinProblem[]): InvalidInputError {
  const lines = problems.flatMap(({ message }) => {
    const [first = '', ...more] = message.split('\n')
    return more.length === 0 ? [first] : more.map((line) => line.trim())
  })
  const [only = ''] = lines
  return new InvalidInputError(
    lines.length === 1
      ? only
      : `${String(lines.length)} problems with the files to write:\n${lines.map((line) => `  ${line}`).join('\n')}`,
    {
      code: 'UNUSABLE_VALUES_FILE',
      suggestions: [...new Set(problems.flatMap(({ suggestions }) => suggestions))],
      data: { problems: lines },
    },
  )
}

async function planAll(targets: readonly Target[], pins: Pins, chart: string): Promise<Plan[]> {
  const plans: Plan[] = []
  for (const target of targets) {
    const own: Pins = Object.fromEntries(target.apps.map((app) => [app, pins[app]]))
    const { before, after } = await newText(target.path, own)
    await assertFits(target.path, after, chart)
    plans.push({ ...target, before, after })
  }
  return plans
}

async function newText(path: string, pins: Pins): Promise<{ before: string; after: string }> {
  const before = await readExisting(path)
  return { before, after: await pinned(path, before, pins) }
}

async function pinned(path: string, text: string, pins: Pins): Promise<string> {
  const { pinText } = await import('../values/pin.js')
  const update = pinText(text, pins)
  if (update.kind === 'updated') return update.text
  const { message, hint, line, column } = update
  throw new InvalidInputError(`${path}:${line}:${column}: ${message}. The file was left as it is.`, {
    code: 'UNUSABLE_VALUES_FILE',
    suggestions: [hint ?? 'Correct the file, or name another one.'],
    data: { path, line, column },
  })
}

/** A chart without a schema takes anything. */
async function assertFits(path: string, text: string, chart: string): Promise<void> {
  const schemaFile = join(chart, 'values.schema.json')
  if (!existsSync(schemaFile)) return
  const [{ schemaCheck }, { checkText }] = await Promise.all([
    import('../values/schema.js'),
    import('../values/check.js'),
  ])
  const schema = JSON.parse(await readFile(schemaFile, 'utf8')) as object
  const { problems } = await checkText(text, schemaCheck(schema))
  if (problems.length === 0) return
  const messages = problems.map((problem) => `${problem.path}: ${problem.message}`)
  throw new InvalidInputError(`${path} would not be valid with the new images: ${messages.join('; ')}.`, {
    code: 'INVALID_VALUES',
    suggestions: ["What an image may be called is in the chart's values.schema.json."],
    data: { path, problems },
  })
}

function changeOf({ before, after }: Plan): Change {
  return before === after ? 'unchanged' : 'updated'
}

async function writeAll(plans: readonly Plan[], pins: Pins): Promise<Change[]> {
  const changes: Change[] = []
  try {
    for (const { path, apps } of plans) {
      const own: Pins = Object.fromEntries(apps.map((app) => [app, pins[app]]))
      changes.push(await editFile(path, (text = '') => pinned(path, text, own), readExisting))
    }
  } catch (error) {
    await putBack(
      plans.filter((_plan, index) => changes[index] === 'updated'),
      error,
    )
    throw error
  }
  return changes
}

/** What another program wrote meanwhile stays. */
async function putBack(plans: readonly Plan[], cause: unknown): Promise<void> {
  const stuck: string[] = []
  for (const { path, before, after } of plans)
    await editFile(path, (text = after) => (text === after ? before : text), readExisting).catch(() =>
      stuck.push(path),
    )
  if (stuck.length > 0)
    throw new FailedError(
      `${(cause as Error).message} But ${stuck.join(' and ')} already ${stuck.length === 1 ? 'holds' : 'hold'} the new images.`,
      {
        code: 'PARTLY_WRITTEN',
        suggestions: ['Correct the cause and run it again: what is already so stays as it is.'],
        data: { written: stuck },
        cause,
      },
    )
}

async function readExisting(path: string): Promise<string> {
  const read = await readText(path)
  if ('text' in read) return read.text
  throw new InvalidInputError(`${path} cannot be changed: ${read.problem}. Nothing was changed.`, {
    code: 'UNUSABLE_VALUES_FILE',
    data: { path },
  })
}
