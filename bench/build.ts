import { execa } from 'execa'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { clusterEnvironment, type ClusterFacts } from '../test/cluster/machine/facts.js'
import { compare, reportLine } from './pairs.js'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const RUN = join(ROOT, 'bin', 'run.js')
const APPS = ['app1', 'app2']
const PREFIX = 'localhost:5000/bench'
const PLATFORMS = 'linux/amd64,linux/arm64'

/**
 * Both samples for two platforms, built and pushed: one `k8sflow build --push` against two `docker buildx build --push`,
 * run one after the other. Cold is without anything in the build cache, on both sides; the base image stays in the engine.
 */
export async function benchBuild(facts: ClusterFacts, print: (line: string) => void): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'k8sflow-bench-'))
  const git = { GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' }
  const env = { ...clusterEnvironment(facts), ...git, KUBECONFIG: facts.kubeconfigInside }
  // In the namespace the registry is localhost:5000 for engine and k8sflow alike.
  const run = async (program: string, ...args: string[]) =>
    execa('nsenter', [`--net=${facts.netnsFile}`, program, ...args], { cwd: folder, env, stdin: 'ignore' })
  const base = `--build-arg=NGINX_IMAGE=${facts.baseImage}`
  const k8sflow = async () => {
    const options = [`--image-prefix=${PREFIX}`, `--platform=${PLATFORMS}`, base, '--push']
    await run(process.execPath, RUN, 'build', ...options)
  }
  const docker = async () => {
    for (const app of APPS) {
      const options = [`--platform=${PLATFORMS}`, base, '--push', `--tag=${PREFIX}/${app}:plain`]
      await run(facts.docker.cli, 'buildx', 'build', ...options, join('samples', app))
    }
  }
  const prune = async () => {
    await run(facts.docker.cli, 'buildx', 'prune', '--all', '--force')
  }
  try {
    await cp(join(ROOT, 'samples'), join(folder, 'samples'), { recursive: true })
    const who = ['-c', 'user.name=bench', '-c', 'user.email=bench@example.test']
    await run('git', 'init', '--quiet')
    await run('git', 'add', '--all')
    await run('git', ...who, 'commit', '--quiet', '--message=samples')
    print(reportLine('build : docker buildx; warm', await compare(k8sflow, docker, { runs: 9 }), 1))
    const cold = await compare(k8sflow, docker, { runs: 5, before: prune })
    print(reportLine('build : docker buildx; cold', cold, 1))
  } finally {
    await rm(folder, { recursive: true })
  }
}
