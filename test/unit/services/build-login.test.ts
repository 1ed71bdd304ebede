import { expect } from 'chai'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import type { InvalidInputError } from '../../../src/errors.js'
import { checkLogin } from '../../../src/services/build-login.js'
import { type Answer, FakeRunner } from '../tools/fake-runner.js'

const AUTH = { auth: Buffer.from('me:s3cr3t').toString('base64') }
const HUB = ['hecha00/app1', 'hecha00/app2']
const LAN = ['registry.lan:5000/home/app1', 'registry.lan:5000/home/app2']

describe('the login of docker', () => {
  let folder: string
  const before = process.env['DOCKER_CONFIG']
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'k8sflow-login-'))
    process.env['DOCKER_CONFIG'] = folder
  })
  afterEach(async () => {
    if (before === undefined) delete process.env['DOCKER_CONFIG']
    else process.env['DOCKER_CONFIG'] = before
    await rm(folder, { recursive: true })
  })

  const check = async (images: string[], config?: object | string, answer: Answer = {}) => {
    const text = typeof config === 'string' ? config : JSON.stringify(config)
    if (config !== undefined) await writeFile(join(folder, 'config.json'), text)
    const runner = new FakeRunner(() => answer)
    return { warnings: await checkLogin(images, runner), asked: runner.invocations.length }
  }

  it("is needed for docker's own registry", async () => {
    for (const config of [undefined, {}, { auths: { 'registry.lan:5000': AUTH } }]) {
      const error = await check(HUB, config).then(
        () => expect.fail('it was not missed'),
        (reason: unknown) => reason as InvalidInputError,
      )
      expect(error).to.include({ code: 'NOT_LOGGED_IN', exitCode: 2 })
      expect(error.message).to.include('docker.io').and.include('hecha00/app1 and hecha00/app2')
      expect(error.suggestions.join('\n')).to.include('docker login').and.include('--image-prefix')
    }
  })

  it('is there, in a file or with a helper', async () => {
    const nothing = { warnings: [], asked: 0 }
    expect(await check(HUB, { auths: { 'https://index.docker.io/v1/': AUTH } })).to.deep.equal(nothing)
    expect(await check(LAN, { auths: { 'registry.lan:5000': AUTH } })).to.deep.equal(nothing)
    const stdout = JSON.stringify({ Username: 'me', Secret: 's3cr3t' })
    // Once for the registry, not once for each image.
    expect(await check(HUB, { credsStore: 'pass' }, { stdout })).to.deep.equal({ warnings: [], asked: 1 })
  })

  it('may not be needed elsewhere, which is worth one warning', async () => {
    const { warnings } = await check(LAN, {})
    expect(warnings).to.have.lengthOf(1)
    expect(warnings[0]).to.include('docker login registry.lan:5000')
  })

  it('is of no interest on this machine', async () => {
    const hosts = ['localhost:5000', '127.0.0.1:5000', '127.8.0.1', 'localhost', '[::1]:5000']
    for (const host of hosts) expect((await check([`${host}/home/app1`])).warnings, host).to.deep.equal([])
    for (const host of ['localhost.example', '127.0.0.1.example', '10.0.0.1:5000'])
      expect((await check([`${host}/home/app1`])).warnings, host).to.have.lengthOf(1)
  })

  it('is not known where it cannot be read, which stops nobody', async () => {
    expect((await check(HUB, '{')).warnings.join()).to.include(join(folder, 'config.json'))
    const failing = await check(
      HUB,
      { credsStore: 'pass' },
      { exitCode: 1, stdout: 's3cr3t', stderr: 'locked' },
    )
    expect(failing.warnings).to.have.lengthOf(1)
    expect(failing.warnings[0]).to.include('docker-credential-pass failed: locked').and.not.include('s3cr3t')
  })
})
