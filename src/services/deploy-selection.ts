import { InvalidInputError } from '../errors.js'
import type { Progress } from '../progress.js'
import { checkInput, missingInputs } from '../values/input.js'
import { type App, APPS } from '../values/contract.js'
import { type Plan, planFromInput, planReleases } from './deploy-plan.js'
import { checkSelection } from './selection.js'
import { type FoundFile, findValuesFiles, readValuesFiles } from './values-files.js'

/** Which values to deploy, as the flags say. */
export interface ValuesChoice {
  files?: readonly string[] | undefined
  countries?: readonly string[] | undefined
  project?: readonly string[] | undefined
  environment?: string | undefined
  release?: string | undefined
  /** Only files count: there is no other way to say what to deploy. */
  filesOnly?: boolean | undefined
}

export interface SelectionHelp {
  progress: Progress
  chart: string
  /** Asks which of several to take; left out where nobody can answer. */
  choose?: ((question: string, answers: readonly string[]) => Promise<string>) | undefined
}

const EXAMPLE = 'k8sflow deploy -c it,es -p app1 -e staging'

/**
 * Decides what to deploy: the files named with `-f`; else the generated files of the current folder; and for an app
 * without a file, what `-c`, `-p` and `-e` say. Beside a file, `-p` picks apps, and `-c` and `-e` win over what the
 * file says, in this run only.
 * @throws InvalidInputError naming everything that is wrong or missing
 */
export async function selectValues(choice: ValuesChoice, help: SelectionHelp): Promise<Plan> {
  const { apps, countries } = await checkSelection(choice)
  if (choice.environment !== undefined) {
    const { checkGiven } = await import('../values/input.js')
    await checkGiven({ environment: choice.environment })
  }
  const flags = { apps, countries, environment: choice.environment }
  if (choice.files !== undefined && choice.files.length > 0) {
    const { files, warnings } = await readValuesFiles(choice.files, help.chart)
    tell(help.progress, warnings)
    return planReleases(files, flags, choice.release)
  }
  const found = await findValuesFiles('.', { apps, environment: choice.environment }, help.chart)
  tell(help.progress, found.warnings)
  const files = await ofOneEnvironment(found.files, help)
  const missing = (apps ?? []).filter((app) => !files.some((file) => file.app === app))
  const fromFiles =
    files.length > 0 ? planReleases(files, { apps: appsOf(files), countries }, choice.release) : undefined
  if (fromFiles !== undefined && missing.length === 0)
    return { releases: fromFiles.releases, notes: [...found.notes, ...usedFiles(files), ...fromFiles.notes] }
  if (choice.release !== undefined && fromFiles !== undefined) throw halfInFiles(missing, files)
  const fromFlags = await planWithoutFile(choice, missing, files)
  return {
    releases: [...(fromFiles?.releases ?? []), ...fromFlags.releases],
    notes: [...found.notes, ...usedFiles(files), ...(fromFiles?.notes ?? []), ...fromFlags.notes],
  }
}

async function planWithoutFile(
  choice: ValuesChoice,
  missing: readonly App[],
  files: readonly FoundFile[],
): Promise<Plan> {
  const raw = { ...choice, project: missing.length > 0 ? missing : choice.project }
  const { filesOnly = false } = choice
  if (files.length === 0 && (filesOnly || missingInputs(raw).length === 3)) throw nothingFound(choice)
  const input = await checkInput(raw, EXAMPLE)
  const plan = planFromInput(input, choice.release)
  return { releases: plan.releases, notes: [...input.notes, ...input.warnings, ...plan.notes] }
}

/** The files of one environment; with several found, somebody must say which. */
async function ofOneEnvironment(
  files: readonly FoundFile[],
  help: SelectionHelp,
): Promise<readonly FoundFile[]> {
  const environments = [...new Set(files.map(({ environment }) => environment))]
  if (environments.length < 2) return files
  const listed = files.map(({ path, environment }) => `${path} (${environment})`).join(', ')
  if (help.choose === undefined)
    throw new InvalidInputError(`This folder holds values for ${environments.join(' and ')}: ${listed}.`, {
      code: 'ENVIRONMENT_NOT_CHOSEN',
      suggestions: [
        `Say which to deploy: ${environments.map((name) => `-e ${name}`).join(' or ')}`,
        'Or name the files with -f.',
      ],
      data: { environments, files: files.map(({ path }) => path) },
    })
  const chosen = await help.choose('Which environment is to be deployed?', environments)
  return files.filter(({ environment }) => environment === chosen)
}

function usedFiles(files: readonly FoundFile[]): string[] {
  return files.length === 0 ? [] : [`Found ${files.map(({ path }) => path).join(' and ')} in this folder.`]
}

function appsOf(files: readonly FoundFile[]): App[] {
  return APPS.filter((app) => files.some((file) => file.app === app))
}

function tell(progress: Progress, warnings: readonly string[]): void {
  for (const text of warnings) progress({ kind: 'step', state: 'warning', text })
}

function nothingFound({ environment = '<environment>', filesOnly = false }: ValuesChoice): InvalidInputError {
  const names = APPS.map((app) => `${app}-${environment}.yml`).join(', ')
  return new InvalidInputError(`There is nothing to deploy: this folder holds no values file (${names}).`, {
    code: 'NO_VALUES',
    suggestions: [
      'Write one first: k8sflow values -c it,es -p app1 -e staging',
      filesOnly
        ? 'Or name one with -f.'
        : 'Or name one with -f, or say what to deploy: k8sflow deploy -c it,es -p app1 -e staging',
    ],
  })
}

function halfInFiles(missing: readonly App[], files: readonly FoundFile[]): InvalidInputError {
  return new InvalidInputError(
    `One release is to hold ${missing.join(' and ')} too, but only ${files.map(({ path }) => path).join(' and ')} was found.`,
    {
      code: 'NO_VALUES',
      suggestions: [`Name the files of all its apps with -f.`],
    },
  )
}
