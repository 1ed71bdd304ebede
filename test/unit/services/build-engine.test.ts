import { expect } from 'chai'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { FailedError, InvalidInputError, type K8sflowError } from '../../../src/errors.js'
import {
  emulatorAdvice,
  type EngineNeeds,
  findEngine,
  missingEmulators,
} from '../../../src/services/build-engine.js'
import { createDocker } from '../../../src/tools/docker.js'
import { listed } from '../tools/buildx-builders.js'
import { FakeRunner } from '../tools/fake-runner.js'

const BOTH = ['linux/amd64', 'linux/arm64']

/** Finds the engine among these builders; `store` is the engine's, as docker info tells. */
async function find(builders: object[], needs: Partial<EngineNeeds> = {}, store = 'overlay2') {
  const runner = new FakeRunner(({ args }) => {
    if (args[1] === 'ls') return { stdout: builders.map((one) => JSON.stringify(one)).join('\n') }
    return { stdout: `[["driver-type","${store}"]]` }
  })
  const docker = createDocker(runner)
  const engine = await findEngine(docker, { builder: undefined, platforms: BOTH, output: 'load', ...needs })
  return { ...engine, asked: runner.invocations.map(({ args }) => args[0]) }
}
const refusal = async (...given: Parameters<typeof find>): Promise<K8sflowError> =>
  find(...given).then(
    ({ builder, route }) => expect.fail(`it took ${builder.name}, ${route}`),
    (error: unknown) => error as K8sflowError,
  )

describe('the engine of a build', () => {
  it('is the current builder, or the one that is named', async () => {
    const builders = [listed.containerd, listed.container]
    expect(await find(builders))
      .to.deep.include({ route: 'containerd' })
      .and.nested.include({ 'builder.name': 'default' })
    expect(await find(builders, { builder: 'boxed', output: 'push' }))
      .to.deep.include({ route: 'builder' })
      .and.nested.include({ 'builder.name': 'boxed' })
  })

  it('keeps several platforms in containerd, and is asked no more than it has to be', async () => {
    for (const output of ['load', 'push', 'oci'] as const) {
      const { route, asked } = await find([listed.containerd], { output })
      expect([route, asked], output).to.deep.equal(['containerd', ['buildx']])
    }
    const unlabelled = await find([listed.classic], {}, 'io.containerd.snapshotter.v1')
    expect(unlabelled.route).to.equal('containerd')
  })

  it('keeps one platform the classic way', async () => {
    for (const output of ['load', 'push'] as const)
      expect((await find([listed.classic], { output, platforms: ['linux/amd64'] })).route).to.equal('classic')
  })

  it('cannot keep several platforms the classic way, nor write layouts', async () => {
    for (const output of ['load', 'push'] as const) {
      const error = await refusal([listed.classic], { output })
      expect(error).to.be.instanceOf(InvalidInputError).and.include({ code: 'CLASSIC_IMAGE_STORE' })
      expect(error.message).to.include('linux/amd64 and linux/arm64')
      expect(error.suggestions.join('\n'))
        .to.include('containerd-snapshotter')
        .and.include('docker buildx create')
        .and.include('--platform linux/amd64')
    }
    const layout = await refusal([listed.classic], { output: 'oci', platforms: ['linux/amd64'] })
    expect(layout.message).to.include('OCI layouts')
    expect(layout.suggestions.join('\n')).to.not.include('--platform')
  })

  it('loads several platforms from a builder of its own only where the engine can keep them', async () => {
    const builders = [{ ...listed.container, Current: true }]
    expect((await refusal(builders)).message).to.match(/^The images cannot be loaded: /)
    expect((await find(builders, { platforms: ['linux/amd64'] })).asked).to.deep.equal(['buildx'])
    expect((await find(builders, {}, 'io.containerd.snapshotter.v1')).route).to.equal('builder')
    for (const output of ['push', 'oci'] as const)
      expect((await find(builders, { output })).asked).to.deep.equal(['buildx'])
  })

  it('does not answer', async () => {
    const error = await refusal([listed.unreachable])
    expect(error).to.be.instanceOf(FailedError).and.include({ code: 'DOCKER_UNREACHABLE', exitCode: 1 })
    expect(error.message).to.include('Cannot connect to the Docker daemon at unix:///nonexist.sock')
    const denied = await refusal([listed.denied])
    expect(denied.suggestions.join()).to.include('usermod -aG docker')
  })

  it('cannot be a builder with an error', async () => {
    const error = await refusal([listed.containerd, listed.far], { builder: 'far' })
    expect(error).to.include({ code: 'BUILDER_UNUSABLE', exitCode: 1 })
    expect(error.message).to.match(/^The builder far cannot be used: .*connection refused/)
    expect(error.suggestions.join('\n')).to.include('docker buildx inspect far').and.include('--builder')
  })

  it('has to be there', async () => {
    const missing = await refusal([listed.containerd, listed.container], { builder: 'nope' })
    expect(missing).to.include({ code: 'NO_BUILDER', exitCode: 2 })
    expect(missing.suggestions.join()).to.include('default, boxed')
    const none = await refusal([{ ...listed.containerd, Current: false }])
    expect(none.message).to.include('no current builder')
    expect((await refusal([])).suggestions.join()).to.include('docker buildx create')
  })
})

describe('missing emulators', () => {
  let folder: string
  beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), 'k8sflow-emulators-'))))
  afterEach(async () => rm(folder, { recursive: true }))

  const builder = { name: 'b', driver: 'docker', current: true, platforms: ['linux/amd64', 'linux/amd64/v2'] }
  const warnings = async (dockerfile: string, platforms = BOTH, known = builder.platforms) => {
    await mkdir(join(folder, 'app1'), { recursive: true })
    await writeFile(join(folder, 'app1', 'Dockerfile'), dockerfile)
    const sources = [{ app: 'app1', context: join(folder, 'app1') }]
    return missingEmulators({ ...builder, platforms: known }, platforms, sources)
  }

  it('are told of where a Dockerfile runs programs', async () => {
    const [warning, ...more] = await warnings('FROM nginx\nCOPY a b\nRUN true\n')
    expect(warning).to.equal(
      "app1's Dockerfile has RUN, and this builder has no emulator for linux/arm64: docker run --privileged --rm tonistiigi/binfmt --install arm64",
    )
    expect(more).to.deep.equal([])
    expect(await warnings('from nginx\n  run true\n')).to.have.lengthOf(1)
  })

  it('do not matter where nothing is run, or only on the builder itself', async () => {
    for (const dockerfile of [
      'FROM nginx\nCOPY a b\n# RUN true\nCMD RUN\n',
      'FROM --platform=$BUILDPLATFORM node AS build\nRUN npm ci\nFROM nginx\nCOPY --from=build a b\n',
      'FROM --platform=${BUILDPLATFORM} node\nRUN npm ci\n',
    ])
      expect(await warnings(dockerfile), dockerfile).to.deep.equal([])
    const both = 'FROM --platform=$BUILDPLATFORM node AS build\nRUN npm ci\nFROM nginx\nRUN true\n'
    expect(await warnings(both)).to.have.lengthOf(1)
  })

  it('are none for what the builder runs, or where it does not say', async () => {
    const dockerfile = 'FROM nginx\nRUN true\n'
    expect(await warnings(dockerfile, ['linux/amd64'])).to.deep.equal([])
    expect(await warnings(dockerfile, BOTH, BOTH)).to.deep.equal([])
    expect(await warnings(dockerfile, BOTH, [])).to.deep.equal([])
    expect(await missingEmulators(builder, BOTH, [{ app: 'app1', context: '/nowhere' }])).to.deep.equal([])
  })

  it('are installed for each architecture once', () => {
    expect(emulatorAdvice(['linux/arm64', 'linux/arm/v7', 'linux/arm/v6'])).to.match(/--install arm64,arm$/)
  })
})
