import { APP_KEYS, type App, type AppKey, type Environment } from './contract.js'
import type { Input } from './input.js'

/** What k8sflow writes for one app; everything else in a values file is its owner's. */
export interface AppValues {
  create: true
  appName: App
  env: Environment
  countries: string[]
}

/** The keys of a values file, and what the flags say about each. */
export type Values = Partial<Record<AppKey, AppValues>>

/** The values that mean exactly what was asked for, one key per app. */
export function buildValues({ apps, environment, countries }: Input): Values {
  return Object.fromEntries(
    apps.map((app) => [
      APP_KEYS[app],
      { create: true, appName: app, env: environment, countries: [...countries] },
    ]),
  )
}

/**
 * Words that some reader of YAML 1.1 or 1.2 takes for a boolean, null, a number or a date when they stand bare.
 * Starting with a letter and holding nothing but letters, digits and dashes excludes all else.
 */
const BARE_WORD = /^[a-z][a-z0-9-]*$/i
const KEYWORD = /^(y|n|yes|no|on|off|true|false|null|nan|inf|e-?[0-9]+)$/i

/** A string as a YAML scalar that every reader of YAML 1.1 and 1.2 reads as that string. */
export function yamlString(text: string): string {
  return BARE_WORD.test(text) && !KEYWORD.test(text) ? text : JSON.stringify(text)
}

/**
 * The text of a new values file. Written by hand, because loading a YAML library costs more than starting node;
 * the tests hold it against several readers.
 */
export function newFile(values: Values): string {
  return Object.entries(values)
    .map(([key, app]) => `${key}:\n${appBlock(app)}`)
    .join('\n')
}

/** The lines of one app, as they stand below its key. */
function appBlock(app: AppValues): string {
  return [
    `create: true`,
    `appName: ${yamlString(app.appName)}`,
    `env: ${yamlString(app.env)}`,
    `countries:`,
    ...app.countries.map((country) => `  - ${yamlString(country)}`),
  ]
    .map((line) => `  ${line}\n`)
    .join('')
}
