import { askVersion, checkVersion } from './program-version.js'
import type { Runner } from './runner.js'

/** The oldest helm that works: `--take-ownership` came with it. */
const OLDEST_HELM = '3.17.0'

export interface HelmVersion {
  /** As helm says it, without the `v`: `4.3.1`. */
  text: string
  /** 4 also stands for what comes after it. */
  major: 3 | 4
}

const HELM = {
  name: 'helm',
  oldest: OLDEST_HELM,
  orElse: ', or any helm 4',
  advice: [
    'Install Helm 4, or Helm 3 from 3.17 on: https://helm.sh/docs/intro/install/',
    'If it is installed elsewhere, say where: export K8SFLOW_HELM=/path/to/helm',
  ],
} as const

/**
 * Asks helm for its version.
 * @throws MissingProgramError when helm is missing, is no helm, or is older than {@link OLDEST_HELM}
 */
export async function readHelmVersion(runner: Runner, program: string): Promise<HelmVersion> {
  const args = ['version', '--template', '{{.Version}}']
  const answer = await askVersion(runner, { program, args, timeoutMs: 30_000 }, HELM)
  const version = checkVersion(program, answer, answer.stdout.trim(), HELM)
  return { text: version.version, major: version.major >= 4 ? 4 : 3 }
}
