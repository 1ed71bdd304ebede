import type { SemVer } from 'semver'
import parse from 'semver/functions/parse.js'

import { K8sflowError, MissingProgramError } from '../errors.js'
import { printable } from '../printable.js'
import type { Completed, Invocation, Runner } from './runner.js'

/** A program of the user's own, of which not every version will do. */
export interface KnownProgram {
  /** As people write it; codes of errors begin with it. */
  name: 'helm' | 'Locust' | 'trivy'
  /** The oldest version that will do. */
  oldest: string
  /** What else will do, in words. */
  orElse?: string
  /** How to get it. */
  advice: readonly string[]
}

/**
 * Runs a program that is asked for its version.
 * @throws MissingProgramError when there is no such program
 */
export async function askVersion(
  runner: Runner,
  invocation: Invocation,
  known: KnownProgram,
): Promise<Completed> {
  try {
    return await runner.run(invocation)
  } catch (cause) {
    if (!(cause instanceof K8sflowError) || cause.code !== 'PROGRAM_NOT_FOUND') throw cause
    throw refusal(known, 'NOT_FOUND', `${known.name} was not found (looked for "${invocation.program}").`, {
      cause,
    })
  }
}

/**
 * Judges what a program answered when it was asked for its version.
 * @param said the version in that answer, if there is one
 * @throws MissingProgramError when there is none, or it is older than the oldest that will do
 */
export function checkVersion(
  program: string,
  answer: Completed,
  said: string | undefined,
  known: KnownProgram,
): SemVer {
  const { name, oldest, orElse = '' } = known
  const version = answer.exitCode === 0 ? parse(said) : null
  if (version === null)
    throw refusal(
      known,
      'UNUSABLE',
      `"${program}" did not say a version of ${name}, so k8sflow cannot use it; ${lastWords(answer)}`,
      { data: { program, exitCode: answer.exitCode, stderr: answer.stderr.slice(0, 2000) } },
    )
  if (version.compare(oldest) < 0)
    throw refusal(
      known,
      'TOO_OLD',
      `"${program}" is ${name} ${version.version}; k8sflow needs ${oldest} or newer${orElse}.`,
      { data: { program, version: version.version, oldest } },
    )
  return version
}

function refusal(
  { name, advice }: KnownProgram,
  reason: 'NOT_FOUND' | 'TOO_OLD' | 'UNUSABLE',
  message: string,
  more: { cause?: unknown; data?: Readonly<Record<string, unknown>> },
): MissingProgramError {
  // HELM_TOO_OLD, TRIVY_NOT_FOUND, LOCUST_UNUSABLE and so on.
  const code = `${name.toUpperCase()}_${reason}`
  return new MissingProgramError(message, { code, suggestions: advice, ...more })
}

function lastWords({ stdout, stderr }: Completed): string {
  const line = printable(lastLine(stderr) || lastLine(stdout))
  return line === '' ? 'it printed nothing.' : `it printed: ${line.slice(0, 200)}`
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? ''
}
