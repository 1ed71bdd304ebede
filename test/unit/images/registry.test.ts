import { expect } from 'chai'

import type { CredentialSearch } from '../../../src/images/credentials.js'
import { parseReference } from '../../../src/images/reference.js'
import { readPlatforms, type RegistryOptions, registryUrl } from '../../../src/images/registry.js'
import { connectionFailure, RegistryError } from '../../../src/images/registry-errors.js'
import { parseChallenges } from '../../../src/images/registry-login.js'
import { type FakeRegistry, LAYER_BYTES, startFakeRegistry } from '../../commands/fakes/image-registry.js'

const LOGIN = { username: 'me', password: 'p:w' }
const BOTH = ['linux/amd64', 'linux/arm64']

describe('reading images in a registry', () => {
  let registry: FakeRegistry
  beforeEach(async () => {
    registry = await startFakeRegistry()
    registry.putIndex('hecha00/app1', '1', BOTH)
  })
  afterEach(async () => registry.close())

  const read = async (image: string, options: RegistryOptions = {}) =>
    readPlatforms(parseReference(`${registry.host}/${image}`), options)
  const names = async (...args: Parameters<typeof read>) =>
    (await read(...args)).map(({ platform }) => platform)
  const failure = async (...args: Parameters<typeof read>) => {
    const error: unknown = await read(...args).then(
      (found) => expect.fail(`no error but ${JSON.stringify(found)}`),
      (thrown: unknown) => thrown,
    )
    expect(error).to.be.instanceOf(RegistryError)
    return error as RegistryError
  }
  const as = (found: CredentialSearch) => ({ credentials: async () => Promise.resolve(found) })

  it('names the platforms of an index, by tag, by digest and by default tag', async () => {
    const digest = registry.putIndex('a', 'latest', ['linux/arm/v7'])
    expect(await names('hecha00/app1:1')).to.deep.equal(BOTH)
    expect(await names(`a:ignored@${digest}`)).to.deep.equal(['linux/arm/v7'])
    expect(await names('a')).to.deep.equal(['linux/arm/v7'])
    expect(registry.requests.map(({ line }) => line)).to.deep.equal([
      'GET /v2/hecha00/app1/manifests/1',
      `GET /v2/a/manifests/${digest}`,
      'GET /v2/a/manifests/latest',
    ])
    expect(registry.requests[0]!.accept)
      .to.include('oci.image.index.v1+json')
      .and.include('manifest.list.v2+json')
  })

  it('reads the config of an image that has no index', async () => {
    const digest = registry.putSingle('a', '1', 'linux/arm64')
    const [found, ...more] = await read('a:1')
    expect([found!.platform, found!.digest, more]).to.deep.equal(['linux/arm64', digest, []])
    expect(found!.size).to.be.greaterThan(LAYER_BYTES)
  })

  it('adds sizes when asked', async () => {
    expect((await read('hecha00/app1:1')).map(({ size }) => size)).to.deep.equal([undefined, undefined])
    for (const { size } of await read('hecha00/app1:1', { sizes: true }))
      expect(size).to.be.greaterThan(LAYER_BYTES)
  })

  it('gets a token, as somebody or as nobody, and keeps it for the rest', async () => {
    registry.putSingle('a', '1', 'linux/arm64')
    registry.login = { scheme: 'bearer', ...LOGIN, anonymous: true }
    expect(await names('a:1')).to.deep.equal(['linux/arm64'])
    expect(registry.requests.map(({ line }) => line.replace(/sha256.*/, '…'))).to.deep.equal([
      'GET /v2/a/manifests/1',
      'GET /token?service=fake%2C+the+registry&scope=repository%3Asome%2Fthing%3Apull',
      'GET /v2/a/manifests/1',
      'GET /v2/a/blobs/…',
    ])
    registry.login.anonymous = false
    expect(await names('a:1', as({ credentials: LOGIN }))).to.deep.equal(['linux/arm64'])
  })

  it('exchanges an identity token, and sends a registry token as it is', async () => {
    registry.login = { scheme: 'bearer', ...LOGIN, identityToken: 'id' }
    expect(await names('hecha00/app1:1', as({ credentials: { identityToken: 'id' } }))).to.deep.equal(BOTH)
    const post = registry.requests.find(({ line }) => line === 'POST /token')!
    expect(Object.fromEntries(new URLSearchParams(post.body))).to.deep.equal({
      service: 'fake, the registry',
      scope: 'repository:some/thing:pull',
      grant_type: 'refresh_token',
      client_id: 'k8sflow',
      refresh_token: 'id',
    })
    expect(await names('hecha00/app1:1', as({ credentials: { registryToken: 'pull-token' } }))).to.deep.equal(
      BOTH,
    )
  })

  it('gives name and password where that is what the registry wants', async () => {
    registry.login = { scheme: 'basic', ...LOGIN }
    expect(await names('hecha00/app1:1', as({ credentials: LOGIN }))).to.deep.equal(BOTH)
  })

  it('says with whose credentials it was refused', async () => {
    for (const scheme of ['basic', 'bearer'] as const) {
      registry.login = { scheme, ...LOGIN }
      const nobody = await failure('hecha00/app1:1')
      expect(nobody.kind).to.equal('unauthorized')
      expect(nobody.message).to.equal(`${registry.host} refuses hecha00/app1:1 without credentials.`)
      expect(nobody.suggestions).to.deep.equal([`Log in: docker login ${registry.host}`])
      const wrong = await failure('hecha00/app1:1', as({ credentials: { ...LOGIN, password: 'x' } }))
      expect(wrong.message).to.include("with the credentials in docker's configuration")
      const broken = await failure('hecha00/app1:1', as({ problem: 'docker-credential-x failed.' }))
      expect(broken.message).to.include('without credentials; docker-credential-x failed.')
    }
  })

  it('tells apart what is not there, too many questions and other answers', async () => {
    const missing = await failure('hecha00/app1:2')
    expect([missing.kind, missing.code]).to.deep.equal(['not-found', 'REGISTRY_NOT_FOUND'])
    expect(missing.message).to.equal(`${registry.host} has no hecha00/app1:2.`)
    const status = async (code: number) => {
      registry.intercept = (_, response) => Boolean(response.writeHead(code).end())
      return (await failure('a')).kind
    }
    expect(await status(429)).to.equal('rate-limited')
    expect(await status(503)).to.equal('unusable')
    expect(await status(403)).to.equal('unauthorized')
    registry.intercept = (_, response) => Boolean(response.writeHead(200).end('<html>'))
    expect((await failure('a')).message).to.include('no JSON')
  })

  it('refuses an image that names no platform', async () => {
    registry.putManifest('a', 'empty', {
      mediaType: 'application/vnd.oci.image.index.v1+json',
      manifests: [],
    })
    registry.putManifest('a', 'old', { schemaVersion: 1, architecture: 'amd64' })
    for (const tag of ['empty', 'old'])
      expect((await failure(`a:${tag}`)).message).to.equal(
        `What ${registry.host} has as a:${tag} names no platform.`,
      )
  })

  it('refuses what does not have its digest', async () => {
    const digest = registry.putIndex('a', '1', BOTH)
    registry.intercept = (request, response) =>
      request.url!.endsWith(digest) && Boolean(response.writeHead(200).end('{"manifests":[]}'))
    expect((await failure(`a@${digest}`)).message).to.include(`something else than ${digest}`)
    registry.intercept = (_, response) =>
      Boolean(response.writeHead(200, { 'docker-content-digest': digest }).end('{"manifests":[]}'))
    expect((await failure('a:1')).kind).to.equal('unusable')
  })

  it('refuses more than a manifest can be', async () => {
    registry.intercept = (_, response) =>
      Boolean(response.writeHead(200).end(Buffer.alloc(5 * 1024 * 1024, 32)))
    expect((await failure('a:1')).message).to.include('more than 4 MiB')
  })

  it('gives up in time, and when asked to', async () => {
    registry.intercept = () => true
    const slow = await failure('a:1', { timeoutMs: 50 })
    expect([slow.kind, slow.message]).to.deep.equal([
      'timeout',
      `${registry.host} did not answer within 0.05 s.`,
    ])
    const controller = new AbortController()
    const stopped = failure('a:1', { signal: controller.signal })
    controller.abort()
    expect((await stopped).kind).to.equal('unreachable')
    expect((await failure('a:1', { signal: AbortSignal.abort() })).kind).to.equal('unreachable')
  })

  it('gives up also where the credentials do not come', async () => {
    registry.login = { scheme: 'basic', ...LOGIN }
    let give: (found: CredentialSearch) => void = () => undefined
    const credentials = async () => new Promise<CredentialSearch>((resolve) => (give = resolve))
    expect((await failure('hecha00/app1:1', { credentials, timeoutMs: 1000 })).kind).to.equal('timeout')
    give({ credentials: LOGIN })
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(registry.requests).to.have.lengthOf(1)
  })

  it('says that nobody listens, and that TLS fails', async () => {
    registry.login = { scheme: 'bearer', ...LOGIN }
    registry.intercept = (_, response) =>
      Boolean(
        response
          .writeHead(401, { 'www-authenticate': `Bearer realm="https://${registry.host}/token"` })
          .end(),
      )
    expect((await failure('a:1')).kind).to.equal('tls')
    const gone = await startFakeRegistry()
    const image = parseReference(`${gone.host}/a`)
    await gone.close()
    const error: unknown = await readPlatforms(image).catch((thrown: unknown) => thrown)
    expect((error as RegistryError).kind).to.equal('unreachable')
    expect((error as RegistryError).message).to.include('ECONNREFUSED')
  })

  it('tells a certificate nobody vouches for from a host that is not there', () => {
    const kind = (code: string) =>
      connectionFailure(
        'r.io',
        new TypeError('fetch failed', { cause: Object.assign(new Error(code), { code }) }),
      ).kind
    for (const code of [
      'DEPTH_ZERO_SELF_SIGNED_CERT',
      'CERT_HAS_EXPIRED',
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
      'ERR_TLS_CERT_ALTNAME_INVALID',
    ])
      expect(kind(code), code).to.equal('tls')
    for (const code of ['ENOTFOUND', 'EAI_AGAIN', 'UND_ERR_SOCKET', 'ECONNRESET'])
      expect(kind(code), code).to.equal('unreachable')
    const several = new AggregateError([
      Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }),
    ])
    expect(connectionFailure('r.io', new TypeError('fetch failed', { cause: several })).message).to.equal(
      'r.io cannot be reached (connect ECONNREFUSED).',
    )
  })

  it('says when a registry speaks plain HTTP, and repeats only the reason of other TLS failures', async () => {
    const error: unknown = await fetch(`https://${registry.host}/`).catch((thrown: unknown) => thrown)
    expect(
      [connectionFailure('r.lan:5000', error)].map(({ kind, message }) => [kind, message]),
    ).to.deep.equal([
      ['tls', 'r.lan:5000 speaks plain HTTP, in which only registries on this machine are asked.'],
    ])
    const message =
      '80AC:error:0A000438:SSL routines:ssl3_read_bytes:tlsv1 alert internal error:../record.c:1584:'
    const cause = Object.assign(new Error(message), { code: 'ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR' })
    expect(connectionFailure('r.io', new TypeError('fetch failed', { cause })).message).to.equal(
      'There is no trusted TLS connection to r.io (tlsv1 alert internal error).',
    )
  })

  it('cannot reach what is no host, though docker lets it pass for one', async () => {
    for (const host of ['registry.5', 'r.lan:99999', '[::::]', '1.2.3.999']) {
      const error: unknown = await readPlatforms(parseReference(`${host}/a`)).catch(
        (thrown: unknown) => thrown,
      )
      expect((error as RegistryError).kind, host).to.equal('unreachable')
    }
  })

  it('follows a blob to another host without its authorization', async () => {
    const other = await startFakeRegistry()
    registry.putSingle('a', '1', 'linux/arm64')
    other.putSingle('a', '1', 'linux/arm64')
    registry.login = { scheme: 'basic', ...LOGIN }
    registry.intercept = (request, response) =>
      request.url!.includes('/blobs/') &&
      Boolean(response.writeHead(307, { location: `http://${other.host}${request.url!}` }).end())
    expect(await names('a:1', as({ credentials: LOGIN }))).to.deep.equal(['linux/arm64'])
    expect(other.requests.map(({ authorization }) => authorization)).to.deep.equal([undefined])
    await other.close()
  })

  it('lets no other host choose who gets the credentials', async () => {
    const other = await startFakeRegistry()
    registry.putSingle('a', '1', 'linux/arm64')
    other.login = { scheme: 'bearer', ...LOGIN, identityToken: 'id' }
    registry.intercept = (request, response) =>
      request.url!.includes('/blobs/') &&
      Boolean(response.writeHead(307, { location: `http://${other.host}${request.url!}` }).end())
    for (const credentials of [LOGIN, { identityToken: 'id' }, { registryToken: 'pull-token' }])
      expect((await failure('a:1', as({ credentials }))).kind).to.equal('unauthorized')
    expect(other.requests.map(({ authorization, body }) => [authorization, body])).to.deep.equal(
      Array(3).fill([undefined, '']),
    )
    await other.close()
  })

  it('sends nothing to a token server it cannot trust', async () => {
    const challenge = (realm: string) => {
      registry.intercept = (_, response) =>
        Boolean(response.writeHead(401, { 'www-authenticate': `Bearer realm="${realm}"` }).end())
    }
    for (const realm of ['', '/token', 'ftp://a/token', 'http://token.lan/', 'http://127.0.0.1.lan/token']) {
      challenge(realm)
      expect((await failure('a:1', as({ credentials: LOGIN }))).kind, realm).to.equal('unusable')
    }
    expect(registry.requests.every(({ authorization }) => authorization === undefined)).to.equal(true)
  })

  it('speaks plain HTTP to this machine only', () => {
    for (const host of ['localhost', 'localhost:5000', '127.0.0.1:5000', '127.9.9.9', '[::1]:5000'])
      expect(registryUrl(host)).to.equal(`http://${host}`)
    for (const host of ['ghcr.io', '127.0.0.1.lan', 'localhost.lan:80', '10.0.0.1:5000', 'a.5', '127.1'])
      expect(registryUrl(host)).to.equal(`https://${host}`)
    expect(registryUrl('docker.io')).to.match(/^https:\/\/[^/]+\.docker\.io$/)
  })

  it('reads challenges', () => {
    expect(
      parseChallenges('Bearer realm="https://a/t?x=1,2",service=s, Basic realm="a \\"b\\""'),
    ).to.deep.equal([
      { scheme: 'bearer', parameters: { realm: 'https://a/t?x=1,2', service: 's' } },
      { scheme: 'basic', parameters: { realm: 'a "b"' } },
    ])
    expect(parseChallenges('Negotiate, BASIC')).to.deep.equal([
      { scheme: 'negotiate', parameters: {} },
      { scheme: 'basic', parameters: {} },
    ])
    expect(parseChallenges('')).to.deep.equal([])
    expect(parseChallenges('x=1')).to.deep.equal([])
  })
})
