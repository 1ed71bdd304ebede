import { MissingProgramError } from '../errors.js'
import { askVersion, checkVersion } from './program-version.js'
import type { Runner } from './runner.js'

/** The oldest trivy that works: since 0.55 its JSON report says which findings were ignored, and why. */
export const OLDEST_TRIVY = '0.55.0'

/** Releases that an attacker published: 0.69.4 as binaries, all three as images (GHSA-69fq-xp46-6x23). */
const MALICIOUS = ['0.69.4', '0.69.5', '0.69.6']

const TRIVY = {
  name: 'trivy',
  oldest: OLDEST_TRIVY,
  advice: [
    'Install trivy: https://trivy.dev/latest/getting-started/installation/',
    'If it is installed elsewhere, say where: export K8SFLOW_TRIVY=/path/to/trivy',
  ],
} as const

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
  const args = ['version', '--format', 'json']
  const answer = await askVersion(runner, { program, args, env, timeoutMs: 60_000 }, TRIVY)
  const said = versionIn(answer.stdout)
  if (answer.exitCode === 0 && said === 'dev') return said
  const { version } = checkVersion(program, answer, said, TRIVY)
  if (MALICIOUS.includes(version)) throw malicious(program, version)
  return version
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
