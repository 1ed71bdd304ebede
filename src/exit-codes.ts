/**
 * The one table of exit codes: README and docs/exit-codes.md are made from it, and a test holds to it what help
 * prints, `oclif.description` of package.json.
 */
export const EXIT_CODES = {
  done: 0,
  failed: 1,
  invalidInput: 2,
  changesPending: 3,
  missingProgram: 4,
  clusterUnreachable: 5,
  deployFailed: 6,
  pingFailed: 7,
  vulnerabilitiesFound: 8,
  interrupted: 130,
} as const

export type ExitCode = (typeof EXIT_CODES)[keyof typeof EXIT_CODES]

/** What each exit code means, in the words shown to users. */
export const EXIT_CODE_MEANINGS: readonly (readonly [ExitCode, string])[] = [
  [EXIT_CODES.done, 'done'],
  [EXIT_CODES.failed, 'failed'],
  [EXIT_CODES.invalidInput, 'invalid input or usage; nothing was changed'],
  [EXIT_CODES.changesPending, 'changes pending; not used yet'],
  [EXIT_CODES.missingProgram, 'a required program is missing or too old'],
  [EXIT_CODES.clusterUnreachable, 'cluster unreachable or access denied'],
  [EXIT_CODES.deployFailed, 'deploy failed; rolled back to the last good revision, where there is one'],
  [EXIT_CODES.pingFailed, 'deployed, but an app did not answer /ping as it should'],
  [EXIT_CODES.vulnerabilitiesFound, 'vulnerabilities found'],
  [EXIT_CODES.interrupted, 'interrupted'],
]
