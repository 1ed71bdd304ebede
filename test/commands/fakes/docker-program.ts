import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import type { BakeFile } from '../../../src/services/build-definition.js'
import { listed } from '../../unit/tools/buildx-builders.js'

/** How the docker of docker.mjs behaves. */
export interface FakeDockerState {
  /** Of `buildx ls`; the engine itself, keeping images in containerd, unless told otherwise. */
  builders: object[]
  /** Of `docker info`. */
  driverStatus: [string, string][]
  /** What builds that push say their digests are. */
  digests: Record<string, string>
  /** What a build prints on stderr. */
  lines: string[]
  /** With what a build, and the questions before it, fail. */
  fails: string
  lsFails: string
  infoFails: string
  loadFails: Record<string, string>
  /** Which of its works waits for a signal. */
  hangs: 'bake' | 'load'
}

/** An entry of its log: a call, the start of a wait, or the signals that came during one. */
export interface FakeDockerCall {
  args?: string[]
  definition?: BakeFile
  waiting?: string
  signals?: string[]
}

export interface FakeDocker {
  /** Leads k8sflow to it. */
  env: { K8SFLOW_DOCKER: string; FAKE_DOCKER: string }
  is(state: Partial<FakeDockerState>): Promise<void>
  log(): Promise<FakeDockerCall[]>
  /** Argument lists, without the questions that change nothing. */
  orders(): Promise<string[]>
  /** The bake file of the last build. */
  baked(): Promise<BakeFile['target']>
}

/** Puts the state and the log of a fake docker into a folder. */
export async function startFakeDocker(folder: string): Promise<FakeDocker> {
  const file = join(folder, 'docker.json')
  const is = async (state: Partial<FakeDockerState>) => {
    const whole = { builders: [listed.containerd], driverStatus: [], ...state }
    await writeFile(file, JSON.stringify(whole))
    await writeFile(`${file}.log`, '')
  }
  const log = async () =>
    (await readFile(`${file}.log`, 'utf8'))
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as FakeDockerCall)
  await is({})
  return {
    env: {
      K8SFLOW_DOCKER: fileURLToPath(new URL('docker.mjs', import.meta.url)),
      FAKE_DOCKER: file,
    },
    is,
    log,
    orders: async () =>
      (await log())
        .flatMap(({ args }) => (args === undefined ? [] : [args.join(' ')]))
        .filter((args) => !/^(buildx ls|info) /.test(args)),
    baked: async () =>
      (await log()).findLast(({ definition }) => definition !== undefined)!.definition!.target,
  }
}
