import { expect } from 'chai'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { connect } from '../../../src/cluster/client.js'
import { loadKubeconfig } from '../../../src/cluster/kubeconfig.js'
import type { ClusterAccessError } from '../../../src/errors.js'

const kubeconfig = (name: string, server: string, extra = '') => `apiVersion: v1
kind: Config
clusters: [{name: ${name}, cluster: {server: "${server}"}}]
users: [{name: ${name}, user: {token: secret-${name}}}]
contexts: [{name: ${name}, context: {cluster: ${name}, user: ${name}${extra}}}]
current-context: ${name}
`
const caught = async (work: Promise<unknown>) =>
  work.then(() => undefined).catch((error: unknown) => error as ClusterAccessError)

describe('kubeconfig', () => {
  let folder: string
  const file = async (name: string, content: string) => {
    const path = join(folder, name)
    await writeFile(path, content)
    return path
  }
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'k8sflow-kubeconfig-'))
  })
  afterEach(async () => rm(folder, { recursive: true }))

  it('prefers --kubeconfig to KUBECONFIG to the home folder', async () => {
    const one = await file('one', kubeconfig('one', 'https://one:6443'))
    const two = await file('two', kubeconfig('two', 'https://two:6443'))
    const first = await loadKubeconfig({ kubeconfig: one }, { KUBECONFIG: two })
    expect(first.config.getCurrentContext()).to.equal('one')
    const second = await loadKubeconfig({}, { KUBECONFIG: two, HOME: folder })
    expect(second.config.getCurrentContext()).to.equal('two')
    const none = await caught(loadKubeconfig({}, { HOME: folder }))
    expect(none).to.include({ code: 'KUBECONFIG_MISSING', exitCode: 5 })
    expect(none?.suggestions[0]).to.include('k3s.yaml')
  })

  it('merges several files, the first mention of a name wins, and skips those that are missing', async () => {
    const one = await file('one', kubeconfig('default', 'https://one:6443'))
    const two = await file('two', kubeconfig('default', 'https://two:6443'))
    const three = await file('three', kubeconfig('three', 'https://three:6443'))
    const files = [one, join(folder, 'missing'), two, three].join(':')
    const { config } = await loadKubeconfig({}, { KUBECONFIG: files })
    expect(config.getCurrentCluster()?.server).to.equal('https://one:6443')
    expect(config.contexts.map(({ name }) => name)).to.deep.equal(['default', 'three'])
    const other = await loadKubeconfig({ context: 'three' }, { KUBECONFIG: files })
    expect(other.config.getCurrentCluster()?.server).to.equal('https://three:6443')
  })

  it('lists the contexts when one is unknown, the nearest first', async () => {
    const path = await file('one', kubeconfig('raspberry', 'https://one:6443'))
    const error = await caught(loadKubeconfig({ kubeconfig: path, context: 'rasberry' }))
    expect(error).to.include({ code: 'CONTEXT_UNKNOWN', exitCode: 5 })
    expect(error?.suggestions).to.deep.equal(['Did you mean --context raspberry?', 'It has: raspberry.'])
  })

  for (const [what, content] of [
    ['no YAML', 'clusters: [}'],
    ['something else', 'hello: world'],
    ['an empty file', ''],
  ] as const)
    it(`refuses ${what} by name`, async () => {
      const path = await file('bad', content)
      const error = await caught(loadKubeconfig({ kubeconfig: path }))
      expect(error).to.include({ code: 'KUBECONFIG_INVALID', exitCode: 5 })
      expect(error?.message).to.include(path)
    })

  it('names a folder and a missing file', async () => {
    expect(await caught(loadKubeconfig({ kubeconfig: folder }))).to.have.property(
      'code',
      'KUBECONFIG_UNREADABLE',
    )
    expect(await caught(loadKubeconfig({ kubeconfig: join(folder, 'no') }))).to.have.property(
      'code',
      'KUBECONFIG_MISSING',
    )
  })
})

describe('connect', () => {
  let server: Server
  let folder: string
  let path: string
  const serve = async (listener: RequestListener) => {
    server = createServer(listener)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    await writeFile(path, kubeconfig('pi', `http://127.0.0.1:${String(port)}`, ', namespace: home'))
    return connect({ kubeconfig: path })
  }
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'k8sflow-connect-'))
    path = join(folder, 'config')
  })
  afterEach(async () => {
    server.closeAllConnections()
    server.close()
    await rm(folder, { recursive: true })
  })

  it('sends the token, follows pages, and keeps the context’s namespace', async () => {
    const seen: string[] = []
    const cluster = await serve((request, response) => {
      seen.push(`${request.headers.authorization ?? ''} ${request.url ?? ''}`)
      const more = !request.url?.includes('continue=next')
      response.end(JSON.stringify({ items: [more ? 1 : 2], metadata: more ? { continue: 'next' } : {} }))
    })
    expect(await cluster.list({ path: '/api/v1/pods' })).to.deep.equal([1, 2])
    expect(seen[0]).to.equal('Bearer secret-pi /api/v1/pods?limit=500')
    expect(cluster.namespace).to.equal('home')
  })

  it('names a server without the credentials in its URL, which it sends all the same', async () => {
    const seen: string[] = []
    const { server: url } = await serve((request, response) => {
      seen.push(`${request.headers.authorization ?? ''} ${request.url ?? ''}`)
      response.end('{}')
    })
    const secret = `${url.replace('//', '//bob:hush@')}/?token=abc`
    await writeFile(path, kubeconfig('pi', secret).replace('token: secret-pi', ''))
    const cluster = await connect({ kubeconfig: path })
    expect(cluster.server).to.equal(url)
    await cluster.send({ path: '/version' })
    expect(seen).to.deep.equal([`Basic ${Buffer.from('bob:hush').toString('base64')} /version?token=abc`])
    await writeFile(path, kubeconfig('pi', 'http://bob:hush@pi:notaport'))
    const error = await caught(connect({ kubeconfig: path }))
    expect(error?.message).to.include('usable "server": "http://***@pi:notaport"')
  })

  it('bounds the size of an answer and the time for it', async () => {
    const cluster = await serve((request, response) => {
      if (request.url === '/big') response.end('x'.repeat(1_000_000))
    })
    const big = await cluster.exchange({ path: '/big', maxBytes: 10 })
    expect(big).to.deep.equal({ status: 200, text: 'x'.repeat(10), truncated: true })
    const error = await caught(cluster.exchange({ path: '/silent', timeoutMs: 1000 }))
    expect(error).to.include({ code: 'CLUSTER_SLOW', exitCode: 5 })
  })

  it('does not count the time in which a request waits for others to end', async () => {
    // Eight at a time, of which each takes half of what it may.
    const cluster = await serve((_request, response) => void setTimeout(() => response.end('{}'), 1500))
    const asked = Array.from({ length: 20 }, async () => cluster.exchange({ path: '/slow', timeoutMs: 3000 }))
    expect((await Promise.all(asked)).map(({ status }) => status)).to.deep.equal(asked.map(() => 200))
  })

  it('tells a missing object from a refusal', async () => {
    const cluster = await serve((request, response) => {
      response.statusCode = request.url === '/gone' ? 404 : 403
      response.end('{"kind":"Status","message":"no"}')
    })
    expect(await cluster.find({ path: '/gone' })).to.equal(undefined)
    expect(await caught(cluster.find({ path: '/secret' }))).to.have.property('code', 'CLUSTER_FORBIDDEN')
    expect(await caught(cluster.send({ path: '/gone' }))).to.include({ name: 'ApiStatusError', status: 404 })
  })
})
