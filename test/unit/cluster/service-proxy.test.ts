import { expect } from 'chai'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { openServiceProxy, type ServiceProxy } from '../../../src/cluster/service-proxy.js'

describe('the proxy to Services', () => {
  let folder: string
  let server: Server
  let proxy: ServiceProxy
  const seen: { url: string; headers: Record<string, unknown> }[] = []
  let breaks = false

  /** Sends a path as it is: fetch would resolve dots itself. */
  const ask = async (
    url: string,
    options: { path?: string; method?: string; headers?: Record<string, string> } = {},
  ) => {
    const { hostname, port, pathname } = new URL(url)
    return new Promise<{ status: number; text: string; type: string | undefined }>((resolve, reject) => {
      const outgoing = request(
        {
          hostname,
          port,
          path: options.path ?? pathname,
          method: options.method ?? 'GET',
          headers: options.headers ?? {},
        },
        (answer) => {
          let text = ''
          answer.on('data', (data: Buffer) => (text += data.toString()))
          answer.on('end', () =>
            resolve({ status: answer.statusCode ?? 0, text, type: answer.headers['content-type'] }),
          )
          answer.on('error', reject)
        },
      )
      outgoing.on('error', reject)
      outgoing.end()
    })
  }

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'k8sflow-proxy-'))
    server = createServer((incoming, response) => {
      seen.push({ url: incoming.url ?? '', headers: incoming.headers })
      if (breaks) return void incoming.socket.destroy()
      response.writeHead(503, { 'content-type': 'text/x-own' }).end('no pod')
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    const file = join(folder, 'config')
    await writeFile(
      file,
      `clusters: [{name: c, cluster: {server: "http://127.0.0.1:${String(port)}/k8s"}}]\nusers: [{name: u, user: {token: secret}}]\ncontexts: [{name: x, context: {cluster: c, user: u}}]\ncurrent-context: x\n`,
    )
    const services = new Map([['app1-it', { namespace: 'we-road-it', service: 'app1-svc-it' }]])
    proxy = await openServiceProxy({ kubeconfig: file }, services)
  })
  beforeEach(() => {
    seen.length = 0
    breaks = false
  })
  after(async () => {
    await proxy.close()
    server.closeAllConnections()
    server.close()
    await rm(folder, { recursive: true })
  })

  it('asks the API server with the credentials, and hands back what it says', async () => {
    const url = `${proxy.url('app1-it')}/ping`
    const answer = await ask(url, {
      headers: { authorization: 'Basic other', cookie: 'a=b', 'impersonate-extra-scopes': 'x', 'x-own': '1' },
    })
    expect(answer).to.deep.equal({ status: 503, text: 'no pod', type: 'text/x-own' })
    expect(seen[0]?.url).to.equal(
      '/k8s/api/v1/namespaces/we-road-it/services/http:app1-svc-it:http/proxy/ping',
    )
    expect(seen[0]?.headers)
      .to.deep.include({ authorization: 'Bearer secret', 'x-own': '1' })
      .and.not.have.any.keys('cookie', 'impersonate-extra-scopes')
  })

  it('closes also when there are no credentials any more', async () => {
    const file = join(folder, 'expired')
    await writeFile(
      file,
      `clusters: [{name: c, cluster: {server: "http://127.0.0.1:1"}}]\nusers: [{name: u, user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: /nowhere/plugin}}}]\ncontexts: [{name: x, context: {cluster: c, user: u}}]\ncurrent-context: x\n`,
    )
    const services = new Map([['app1-it', { namespace: 'we-road-it', service: 'app1-svc-it' }]])
    const expired = await openServiceProxy({ kubeconfig: file }, services)
    expect((await ask(`${expired.url('app1-it')}/ping`)).status).to.equal(502)
    await expired.close()
  })

  it('leads nowhere else: not without its secret, not to other objects, and changes nothing', async () => {
    const url = proxy.url('app1-it')
    const base = new URL(url).pathname
    const statuses = [
      await ask(url, { path: '/app1-it/ping' }),
      await ask(url, { path: base.replace(/[\da-f]{32}/, '0'.repeat(32)) }),
      await ask(url, { path: `${base.replace('app1-it', 'app2-it')}/ping` }),
      await ask(url, { path: `${base}/../../../../secrets` }),
      await ask(url, { path: `${base}/%2e%2e/%2e%2e/secrets` }),
      await ask(url, { path: `${base}/..%2f..%2fsecrets` }),
      await ask(url, { method: 'POST' }),
      await ask(url, { method: 'DELETE' }),
    ].map(({ status }) => status)
    expect(statuses).to.deep.equal(statuses.map(() => 404))
    expect(seen).to.deep.equal([])
    await ask(url, { path: `${base}/x/../ping` })
    expect(seen[0]?.url).to.match(/\/proxy\/ping$/)
  })

  it('says so when the API server breaks off', async () => {
    breaks = true
    expect((await ask(`${proxy.url('app1-it')}/ping`)).status).to.equal(502)
  })
})
