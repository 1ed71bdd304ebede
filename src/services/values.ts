import { InvalidInputError } from '../errors.js'
import { assertWritable, type Change, editFile } from '../tools/atomic-file.js'
import { readText } from '../tools/text-file.js'
import { buildValues, newFile, type Values } from '../values/build.js'
import type { App, Environment } from '../values/contract.js'
import type { CheckedInput } from '../values/input.js'

export interface WriteValuesOptions {
  input: CheckedInput
  /** One file for all apps; `-` only gives the content. By default one file per app, `<app>-<environment>.yml`. */
  output?: string | undefined
  /** Writes nothing, and gives the content each file would have. */
  dryRun?: boolean
}

export interface WrittenFile {
  path: string
  app: App
  environment: Environment
  countries: string[]
  /** What became of the file, or would with `dryRun`. */
  change: Change
  /** The file's text, where it was not written. */
  content?: string
}

export interface WrittenValues {
  /** One entry per app; two apps in one file are two entries of the same path. */
  files: WrittenFile[]
  notes: string[]
  warnings: string[]
}

/** The name of an app's values file for an environment. */
function valuesFileName(app: App, environment: Environment): string {
  return `${app}-${environment}.yml`
}

/**
 * Writes the values files that were asked for, or updates those that exist. Every file is first read and checked, so
 * that what cannot be written stops it before anything is.
 * @throws InvalidInputError
 */
export async function writeValues({
  input,
  output,
  dryRun = false,
}: WriteValuesOptions): Promise<WrittenValues> {
  const { apps, environment, countries } = input
  const targets =
    output === undefined
      ? apps.map((app) => ({ path: valuesFileName(app, environment), apps: [app] }))
      : [{ path: output, apps }]
  const result: WrittenValues = { files: [], notes: [...input.notes], warnings: [...input.warnings] }
  const printOnly = dryRun || output === '-'
  const plans = []
  for (const target of targets) {
    const values = buildValues({ apps: target.apps, environment, countries })
    if (!printOnly) await assertWritable(target.path)
    plans.push({ ...target, values, ...(await plan(target.path, values, result.notes)) })
  }
  for (const { path, apps: held, values, before, content } of plans) {
    const change = printOnly
      ? changeOf(before, content)
      : await editFile(path, (text) => newText(path, text, values), readExisting)
    for (const app of held)
      result.files.push({
        path,
        app,
        environment,
        countries: [...countries],
        change,
        ...(printOnly ? { content } : {}),
      })
  }
  return result
}

/** What a file would become, and what its owner should know about it. */
async function plan(
  path: string,
  values: Values,
  notes: string[],
): Promise<{ before: string | undefined; content: string }> {
  const before = path === '-' ? undefined : await readIfThere(path)
  const content = await newText(path, before, values, notes)
  return { before, content }
}

function changeOf(before: string | undefined, content: string): Change {
  if (before === undefined) return 'created'
  return before === content ? 'unchanged' : 'updated'
}

async function newText(
  path: string,
  before: string | undefined,
  values: Values,
  notes: string[] = [],
): Promise<string> {
  const fresh = newFile(values)
  // The YAML library is loaded only for files that hold something else.
  if (before === undefined || before === fresh) return fresh
  const { updateText } = await import('../values/update.js')
  const update = updateText(before, values)
  if (update.kind === 'updated') {
    notes.push(...differences(path, update.before, values))
    return update.text
  }
  const { message, hint, line, column } = update
  throw new InvalidInputError(`${path}:${line}:${column}: ${message}. The file was left as it is.`, {
    code: 'UNUSABLE_VALUES_FILE',
    suggestions: [hint ?? 'Correct the file, or name another one with -o.'],
    data: { path, line, column },
  })
}

/** Says what an update replaces or drops, so that a file of another environment is not changed unnoticed. */
function differences(path: string, before: Record<string, unknown>, values: Values): string[] {
  const notes: string[] = []
  for (const [key, wanted] of Object.entries(values)) {
    const old = before[key] as { env?: unknown; countries?: unknown; create?: unknown } | null | undefined
    if (typeof old !== 'object' || old === null) continue
    const app = wanted.appName
    if (typeof old.env === 'string' && old.env !== wanted.env)
      notes.push(`${path} held ${app} for ${old.env}; it is now for ${wanted.env}.`)
    if (old.create === false) notes.push(`${app} was switched off in ${path} (create: false); it is on now.`)
    const gone = (Array.isArray(old.countries) ? old.countries : [])
      .filter((country): country is string => typeof country === 'string')
      .filter((country) => !wanted.countries.includes(country))
    if (gone.length > 0) notes.push(`${app} no longer goes to ${gone.join(', ')} in ${path}.`)
  }
  return notes
}

async function readExisting(path: string): Promise<string> {
  const text = await readIfThere(path)
  return text ?? ''
}

async function readIfThere(path: string): Promise<string | undefined> {
  const read = await readText(path)
  if ('text' in read) return read.text
  if (read.missing) return undefined
  throw new InvalidInputError(`${path} cannot be updated: ${read.problem}.`, {
    code: 'UNUSABLE_VALUES_FILE',
    suggestions: ['Name another file with -o.'],
    data: { path },
  })
}
