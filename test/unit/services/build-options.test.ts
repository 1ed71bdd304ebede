import { expect } from 'chai'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { InvalidInputError } from '../../../src/errors.js'
import { type BuildOptions, buildOptions, checkBuild } from '../../../src/services/build-options.js'

const OPTIONS: BuildOptions = {
  source: 'samples',
  platforms: ['linux/amd64', 'linux/arm64'],
  push: false,
  load: false,
  imagePrefix: 'hecha00',
  provenance: false,
  sbom: false,
  noCache: false,
  allowDirty: false,
  dryRun: false,
}
const check = async (options: Partial<BuildOptions>) => checkBuild({ ...OPTIONS, ...options })
const refusal = async (options: Partial<BuildOptions>) =>
  check(options).then(
    (checked) => expect.fail(`it took ${JSON.stringify(checked)}`),
    (error: unknown) => error as InvalidInputError,
  )

describe('the options of a build', () => {
  let folder: string
  beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), 'k8sflow-options-'))))
  afterEach(async () => rm(folder, { recursive: true }))

  it('are what the flags say', () => {
    const flags = {
      source: 's',
      platform: ['linux/amd64'],
      'image-prefix': 'p',
      tag: ['t'],
      'build-arg': ['A=1'],
      'cache-from': ['f'],
      'cache-to': ['t'],
      'ignore-cache': true,
      'allow-dirty': true,
      'oci-dir': 'o',
      'dry-run': true,
      provenance: true,
      sbom: true,
      push: true,
      load: false,
      write: ['w'],
    }
    expect(buildOptions(flags)).to.deep.include({
      source: 's',
      platforms: ['linux/amd64'],
      imagePrefix: 'p',
      tags: ['t'],
      buildArgs: ['A=1'],
      cacheFrom: ['f'],
      cacheTo: ['t'],
      noCache: true,
      allowDirty: true,
      ociDir: 'o',
      dryRun: true,
      provenance: true,
      sbom: true,
      push: true,
      write: ['w'],
    })
  })

  it('mean both apps, and to load them, unless they say otherwise', async () => {
    expect(await check({})).to.deep.equal({
      apps: ['app1', 'app2'],
      platforms: ['linux/amd64', 'linux/arm64'],
      output: 'load',
      buildArgs: {},
      write: [],
      warnings: [],
    })
    const one = await check({ project: ['app2'], push: true, buildArgs: ['A=1', 'B=x=y,z', 'C='] })
    expect(one)
      .to.include({ output: 'push' })
      .and.deep.include({
        apps: ['app2'],
        buildArgs: { A: '1', B: 'x=y,z', C: '' },
      })
    expect((await check({ ociDir: 'oci' })).output).to.equal('oci')
  })

  it('name apps that there are', async () => {
    expect(await refusal({ project: ['app3'] })).to.be.instanceOf(InvalidInputError)
  })

  it('name platforms, once each', async () => {
    const { platforms } = await check({ platforms: [' Linux/AMD64', 'linux/amd64', 'linux/arm/v7'] })
    expect(platforms).to.deep.equal(['linux/amd64', 'linux/arm/v7'])
    const error = await refusal({ platforms: ['amd64', 'linux/amd64', 'linux/'] })
    expect(error).to.include({ code: 'INVALID_PLATFORM', exitCode: 2 })
    expect(error.message).to.equal('"amd64" and "linux/" are no platforms.')
    expect((await refusal({ platforms: [''] })).message).to.equal('"" is no platform.')
    expect((await refusal({ platforms: [] })).code).to.equal('INVALID_PLATFORM')
  })

  it('do not repeat an argument that has no name: it could be a secret', async () => {
    for (const text of ['s3cr3t', '=s3cr3t']) {
      const error = await refusal({ buildArgs: [text] })
      expect(error).to.include({ code: 'INVALID_BUILD_ARG', exitCode: 2 })
      expect(JSON.stringify([error.message, error.suggestions, error.data])).to.not.include('s3cr3t')
    }
  })

  it('pin only what is pushed, in files that hold it', async () => {
    const path = join(folder, 'app1.yml')
    await writeFile(path, 'firstApp: {create: true, appName: app1, env: staging, countries: [it]}\n')
    const unpushed = await refusal({ write: [path] })
    expect(unpushed).to.include({ code: 'WRITE_WITHOUT_PUSH', exitCode: 2 })
    expect((await check({ push: true, project: ['app1'], write: [path] })).write).to.deep.equal([path])
    const other = await refusal({ push: true, write: [path] })
    expect(other.message).to.include('says nothing about app2')
    const gone = join(folder, 'gone.yml')
    expect((await refusal({ push: true, project: ['app1'], write: [gone] })).message).to.include(gone)
  })
})
