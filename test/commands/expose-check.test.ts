import { expect } from 'chai'
import type { RequestListener } from 'node:http'

import ExposeCheck from '../../src/commands/expose/check.js'
import type { ExposeCheckResult } from '../../src/services/expose-check.js'
import { alsoOnIpv6, closedPort, httpServer, type Listening } from './fakes/servers.js'
import { runCommandClass } from './harness.js'

describe('expose check', () => {
  let server: Listening
  let beside: Listening | undefined
  before(async () => {
    const answer: RequestListener = (_request, response) => {
      response.end('here')
    }
    server = await httpServer(answer)
    beside = await alsoOnIpv6(server, answer)
  })
  after(async () => {
    await server.close()
    await beside?.close()
  })
  const run = async (...argv: string[]) => runCommandClass(ExposeCheck, ['localhost', ...argv])

  it('shows one line for each hop, from the top down, and exits with 0', async () => {
    const { stdout, stderr, exitCode } = await run('--port', String(server.port))
    expect(exitCode, stderr).to.equal(0)
    const hops = [...stdout.matchAll(/^\S (\w+)/gm)].map(([, hop]) => hop)
    expect([...new Set(hops)]).to.deep.equal(['name', 'address', 'port', 'ingress', 'route', 'app'])
    expect(stdout).to.match(/^✔ name +localhost is .*127\.0\.0\.1/m)
    expect(stderr).not.to.include('Error')
  })

  it('names the first hop that fails, with what to do, and exits with 1', async () => {
    const port = await closedPort()
    const { stdout, stderr, exitCode } = await run(
      '--port',
      String(port),
      '--public-address',
      '127.0.0.1,::1',
    )
    expect(exitCode).to.equal(1)
    expect(stdout).to.match(new RegExp(`^✗ port +\\S+:${String(port)} refuses`, 'm'))
    expect(stderr).to.match(/^Error: The first hop that fails is the \w+: .*\n→ /m)
  })

  it('prints one object with --json', async () => {
    const good = await run('--port', String(server.port), '--json')
    expect(good.exitCode).to.equal(0)
    expect(JSON.parse(good.stdout)).to.deep.include({
      host: 'localhost',
      ok: true,
      failed: null,
      publicAddresses: [],
    })
    const port = String(await closedPort())
    const bad = await run('--port', port, '--json')
    expect(bad.exitCode).to.equal(1)
    const { ok, failed, hops } = JSON.parse(bad.stdout) as ExposeCheckResult
    expect(ok).to.equal(false)
    expect(failed).to.deep.include({ hop: 'port', verdict: 'failed' })
    expect(hops).to.deep.include(failed)
  })

  it('exits with 2 for what is no host', async () => {
    const { stderr, exitCode } = await runCommandClass(ExposeCheck, ['http://app1-it.info/ping'])
    expect(exitCode).to.equal(2)
    expect(stderr).to.include('is not a host name')
  })

  it('says what is missing, with an example', async () => {
    const { stderr, exitCode } = await runCommandClass(ExposeCheck, [])
    expect(exitCode).to.equal(2)
    expect(stderr)
      .to.include('Error: HOST is missing: name to check, such as app1-it.info.\n')
      .and.match(/\n→ For example: k8sflow \S+ app1-it\.info\n→ Run .* --help/)
  })
})
