import { existsSync } from 'node:fs'
import { join } from 'node:path'

import { InvalidInputError } from '../errors.js'
import { type App, APP_KEYS, APPS, ENVIRONMENTS } from '../values/contract.js'
import type { ValuesFile, ValuesMap } from './deploy-plan.js'
import { validate } from './validate.js'

export interface ReadValues {
  files: ValuesFile[]
  /** What is valid but probably not meant. */
  warnings: string[]
}

/**
 * Reads values files as helm does and checks them against the chart's schema.
 * @throws InvalidInputError naming every problem of every file, with its place
 */
export async function readValuesFiles(paths: readonly string[], chart: string): Promise<ReadValues> {
  const { readHelmYaml } = await import('../values/helm-yaml.js')
  const texts = new Map<string, string>()
  const schemaFile = join(chart, 'values.schema.json')
  if (existsSync(schemaFile)) {
    const result = await validate({ files: paths, schemaFile, onText: (path, text) => texts.set(path, text) })
    if (!result.valid) throw invalidFiles(result)
    return {
      files: paths.map((path) => ({ path, values: readHelmYaml(texts.get(path) ?? '').value ?? {} })),
      warnings: result.files.flatMap(({ path, warnings }) =>
        warnings.map((warning) => placed(path, warning)),
      ),
    }
  }
  const { readText } = await import('../tools/text-file.js')
  const files: ValuesFile[] = []
  for (const path of paths) {
    const read = await readText(path)
    const yaml = 'text' in read ? readHelmYaml(read.text) : undefined
    if (yaml?.value === undefined)
      throw new InvalidInputError(
        `${path} cannot be read as values: ${'problem' in read ? read.problem : (yaml?.errors[0]?.message ?? '')}.`,
        {
          code: 'INVALID_VALUES',
        },
      )
    files.push({ path, values: yaml.value })
  }
  return { files, warnings: [] }
}

/** What is looked for in a folder. */
export interface Wanted {
  apps?: readonly App[] | undefined
  environment?: string | undefined
}

export interface FoundFile extends ValuesFile {
  app: App
  environment: string
}

export interface Found {
  files: FoundFile[]
  notes: string[]
  warnings: string[]
}

/**
 * Finds the files k8sflow generates in a folder: `<app>-<environment>.yml`, and the old tool's `<app>.yml`. What
 * counts is the environment a file holds, not the one in its name.
 * @throws InvalidInputError when one of them is invalid
 */
export async function findValuesFiles(folder: string, wanted: Wanted, chart: string): Promise<Found> {
  const candidates = (wanted.apps ?? APPS).flatMap((app) =>
    [...ENVIRONMENTS.map((environment) => `${app}-${environment}.yml`), `${app}.yml`]
      .filter((name) => existsSync(join(folder, name)))
      .map((name) => ({ app, name })),
  )
  const notes: string[] = []
  const warnings: string[] = []
  const files: FoundFile[] = []
  for (const { app, name } of candidates) {
    const read = await readValuesFiles([name], chart)
    const environment = environmentOf(app, read.files[0]?.values ?? {})
    if (environment === undefined || (wanted.environment ?? environment) !== environment) continue
    const earlier = files.find((file) => file.app === app && file.environment === environment)
    if (earlier !== undefined) {
      notes.push(`${name} is left out: ${earlier.path} holds ${app} for ${environment} too.`)
      continue
    }
    warnings.push(...read.warnings)
    files.push(...read.files.map((file) => ({ ...file, app, environment })))
  }
  return { files, notes, warnings }
}

function environmentOf(app: App, values: ValuesMap): string | undefined {
  const section = values[APP_KEYS[app]]
  if (typeof section !== 'object' || section === null) return undefined
  const env: unknown = (section as ValuesMap)['env']
  return typeof env === 'string' && env !== '' ? env : 'production'
}

function invalidFiles(result: Awaited<ReturnType<typeof validate>>): InvalidInputError {
  const invalid = result.files.filter(({ valid }) => !valid)
  const lines = invalid.flatMap(({ path, problems }) => problems.map((problem) => placed(path, problem)))
  const [first = ''] = lines
  return new InvalidInputError(
    lines.length === 1
      ? first
      : `${String(lines.length)} problems:\n${lines.map((line) => `  ${line}`).join('\n')}`,
    {
      code: 'INVALID_VALUES',
      suggestions: [
        `See each problem in its place: k8sflow validate ${invalid.map(({ path }) => path).join(' ')}`,
      ],
      data: { files: invalid.map(({ path, problems }) => ({ path, problems })) },
    },
  )
}

function placed(
  path: string,
  { line, column, message, hint }: { line?: number; column?: number; message: string; hint?: string },
): string {
  const name = path === '-' ? 'stdin' : path
  const place = line === undefined ? name : `${name}:${String(line)}:${String(column ?? 1)}`
  return `${place}: ${message}${hint === undefined ? '' : `. ${hint}`}`
}
