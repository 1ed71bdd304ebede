import type { App } from '../values/contract.js'

/** Apps and countries as typed; left out means all. */
export interface RawSelection {
  project?: readonly string[] | undefined
  countries?: readonly string[] | undefined
}

export interface Selection {
  apps?: App[]
  countries?: string[]
}

/**
 * Checks and tidies the apps and countries a command is narrowed to.
 * @throws InvalidInputError naming everything that cannot be accepted
 */
export async function checkSelection(raw: RawSelection): Promise<Selection> {
  const { checkGiven } = await import('../values/input.js')
  await checkGiven(raw)
  const apps = entries(raw.project) as App[] | undefined
  const countries = entries(raw.countries)?.map((code) => code.toLowerCase())
  return {
    ...(apps === undefined ? {} : { apps: [...new Set(apps)] }),
    ...(countries === undefined ? {} : { countries: [...new Set(countries)] }),
  }
}

function entries(values: readonly string[] | undefined): string[] | undefined {
  return values === undefined || values.length === 0 ? undefined : values.flatMap((value) => value.split(','))
}
