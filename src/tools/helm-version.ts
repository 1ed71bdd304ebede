import parse from 'semver/functions/parse.js'

import { K8sflowError, MissingProgramError } from '../errors.js'
import type { Runner } from './runner.js'

/** The oldest helm that works: `--take-ownership` came with it. */
export const OLDEST_HELM = '3.17.0'

export interface HelmVersion {
  /** As helm says it, without the `v`: `4.3.1`. */
  text: string
  /** 4 also stands for what comes after it. */
  major: 3 | 4
}

const HOW_TO_GET_HELM = [
  'Install Helm 4, or Helm 3 from 3.17 on: https://helm.sh/docs/intro/install/',
  'If it is installed elsewhere, say where: export K8SFLOW_HELM=/path/to/helm',
]

/**
 * Asks helm for its version.
 * @throws MissingProgramError when helm is missing, is no helm, or is older than {@link OLDEST_HELM}
 */
export async function readHelmVersion(runner: Runner, program: string): Promise<HelmVersion> {
  let answer
  try {
    const args = ['version', '--template', '{{.Version}}']
    answer = await runner.run({ program, args, timeoutMs: 30_000 })
  } catch (error) {
    if (error instanceof K8sflowError && error.code === 'PROGRAM_NOT_FOUND')
      throw new MissingProgramError(`helm was not found (looked for "${program}").`, {
        code: 'HELM_NOT_FOUND',
        suggestions: HOW_TO_GET_HELM,
        cause: error,
      })
    throw error
  }
  const version = parse(answer.stdout.trim())
  if (answer.exitCode !== 0 || version === null)
    throw new MissingProgramError(
      `"${program}" did not say its version, so it is not a helm k8sflow can use.`,
      {
        code: 'HELM_UNUSABLE',
        suggestions: HOW_TO_GET_HELM,
        data: { program, stderr: answer.stderr.slice(0, 2000) },
      },
    )
  if (version.compare(OLDEST_HELM) < 0)
    throw new MissingProgramError(
      `"${program}" is helm ${version.version}; k8sflow needs ${OLDEST_HELM} or newer, or any helm 4.`,
      {
        code: 'HELM_TOO_OLD',
        suggestions: HOW_TO_GET_HELM,
        data: { program, version: version.version, oldest: OLDEST_HELM },
      },
    )
  return { text: version.version, major: version.major >= 4 ? 4 : 3 }
}
