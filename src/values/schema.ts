import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv'

import type { JsonValue } from './helm-yaml.js'
import { escapePointer, kindOf } from './helm-yaml.js'
import { nearest } from './nearest.js'
import { MASK, maskEntry, maskPointer, maySay } from './secret-keys.js'

/** One way in which values do not fit the schema. */
export interface SchemaProblem {
  /** JSON pointer of the value, or of the key that should not (or should) be there. */
  path: string
  message: string
  hint?: string
  /** The key is what is wrong, not its value. */
  atKey: boolean
}

export type SchemaCheck = (values: JsonValue) => Promise<SchemaProblem[]>

/** Prepares checks against a draft-07 schema; problems come as sentences, each place named once. */
export function schemaCheck(schema: object): SchemaCheck {
  const ajv = new Ajv({ allErrors: true, verbose: true, strict: false })
  const validate: ValidateFunction = ajv.compile(schema)
  return async (values) => {
    if (validate(values)) return []
    const problems: SchemaProblem[] = []
    for (const error of relevant(validate.errors ?? [])) {
      const problem = await describe(error)
      if (!problems.some((known) => known.path === problem.path && known.message === problem.message))
        problems.push(problem)
    }
    return problems
  }
}

/** Keywords that only say that something inside them failed, which has errors of its own. */
const WRAPPERS = new Set(['if', 'anyOf', 'oneOf', 'allOf', 'propertyNames', '$ref'])

/**
 * Leaves out what repeats another error: wrappers with errors inside, and everything else about a value that is of
 * the wrong type in the first place.
 */
function relevant(errors: readonly ErrorObject[]): ErrorObject[] {
  const inside = (wrapper: ErrorObject) =>
    errors.some((error) => error !== wrapper && error.instancePath.startsWith(wrapper.instancePath))
  const wrongType = new Set(
    errors.filter(({ keyword }) => keyword === 'type').map(({ instancePath }) => instancePath),
  )
  return errors.filter((error) => {
    if (WRAPPERS.has(error.keyword)) return !inside(error)
    return error.keyword === 'type' || error.propertyName !== undefined || !wrongType.has(error.instancePath)
  })
}

async function describe(error: ErrorObject): Promise<SchemaProblem> {
  const path = pathOf(error)
  const name = lastName(maskPointer(path))
  const words = await sentence(withoutSecret(error, path), name)
  return { path, ...words, atKey: KEY_ERRORS.has(error.keyword) || error.propertyName !== undefined }
}

/** An error whose value may not be said. */
interface SecretError extends ErrorObject {
  secret: true
}

/** Of a secret value only its kind counts, and that only where it is wrong. */
function withoutSecret(error: ErrorObject, path: string): ErrorObject | SecretError {
  if (maySay(path, error.data)) return error
  const kept = error.keyword === 'type' && typeof error.data !== 'string'
  return { ...error, data: kept ? error.data : MASK, secret: true }
}

const KEY_ERRORS = new Set(['additionalProperties'])

function pathOf(error: ErrorObject): string {
  const { instancePath, params, propertyName } = error
  if (error.keyword === 'additionalProperties')
    return `${instancePath}/${escapePointer(String(params['additionalProperty']))}`
  if (error.keyword === 'uniqueItems')
    return `${instancePath}/${Math.max(Number(params['i']), Number(params['j']))}`
  return propertyName === undefined ? instancePath : `${instancePath}/${escapePointer(propertyName)}`
}

/** How to name the value in a sentence: its key, or its place in a list. */
function lastName(path: string): string {
  const parts = path.split('/').map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
  const last = parts.at(-1) ?? ''
  if (!/^\d+$/.test(last)) return last === '' ? 'the document' : last
  return `${parts.at(-2) ?? ''}[${last}]`
}

interface Words {
  message: string
  hint?: string
}

async function sentence(error: ErrorObject, name: string): Promise<Words> {
  const { keyword, params, data } = error
  switch (keyword) {
    case 'additionalProperties':
      return unknownKey(error, name)
    case 'required':
      return {
        message: `${String(params['missingProperty'])} is missing${name === 'the document' ? '' : ` in ${name}`}`,
      }
    case 'type':
      return wrongType(error, name)
    case 'enum':
      return notOneOf(error, name)
    case 'uniqueItems':
      return { message: `${name} repeats ${shown(itemOf(data, params['i']))}`, hint: 'Name it once.' }
    case 'minItems':
      return { message: `${name} needs at least ${count(params['limit'], 'entry', 'entries')}` }
    case 'pattern':
    case 'not':
      if (error.propertyName !== undefined)
        return { message: `the key ${shown(error.propertyName)} cannot stand here`, ...description(error) }
      return { message: `${name} cannot be ${shown(data)}`, ...description(error) }
    case 'minimum':
      return { message: `${name} must be at least ${String(params['limit'])}, this is ${shown(data)}` }
    case 'maximum':
      return { message: `${name} must be at most ${String(params['limit'])}, this is ${shown(data)}` }
    default:
      return { message: `${name} ${error.message ?? 'does not fit the schema'}`, ...description(error) }
  }
}

async function unknownKey(error: ErrorObject, name: string): Promise<Words> {
  const known = Object.keys((error.parentSchema?.['properties'] ?? {}) as object)
  const close = await nearest(name, known)
  const message = `unknown key ${name}`
  if (close !== undefined) return { message, hint: `Did you mean ${close}?` }
  return { message, ...(known.length > 0 ? { hint: `Known here: ${known.join(', ')}.` } : {}) }
}

const TYPE_NAMES: Readonly<Record<string, string>> = {
  object: 'a mapping',
  array: 'a list',
  string: 'text',
  boolean: 'true or false',
  integer: 'a whole number',
  number: 'a number',
}

function wrongType(error: ErrorObject | SecretError, name: string): Words {
  const types = ([] as string[]).concat(error.params['type'] as string | string[])
  const wanted = types.filter((type) => type !== 'null').map((type) => TYPE_NAMES[type] ?? type)
  const { data } = error
  const message = `${name} must be ${wanted.join(' or ')}, this is ${typeof data === 'number' && !('secret' in error) ? String(data) : kindOf(data)}`
  const simple = typeof data === 'boolean' || typeof data === 'number'
  if (types.includes('string') && simple) return { message, hint: 'Put it in quotes.' }
  if (types.includes('boolean') && typeof data === 'string' && /^(true|false|yes|no|on|off)$/i.test(data))
    return { message, hint: 'Remove the quotes.' }
  if (types.includes('array') && typeof data === 'string')
    return { message, hint: `Write it as a list: [${data.split(',').join(', ')}]` }
  return { message }
}

async function notOneOf(error: ErrorObject, name: string): Promise<Words> {
  const allowed = (error.params['allowedValues'] as unknown[]).filter(
    (value) => value !== null && value !== '',
  )
  const message = `${name} must be ${listed(allowed.map(String))}, this is ${typeof error.data === 'object' ? kindOf(error.data) : shown(error.data)}`
  const close = typeof error.data === 'string' ? await nearest(error.data, allowed.map(String)) : undefined
  return close === undefined ? { message } : { message, hint: `Did you mean ${close}?` }
}

function listed(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.at(-1) ?? ''}`
}

/** What the schema says the value is for; the chart's descriptions say what is accepted. */
function description(error: ErrorObject): { hint?: string } {
  const text: unknown = error.parentSchema?.['description']
  return typeof text === 'string' ? { hint: text } : {}
}

function itemOf(data: unknown, index: unknown): unknown {
  return Array.isArray(data) ? data[Number(index)] : undefined
}

function shown(value: unknown): string {
  const text = JSON.stringify(value, maskEntry) ?? 'nothing'
  return text.length > 60 ? `${text.slice(0, 57)}…` : text
}

function count(limit: unknown, one: string, more: string): string {
  return limit === 1 ? `one ${one}` : `${String(limit)} ${more}`
}
