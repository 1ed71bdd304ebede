import { expect } from 'chai'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { MissingProgramError } from '../../../src/errors.js'
import { findCredentials } from '../../../src/images/credentials.js'
import { createRunner } from '../../../src/tools/runner.js'
import { type Answer, FakeRunner } from '../tools/fake-runner.js'

const base64 = (text: string) => Buffer.from(text).toString('base64')
const ME = { username: 'me', password: 'p:w' }

describe('credentials for registries', () => {
  let folder: string
  beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), 'k8sflow-docker-'))))
  afterEach(async () => rm(folder, { recursive: true }))

  const find = async (
    config: object | string,
    registry: string,
    answer: () => Answer | undefined = () => undefined,
  ) => {
    await writeFile(join(folder, 'config.json'), typeof config === 'string' ? config : JSON.stringify(config))
    const runner = new FakeRunner(answer)
    const found = await findCredentials(registry, {
      runner,
      home: '/nowhere',
      environment: { DOCKER_CONFIG: folder },
    })
    return {
      ...found,
      asked: runner.invocations.map(({ program, args, stdin }) => [program, ...args, stdin].join(' ')),
    }
  }

  it('reads what docker login stored, in each of its forms', async () => {
    const auths = {
      'r.io:5000': { auth: base64('me:p:w') },
      'https://old.io/v1/': { auth: `${base64('me:p:w\0\0')}` },
      'plain.io': ME,
      'token.io': { auth: base64('me:p:w'), identitytoken: 'id' },
      'bearer.io': { registrytoken: 'reg' },
      'https://index.docker.io/v1/': { auth: base64('hub:pw') },
      'empty.io': {},
      'broken.io': { auth: base64('me') },
    }
    const of = async (registry: string) => (await find({ auths }, registry)).credentials
    for (const registry of ['r.io:5000', 'old.io', 'plain.io'])
      expect(await of(registry), registry).to.deep.equal(ME)
    expect(await of('token.io')).to.deep.equal({ identityToken: 'id' })
    expect(await of('bearer.io')).to.deep.equal({ registryToken: 'reg' })
    expect(await of('docker.io')).to.deep.equal({ username: 'hub', password: 'pw' })
    for (const registry of ['r.io', 'io', 'empty.io', 'broken.io', 'constructor'])
      expect(await of(registry), registry).to.equal(undefined)
  })

  it('asks the helper of the registry, else the one for all', async () => {
    const config = { credHelpers: { 'gcr.io': 'gcloud' }, credsStore: 'desktop', auths: { 'r.io': ME } }
    const stdout = JSON.stringify({ ServerURL: 'x', Username: 'me', Secret: 'p:w' })
    const own = await find(config, 'gcr.io', () => ({ stdout }))
    expect(own).to.deep.equal({ credentials: ME, asked: ['docker-credential-gcloud get gcr.io'] })
    const shared = await find(config, 'docker.io', () => ({ stdout }))
    expect(shared.asked).to.deep.equal(['docker-credential-desktop get https://index.docker.io/v1/'])
    const token = JSON.stringify({ Username: '<token>', Secret: 'id' })
    expect((await find(config, 'a.io', () => ({ stdout: token }))).credentials).to.deep.equal({
      identityToken: 'id',
    })
  })

  it('says why there are none, without a secret', async () => {
    const config = { credsStore: 'x' }
    const of = async (answer: () => Answer | undefined) => {
      const { credentials, problem } = await find(config, 'a.io', answer)
      expect(credentials).to.equal(undefined)
      return problem
    }
    expect(await of(() => ({ exitCode: 1, stdout: 'credentials not found in native keychain' }))).to.equal(
      undefined,
    )
    expect(await of(() => ({ stdout: '{"Username":"","Secret":""}' }))).to.equal(undefined)
    expect(await of(() => ({ exitCode: 1, stdout: 'SECRET', stderr: 'locked\nreally' }))).to.equal(
      'docker-credential-x failed: locked really.',
    )
    expect(await of(() => ({ exitCode: 1, endedBy: 'SIGTERM', stdout: 'SECRET' }))).to.equal(
      'docker-credential-x did not answer in time.',
    )
    expect(await of(() => ({ stdout: 'SECRET' }))).to.equal(
      'docker-credential-x gave an answer that is none.',
    )
    expect(
      await of(() => {
        throw new MissingProgramError('docker-credential-x was not found.', { code: 'PROGRAM_NOT_FOUND' })
      }),
    ).to.equal('docker-credential-x was not found.')
  })

  it('ends a helper that does not answer', async () => {
    const helper = join(folder, 'docker-credential-slow')
    await writeFile(helper, '#!/bin/sh\ntrap "" INT\nexec sleep 60\n', { mode: 0o755 })
    await writeFile(join(folder, 'config.json'), JSON.stringify({ credsStore: 'slow' }))
    const found = await findCredentials('r.io', {
      runner: createRunner(() => undefined),
      home: '/nowhere',
      environment: { DOCKER_CONFIG: folder, PATH: `${folder}:${process.env['PATH'] ?? ''}` },
      signal: AbortSignal.timeout(50),
      helperTimeoutMs: 200,
    })
    expect(found).to.deep.equal({ problem: 'docker-credential-slow did not answer in time.' })
  })

  it('takes what a variable gives before the file', async () => {
    const given = (auths: object | string) => ({
      DOCKER_CONFIG: folder,
      DOCKER_AUTH_CONFIG: JSON.stringify({ auths }),
    })
    await writeFile(join(folder, 'config.json'), JSON.stringify({ auths: { 'r.io': ME } }))
    const runner = new FakeRunner(() => undefined)
    const of = async (environment: Record<string, string>, registry = 'r.io') =>
      findCredentials(registry, { runner, home: '/', environment })
    const auths = {
      'r.io': { auth: base64('you:x') },
      'https://index.docker.io/v1/': { auth: base64('hub:x') },
    }
    expect(await of(given(auths))).to.deep.equal({ credentials: { username: 'you', password: 'x' } })
    expect(await of(given(auths), 'docker.io')).to.deep.equal({
      credentials: { username: 'hub', password: 'x' },
    })
    for (const environment of [given({}), given('x'), { DOCKER_CONFIG: folder, DOCKER_AUTH_CONFIG: '{' }])
      expect(await of(environment)).to.deep.equal({ credentials: ME })
  })

  it('gets along without a usable file', async () => {
    for (const text of ['{', '[]', 'null', '"x"'])
      expect((await find(text, 'r.io')).problem, text).to.include('not a JSON object')
    for (const config of [{}, { auths: null }, { auths: [], credHelpers: 'x', credsStore: 1 }])
      expect(await find(config, 'r.io')).to.deep.equal({ asked: [] })
    const runner = new FakeRunner(() => undefined)
    expect(
      await findCredentials('r.io', { runner, home: join(folder, 'no'), environment: {} }),
    ).to.deep.equal({})
    const environment = { DOCKER_CONFIG: join(folder, 'config.json') }
    const { problem } = await findCredentials('r.io', { runner, home: '/', environment })
    expect(problem).to.match(/config\.json was not used: there is no such file\.$/)
  })
})
