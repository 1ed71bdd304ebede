import { InvalidInputError } from '../errors.js'
import { APPS, type App, COUNTRY_PATTERN, ENVIRONMENTS, type Environment } from './contract.js'
import { ISO_COUNTRIES, USUAL_MISTAKES } from './iso-countries.js'

/** What was typed, unchecked; lists may hold comma-separated entries. */
export interface RawInput {
  countries?: readonly string[] | undefined
  project?: readonly string[] | undefined
  environment?: string | undefined
}

/** Checked input: at least one app and one country, none twice, in the order given. */
export interface Input {
  apps: App[]
  environment: Environment
  countries: string[]
}

export interface CheckedInput extends Input {
  /** What was tidied up on the way. */
  notes: string[]
  /** What is accepted but is probably not meant. */
  warnings: string[]
}

export type InputName = 'countries' | 'project' | 'environment'

/** One thing that cannot be accepted. */
export interface InputProblem {
  flag: `--${InputName}`
  /** What was given; left out when nothing was. */
  value?: string
  message: string
  accepted: readonly string[]
  nearest?: string
}

const COUNTRY_WANTED = 'a country is two letters, such as it or es'
const ACCEPTED: Record<InputName, readonly string[]> = {
  countries: ['two letters'],
  project: APPS,
  environment: ENVIRONMENTS,
}

/**
 * Checks everything that was given and names all problems in one error, what is missing included.
 * @param example how to call the command rightly, shown when something is missing
 * @throws InvalidInputError
 */
export async function checkInput(raw: RawInput, example?: string): Promise<CheckedInput> {
  const missing = missingInputs(raw)
  const { problems, ...checked } = await examine(raw)
  if (problems.length + missing.length > 0) throw inputError(problems, missing, example)
  return checked as CheckedInput
}

/**
 * Checks only what was given: for input that is still to be completed, or narrows something down.
 * @returns what was given, tidied; empty lists where nothing was
 * @throws InvalidInputError
 */
export async function checkGiven(raw: RawInput): Promise<Pick<Input, 'apps' | 'countries'>> {
  const { problems, apps, countries } = await examine(raw)
  if (problems.length > 0) throw inputError(problems, [])
  return { apps, countries }
}

/** The inputs that were not given at all; an empty value counts as given, and as wrong. */
export function missingInputs(raw: RawInput): InputName[] {
  const absent = (value: readonly string[] | string | undefined) => value === undefined || value.length === 0
  const names: InputName[] = []
  if (absent(raw.countries)) names.push('countries')
  if (absent(raw.project)) names.push('project')
  if (raw.environment === undefined) names.push('environment')
  return names
}

/** Why a list of countries as typed cannot be accepted, in one sentence; nothing when it can. */
export function countriesProblem(typed: string): string | undefined {
  const { wrong } = tidyCountries([typed])
  if (wrong.length === 0) return undefined
  return `${wrong.map(shown).join(', ')}: ${COUNTRY_WANTED}.`
}

/** Everything but the environment is there, if perhaps empty. */
type Examined = Omit<CheckedInput, 'environment'> &
  Partial<Pick<CheckedInput, 'environment'>> & { problems: InputProblem[] }

async function examine(raw: RawInput): Promise<Examined> {
  const problems: InputProblem[] = []
  const countries = tidyCountries(raw.countries ?? [])
  for (const value of countries.wrong) problems.push(await problem('countries', value))
  const apps: App[] = []
  const notes = [...countries.notes]
  for (const value of entries(raw.project ?? [])) {
    const app = APPS.find((candidate) => candidate === value)
    if (app === undefined) problems.push(await problem('project', value))
    else if (apps.includes(app)) notes.push(`${app} is named more than once and counts once.`)
    else apps.push(app)
  }
  const environment = ENVIRONMENTS.find((candidate) => candidate === raw.environment)
  if (raw.environment !== undefined && environment === undefined)
    problems.push(await problem('environment', raw.environment))
  return {
    apps,
    ...(environment === undefined ? {} : { environment }),
    countries: countries.codes,
    notes,
    warnings: countries.codes.flatMap(isoWarning),
    problems,
  }
}

/** The entries of comma-separated lists. */
function entries(values: readonly string[]): string[] {
  return values.flatMap((value) => value.split(','))
}

function tidyCountries(values: readonly string[]): { codes: string[]; wrong: string[]; notes: string[] } {
  const codes: string[] = []
  const wrong: string[] = []
  const notes: string[] = []
  for (const entry of entries(values)) {
    const code = entry.toLowerCase()
    if (!COUNTRY_PATTERN.test(code)) {
      wrong.push(entry)
      continue
    }
    if (code !== entry) notes.push(`Country ${entry} is written ${code}.`)
    if (codes.includes(code)) notes.push(`Country ${code} is named more than once and counts once.`)
    else codes.push(code)
  }
  return { codes, wrong, notes: [...new Set(notes)] }
}

function isoWarning(code: string): string[] {
  if (ISO_COUNTRIES.includes(code)) return []
  const usual = USUAL_MISTAKES[code]
  const meant = usual === undefined ? '' : ` (that is ${usual.toUpperCase()})`
  return [`${code} is not a country code of ISO 3166${meant}; it is kept.`]
}

async function problem(input: InputName, value: string): Promise<InputProblem> {
  const { nearest, nearestCountry } = await import('./nearest.js')
  const base = { flag: `--${input}` as const, value, accepted: ACCEPTED[input] }
  if (input === 'countries') {
    const close = nearestCountry(value, ISO_COUNTRIES)
    const meant = close === undefined ? '' : `; did you mean ${close.code} (${close.name})?`
    return {
      ...base,
      message: COUNTRY_WANTED + meant,
      ...(close === undefined ? {} : { nearest: close.code }),
    }
  }
  const close = await nearest(value, ACCEPTED[input])
  const meant = close === undefined ? '' : `; did you mean ${close}?`
  return {
    ...base,
    message: `accepted are ${ACCEPTED[input].join(' and ')}${meant}`,
    ...(close === undefined ? {} : { nearest: close }),
  }
}

const WANTED: Record<InputName, string> = {
  countries: `two-letter country codes, such as -c it,es`,
  project: `${APPS.join(' or ')}, or both, such as -p app2`,
  environment: `${ENVIRONMENTS.join(' or ')}, such as -e staging`,
}

function inputError(
  problems: readonly InputProblem[],
  missing: readonly InputName[],
  example?: string,
): InvalidInputError {
  const all: InputProblem[] = [
    ...problems,
    ...missing.map((name) => ({
      flag: `--${name}` as const,
      message: `missing: ${WANTED[name]}`,
      accepted: ACCEPTED[name],
    })),
  ]
  const lines = all.map(({ flag, value, message }) =>
    value === undefined ? `${flag} is ${message}` : `${flag} ${shown(value)}: ${message}`,
  )
  const [only = ''] = lines
  const message =
    lines.length === 1 ? only : `${lines.length} problems:\n${lines.map((line) => `  ${line}`).join('\n')}`
  return new InvalidInputError(message, {
    code: problems.length === 0 ? 'MISSING_INPUT' : 'INVALID_INPUT',
    suggestions: missing.length > 0 && example !== undefined ? [`For example: ${example}`] : [],
    data: { problems: all },
  })
}

/** What was typed, in quotes where it would not be seen otherwise. */
function shown(value: string): string {
  return /^[\w-]+$/.test(value) ? value : JSON.stringify(value)
}
