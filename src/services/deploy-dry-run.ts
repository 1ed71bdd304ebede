import type { Helm } from '../tools/helm.js'
import { type UpgradeRequest, upgradeArguments } from '../tools/helm-arguments.js'

const SECRET_KEY = /pass(word|wd)?$|secret$|token$|credential|api[-_]?key|private[-_]?key/i

/** The command a release is deployed with, as it can be pasted into a shell; values from nowhere come as a here-document. */
export function upgradeCommand(helm: Helm, request: UpgradeRequest, stdin: string | undefined): string {
  const line = helm.commandLine(upgradeArguments(request))
  return stdin === undefined ? line : `${line} <<'EOF'\n${maskValues(stdin)}\nEOF`
}

/** Masks what may be secret in values: environment variables of the containers, and keys that say so. */
export function maskValues(json: string): string {
  const masked = JSON.parse(json, (key, value: unknown) => {
    if (key === 'extraEnv' && Array.isArray(value)) return value.map(maskVariable)
    return SECRET_KEY.test(key) && typeof value === 'string' && value !== '' ? '***' : value
  }) as unknown
  return JSON.stringify(masked, undefined, 2)
}

function maskVariable(variable: unknown): unknown {
  if (typeof variable !== 'object' || variable === null || !('value' in variable)) return variable
  return { ...variable, value: '***' }
}
