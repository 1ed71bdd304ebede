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
  const { apps, countries } = await checkGiven(raw)
  return {
    ...(apps.length === 0 ? {} : { apps }),
    ...(countries.length === 0 ? {} : { countries }),
  }
}
