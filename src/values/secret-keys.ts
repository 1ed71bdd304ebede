/* What may be secret in a values file, and so reaches no log: values of environment variables, and of keys that say so. */

/** What stands for a secret. */
export const MASK = '***'

export const SECRET_KEY = /pass(word|wd)?$|secret$|token$|credential|api[-_]?key|private[-_]?key/i
/** `extraEnv`, and what people write for it. */
export const EXTRA_ENV = /^extra[-_]?env/i
/** What a key, or a variable's name, looks like; anything else may hold a value, as in `A=secret`. */
export const NAME = /^[A-Za-z_][-.\w]*$/

/** Masks what may be secret, as `JSON.parse` and `JSON.stringify` take it. */
export function maskEntry(key: string, value: unknown): unknown {
  if (EXTRA_ENV.test(key) && typeof value === 'object' && value !== null)
    return Array.isArray(value) ? value.map(maskVariable) : MASK
  return SECRET_KEY.test(key) && typeof value === 'string' && value !== '' ? MASK : value
}

function maskVariable(variable: unknown): unknown {
  if (typeof variable !== 'object' || variable === null) return MASK
  return 'value' in variable ? { ...variable, value: MASK } : variable
}

/** Whether a message may say what stands at a JSON pointer; of environment variables only their names. */
export function maySay(pointer: string, value: unknown): boolean {
  const keys = pointer.split('/')
  if (!keys.some((key) => EXTRA_ENV.test(key) || SECRET_KEY.test(key))) return true
  return keys.at(-1) === 'name' && typeof value === 'string' && NAME.test(value)
}

/** A JSON pointer that may be said: keys that may hold a value are masked. */
export function maskPointer(pointer: string): string {
  const keys = pointer.split('/')
  const from = keys.findIndex((key) => EXTRA_ENV.test(key) || SECRET_KEY.test(key))
  if (from === -1) return pointer
  return keys
    .map((key, index) => (index <= from || /^\d+$/.test(key) || NAME.test(key) ? key : MASK))
    .join('/')
}
