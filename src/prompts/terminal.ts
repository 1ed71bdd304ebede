/** What decides whether a person is there to answer. */
export interface PromptConditions {
  /** `--json` was given: a program reads the output. */
  json?: boolean | undefined
  /** `--yes` was given: never ask. */
  yes?: boolean | undefined
  stdin?: { isTTY?: boolean | undefined }
  stdout?: { isTTY?: boolean | undefined }
  env?: NodeJS.ProcessEnv
}

/** True when stdin and stdout are terminals and neither CI, `--json` nor `--yes` says that nobody answers. */
export function canPrompt(conditions: PromptConditions = {}): boolean {
  const { json, yes, stdin = process.stdin, stdout = process.stdout, env = process.env } = conditions
  if (json === true || yes === true || isCi(env)) return false
  return stdin.isTTY === true && stdout.isTTY === true
}

/** CI services set `CI`; `CI=false` and `CI=0` are how people say that this is not one. */
function isCi(env: NodeJS.ProcessEnv): boolean {
  const value = env['CI']
  return value !== undefined && value !== '' && value !== 'false' && value !== '0'
}
