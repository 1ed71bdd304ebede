import type { Helm } from '../tools/helm.js'
import { type UpgradeRequest, upgradeArguments } from '../tools/helm-arguments.js'
import { maskEntry } from '../values/secret-keys.js'

/** The command a release is deployed with, as it can be pasted into a shell; values from nowhere come as a here-document. */
export function upgradeCommand(helm: Helm, request: UpgradeRequest, stdin: string | undefined): string {
  const line = helm.commandLine(upgradeArguments(request))
  return stdin === undefined ? line : `${line} <<'EOF'\n${maskValues(stdin)}\nEOF`
}

/** Masks what may be secret in values: environment variables of the containers, and keys that say so. */
export function maskValues(json: string): string {
  return JSON.stringify(JSON.parse(json, maskEntry), undefined, 2)
}
