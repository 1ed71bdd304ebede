import parse from 'semver/functions/parse.js'

import { K8sflowError, MissingProgramError } from '../errors.js'
import type { Completed, Runner } from './runner.js'

/** The oldest trivy that works: since 0.55 its JSON report says which findings were ignored, and why. */
export const OLDEST_TRIVY = '0.55.0'

/** Releases that an attacker published: 0.69.4 as binaries, all three as images (GHSA-69fq-xp46-6x23). */
const MALICIOUS = ['0.69.4', '0.69.5', '0.69.6']

const HOW_TO_GET_TRIVY = [
  'Install trivy: https://trivy.dev/latest/getting-started/installation/',
  'If it is installed elsewhere, say where: export K8SFLOW_TRIVY=/path/to/trivy',
]

/**
 * Asks trivy for its version.
 * @returns the version, or `dev`, which is what a trivy says that somebody built without giving it one
 * @throws MissingProgramError when trivy is missing, is no trivy, is older than {@link OLDEST_TRIVY}, or is one of the
 * releases of the attack of March 2026
 */
export async function readTrivyVersion(
  runner: Runner,
  program: string,
  env: Readonly<Record<string, string | undefined>> = {},
): Promise<string> {
  const answer = await askVersion(runner, program, env)
  const text = answer.exitCode === 0 ? versionIn(answer.stdout) : undefined
  if (text === 'dev') return text
  const version = parse(text)
  if (version === null)
    throw new MissingProgramError(
      `"${program}" did not say its version, so it is not a trivy k8sflow can use.`,
      {
        code: 'TRIVY_UNUSABLE',
        suggestions: HOW_TO_GET_TRIVY,
        data: { program, stderr: answer.stderr.slice(0, 2000) },
      },
    )
  if (MALICIOUS.includes(version.version)) throw malicious(program, version.version)
  if (version.compare(OLDEST_TRIVY) < 0)
    throw new MissingProgramError(
      `"${program}" is trivy ${version.version}; k8sflow needs ${OLDEST_TRIVY} or newer.`,
      {
        code: 'TRIVY_TOO_OLD',
        suggestions: HOW_TO_GET_TRIVY,
        data: { program, version: version.version, oldest: OLDEST_TRIVY },
      },
    )
  return version.version
}

async function askVersion(
  runner: Runner,
  program: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Completed> {
  try {
    const args = ['version', '--format', 'json']
    return await runner.run({ program, args, env, timeoutMs: 60_000 })
  } catch (error) {
    if (!(error instanceof K8sflowError) || error.code !== 'PROGRAM_NOT_FOUND') throw error
    throw new MissingProgramError(`trivy was not found (looked for "${program}").`, {
      code: 'TRIVY_NOT_FOUND',
      suggestions: HOW_TO_GET_TRIVY,
      cause: error,
    })
  }
}

function versionIn(stdout: string): string | undefined {
  try {
    const { Version: version } = JSON.parse(stdout) as { Version?: unknown }
    return typeof version === 'string' ? version : undefined
  } catch {
    return undefined
  }
}

function malicious(program: string, version: string): MissingProgramError {
  return new MissingProgramError(
    `"${program}" is trivy ${version}, which an attacker published in March 2026: it steals secrets (CVE-2026-33634, GHSA-69fq-xp46-6x23).`,
    {
      code: 'TRIVY_MALICIOUS',
      suggestions: [
        'Remove it. It has run on this machine, now at the latest: replace every secret it could read.',
        'Install 0.70.0 or newer: https://trivy.dev/latest/getting-started/installation/',
      ],
      data: { program, version },
    },
  )
}
