import { EXIT_CODES, type ExitCode } from './exit-codes.js'

export interface ErrorDetails {
  /** Stable, machine-readable name of the error, such as `INVALID_COUNTRY`. */
  code: string
  /** What the user can do next, one sentence or command per entry. */
  suggestions?: readonly string[]
  /** Further facts for the JSON output; never secrets. */
  data?: Readonly<Record<string, unknown>>
  cause?: unknown
}

/**
 * An error a user can act on: its message says what happened and where, its suggestions what to do next.
 * Services throw it; the base command prints it and exits with {@link exitCode}.
 */
export class K8sflowError extends Error {
  readonly code: string
  readonly suggestions: string[]
  readonly data: Readonly<Record<string, unknown>>
  /** Read by oclif, which exits with it. */
  readonly oclif: { exit: ExitCode }

  constructor(
    message: string,
    readonly exitCode: ExitCode,
    details: ErrorDetails,
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.name = 'Error'
    this.code = details.code
    this.suggestions = [...(details.suggestions ?? [])]
    this.data = details.data ?? {}
    this.oclif = { exit: exitCode }
  }
}

/** Input or usage that cannot be accepted; nothing was written or changed. */
export class InvalidInputError extends K8sflowError {
  constructor(message: string, details: ErrorDetails) {
    super(message, EXIT_CODES.invalidInput, details)
  }
}

/** A program k8sflow relies on is missing or too old. */
export class MissingProgramError extends K8sflowError {
  constructor(message: string, details: ErrorDetails) {
    super(message, EXIT_CODES.missingProgram, details)
  }
}

/** The cluster cannot be reached, or refuses access. */
export class ClusterAccessError extends K8sflowError {
  constructor(message: string, details: ErrorDetails) {
    super(message, EXIT_CODES.clusterUnreachable, details)
  }
}

/** The work was interrupted by a signal; the message says in what state it was left. */
export class InterruptedError extends K8sflowError {
  constructor(message: string, details: ErrorDetails) {
    super(message, EXIT_CODES.interrupted, details)
  }
}

/** Anything else that failed. */
export class FailedError extends K8sflowError {
  constructor(message: string, details: ErrorDetails) {
    super(message, EXIT_CODES.failed, details)
  }
}
