import { expect } from 'chai'
import type { RequestListener } from 'node:http'

import { InvalidInputError } from '../../../src/errors.js'
import { exposeCheck, type ExposeCheckResult, type ExposeTools } from '../../../src/services/expose-check.js'
import type { ExposeCheckOptions } from '../../../src/services/expose-options.js'
import { certificatePem, type Issued } from '../../../src/pki/certificates.js'
import type { FoundName } from '../../../src/tools/host-lookup.js'
import {
  authority,
  closedPort,
  httpServer,
  httpsServer,
  type Listening,
  silentPort,
  tcpServer,
} from '../../commands/fakes/servers.js'
import { inFolder } from './in-folder.js'

const HOST = 'app1-it.info'
const HERE = '127.0.0.1'
/** Far more than anything here needs, where something is to come… */
const LIMITS = { lookUp: 15_000, knock: 15_000, answer: 15_000 }
/** …and soon enough where nothing will. */
const SOON = 1500

const says =
  (status: number, body: string, headers: Record<string, string> = {}): RequestListener =>
  (_request, response) => {
    response.writeHead(status, headers).end(body)
  }
const PING = says(200, 'hello from app1-staging-it\n')
const byDns = (...addresses: string[]): FoundName => ({ addresses, hostsFile: [] })
const byHostsFile = (address: string, dns?: string[]): FoundName => ({
  addresses: [address],
  hostsFile: [{ file: '/etc/hosts', line: 3, address }],
  ...(dns === undefined ? {} : { dns }),
})

describe('a request followed to its app', () => {
  const open: Listening[] = []
  let ca: Issued
  before(async () => {
    ca = await authority()
  })
  afterEach(async () => {
    for (const server of open.splice(0)) await server.close()
  })
  const kept = <Server extends Listening>(server: Server): Server => {
    open.push(server)
    return server
  }

  const check = async (
    options: Omit<Partial<ExposeCheckOptions>, 'port'> & { port: string[] },
    found: FoundName = byDns(HERE),
    tools: Partial<ExposeTools> = {},
  ) => exposeCheck({ host: HOST, ...options }, { lookUp: async () => found, limits: LIMITS, ...tools })
  const at = async (
    { port }: { port: number },
    options: Partial<ExposeCheckOptions> = {},
    limits: Partial<typeof LIMITS> = {},
  ) => check({ ...options, port: [String(port)] }, byDns(HERE), { limits: { ...LIMITS, ...limits } })
  const trusting = async (server: Listening, authorityOf = ca) =>
    inFolder({ 'ca.crt': certificatePem(authorityOf.certificate) }, async () => at(server, { ca: 'ca.crt' }))
  const verdicts = ({ hops }: ExposeCheckResult) => hops.map(({ hop, verdict }) => `${hop} ${verdict}`)
  /** Checks that this hop is the first that failed, and gives what was said of it. */
  const first = (result: ExposeCheckResult, hop: string) => {
    expect(result.failed?.hop, JSON.stringify(result.hops)).to.equal(hop)
    expect(result.ok).to.equal(false)
    expect(result.failed?.advice).to.not.deep.equal([])
    return [result.failed!.text, ...result.failed!.advice].join('\n')
  }

  describe('where all is well', () => {
    it('looks at each hop over HTTP, with the Host header of the host', async () => {
      const server = kept(await httpServer(PING))
      const result = await at(server, { publicAddress: [HERE] })
      expect(verdicts(result)).to.deep.equal([
        'name good',
        'address good',
        'port good',
        'ingress good',
        'route good',
        'app good',
      ])
      expect(result).to.deep.include({ ok: true, failed: null, addresses: [HERE], fromHostsFile: false })
      expect(server.hosts).to.deep.equal([`${HOST}:${String(server.port)}`])
      expect(result.hops.at(-1)?.text).to.equal('hello from app1-staging-it')
    })

    it('looks at the certificate over HTTPS, and trusts the CA it is given', async () => {
      const server = kept(await httpsServer(ca, [HOST], PING))
      const result = await trusting(server)
      expect(result.ok, JSON.stringify(result.hops)).to.equal(true)
      expect(verdicts(result).slice(2)).to.deep.equal([
        'port good',
        'ingress good',
        'tls good',
        'route good',
        'app good',
      ])
    })

    it('takes a redirect to HTTPS of the same host for a route', async () => {
      const server = kept(await httpServer(says(301, '', { location: `https://${HOST}/ping` })))
      const result = await at(server)
      expect(result.ok).to.equal(true)
      expect(verdicts(result)).to.include('route good').and.not.include('app good')
    })

    it('asks of other hosts only that they answer', async () => {
      const server = kept(await httpServer(says(200, 'anything')))
      expect((await at(server, { host: 'home.example.org' })).ok).to.equal(true)
      const unknown = kept(await httpServer(says(404, '<html>not found</html>')))
      const result = await at(unknown, { host: 'home.example.org' })
      expect(verdicts(result).at(-1)).to.equal('app unknown')
      expect(result.ok).to.equal(true)
    })
  })

  describe('name', () => {
    it('fails where it stands for nothing, and the rest is looked at where it ought to lead', async () => {
      const server = kept(await httpServer(PING))
      const nothing: FoundName = { addresses: [], hostsFile: [], problem: 'ENOTFOUND' }
      const options = { port: [String(server.port)] }
      expect(first(await check(options, nothing), 'name')).to.include('k8sflow hosts --write')
      const told = await check({ ...options, publicAddress: [HERE] }, nothing)
      expect(first(told, 'name')).to.include('has no address, neither in the hosts file nor in DNS')
      expect(told.hops[1]?.text).to.include('tried because of --public-address: the name has no address')
      expect(verdicts(told)).to.deep.equal([
        'name failed',
        'port good',
        'ingress good',
        'route good',
        'app good',
      ])
    })

    it('is not the same as a resolver that does not answer', async () => {
      const silent: FoundName = { addresses: [], hostsFile: [], problem: 'EAI_AGAIN' }
      expect(first(await check({ port: ['80'] }, silent), 'name')).to.include('did not answer')
    })
  })

  describe('address', () => {
    const compared = async (found: FoundName, ...told: string[]) => {
      const answered = { state: 'refused', milliseconds: 1 } as const
      return check({ port: ['80'], publicAddress: told }, found, { knock: async () => answered })
    }
    const row = ({ hops }: ExposeCheckResult) => hops.find(({ hop }) => hop === 'address')

    it('cannot be compared with one that was not told', async () => {
      expect(row(await compared(byDns('203.0.113.7')))).to.deep.include({ verdict: 'unknown' })
      expect(row(await compared(byDns('192.168.1.10')))?.text).to.include(
        'leads to 192.168.1.10, which is not reached from the Internet',
      )
    })

    it('is one of the first four, and how many more there are is said', async () => {
      const many = (count: number) =>
        byDns(...Array.from({ length: count }, (_, index) => `203.0.113.${String(index + 1)}`))
      const untried = async (found: FoundName, ...told: string[]) => {
        const { hops } = await compared(found, ...told)
        expect(hops.filter(({ hop }) => hop === 'port')).to.have.length(Math.min(4, found.addresses.length))
        return hops.filter(({ text }) => text.includes('are tried')).map(({ hop, text }) => `${hop} ${text}`)
      }
      expect(await untried(many(4))).to.deep.equal([])
      expect(await untried(many(5))).to.deep.equal(['address has 1 more address; only the first 4 are tried'])
      expect(await untried(many(13), '203.0.113.1')).to.deep.equal([
        'address has 9 more addresses; only the first 4 are tried',
      ])
      const { hops } = await compared(many(13))
      expect(hops[0]?.text).to.include('is 203.0.113.1, 203.0.113.2, 203.0.113.3, 203.0.113.4 and 9 more, by')
    })

    it('is the one that was told, or not', async () => {
      expect(row(await compared(byDns('203.0.113.7'), '203.0.113.7'))?.verdict).to.equal('good')
      expect(
        row(await compared(byDns('203.0.113.7', '2001:db8::7'), '203.0.113.7,2001:DB8:0::7'))?.verdict,
      ).to.equal('good')
      const old = first(await compared(byDns('198.51.100.9'), '203.0.113.7'), 'address')
      expect(old).to.include('leads to 198.51.100.9, not to 203.0.113.7').and.include('dynamic DNS')
      expect(first(await compared(byDns('203.0.113.7', '2001:db8::9'), '203.0.113.7'), 'address')).to.include(
        'AAAA',
      )
      expect(first(await compared(byDns('203.0.113.7'), '203.0.113.7,2001:db8::7'), 'address')).to.include(
        '2001:db8::7',
      )
      expect(first(await compared(byDns('192.168.1.10'), '203.0.113.7'), 'address')).to.include('phone')
      expect(first(await compared(byDns('100.64.3.4'), '100.64.3.4'), 'address')).to.include('CGNAT')
    })

    it('is what DNS says where the hosts file counts on this machine only', async () => {
      expect(
        row(await compared(byHostsFile('192.168.1.10', ['203.0.113.7']), '203.0.113.7')),
      ).to.deep.include({
        verdict: 'good',
        text: 'leads other machines to 203.0.113.7, the public address',
      })
      expect(first(await compared(byHostsFile('192.168.1.10', []), '203.0.113.7'), 'address')).to.include(
        'DNS does not have it',
      )
      expect(row(await compared(byHostsFile('192.168.1.10'), '203.0.113.7'))?.verdict).to.equal('unknown')
      expect((await compared(byHostsFile('192.168.1.10'))).hops[0]?.text).to.include('/etc/hosts:3')
    })
  })

  describe('port', () => {
    it('refuses', async () => {
      const port = await closedPort()
      expect(first(await at({ port }), 'port')).to.include('nothing listens')
    })

    it('says nothing', async function () {
      if (process.platform !== 'linux') this.skip()
      const server = kept(await silentPort())
      expect(first(await at(server, {}, { knock: SOON }), 'port')).to.include('does not answer within 1.5 s')
    })

    it('advises about the router and hairpin NAT where the address is public', async () => {
      for (const state of ['refused', 'silent'] as const) {
        const result = await check({ port: ['443'] }, byDns('203.0.113.7'), {
          knock: async () => ({ state, milliseconds: 1 }),
        })
        expect(first(result, 'port')).to.include('hairpin NAT').and.include('router')
      }
    })

    it('cannot be told where this machine has no way to an address among several', async () => {
      const server = kept(await httpServer(PING))
      const { knock } = await import('../../../src/tools/http-probe.js')
      const noRoute = { state: 'no-route', milliseconds: 1, code: 'ENETUNREACH' } as const
      const tools: Partial<ExposeTools> = {
        knock: async (endpoint, limit) => (endpoint.address === HERE ? knock(endpoint, limit) : noRoute),
      }
      const options = { port: [String(server.port)] }
      expect((await check(options, byDns('2001:db8::7', HERE), tools)).ok).to.equal(true)
      expect(first(await check(options, byDns('2001:db8::7'), tools), 'port')).to.include('IPv6')
      const offline = { knock: async () => noRoute }
      expect(first(await check(options, byDns('2001:db8::7', '203.0.113.7'), offline), 'port')).to.include(
        'no way',
      )
      expect(first(await check({ port: ['80', '443'] }, byDns('203.0.113.7'), offline), 'port')).to.include(
        'no way',
      )
    })

    it('comes before what fails behind another port', async () => {
      const missing = kept(await httpServer(says(404, '404 page not found\n')))
      const closed = await closedPort()
      const result = await check({ port: [`${String(missing.port)},${String(closed)}`] })
      expect(first(result, 'port')).to.include('nothing listens')
      expect(verdicts(result)).to.include('route failed')
    })
  })

  describe('ingress', () => {
    it('closes the connection', async () => {
      const server = kept(await tcpServer((socket) => socket.once('data', () => socket.resetAndDestroy())))
      expect(first(await at(server), 'ingress')).to.include('closed (ECONNRESET)')
    })

    it('speaks no HTTP', async () => {
      const server = kept(await tcpServer((socket) => socket.end('SSH-2.0-OpenSSH_9.2\r\n')))
      expect(first(await at(server), 'ingress'))
        .to.include('no HTTP answer')
        .and.not.include('\r')
    })

    it('takes too long, at the beginning or in the middle', async () => {
      const slow = kept(await httpServer(() => undefined))
      expect(first(await at(slow, {}, { answer: SOON }), 'ingress')).to.include('nothing came within 1.5 s')
      const halting = kept(await httpServer((_request, response) => response.writeHead(200).write('hello')))
      expect(first(await at(halting, {}, { answer: SOON }), 'ingress')).to.include(
        'nothing came within 1.5 s',
      )
    })
  })

  describe('certificate', () => {
    it('is for another host', async () => {
      const server = kept(await httpsServer(ca, ['app2-es.info'], PING))
      expect(first(await trusting(server), 'tls')).to.include('for app2-es.info, not for app1-it.info')
    })

    it("is the ingress's own", async () => {
      const server = kept(
        await httpsServer(ca, ['0a1b.traefik.default'], PING, { commonName: 'TRAEFIK DEFAULT CERT' }),
      )
      expect(first(await trusting(server), 'tls'))
        .to.include('ingress.tls')
        .and.include('--port 80')
    })

    it('is over, or has not begun', async () => {
      const over = kept(await httpsServer(ca, [HOST], PING, { from: -90, to: -1 }))
      expect(first(await trusting(over), 'tls')).to.include('expired on')
      const early = kept(await httpsServer(ca, [HOST], PING, { from: 2, to: 90 }))
      expect(first(await trusting(early), 'tls')).to.include('clocks')
    })

    it('ends soon', async () => {
      const server = kept(await httpsServer(ca, [HOST], PING, { to: 5 }))
      const result = await trusting(server)
      expect(verdicts(result)).to.include('tls unknown')
      expect(result.ok).to.equal(true)
    })

    it('is of nobody known: told so, and wrong only where the CA was given', async () => {
      const server = kept(await httpsServer(ca, [HOST], PING))
      const result = await at(server)
      expect(result.ok).to.equal(true)
      const row = result.hops.find(({ hop }) => hop === 'tls')
      expect(row?.text).to.include('"k8sflow test CA" is not trusted')
      expect(row?.advice.join()).to.include('--ca')
      expect(first(await trusting(server, await authority('another')), 'tls')).to.include('not trusted')
    })

    it('is missing where plain HTTP is spoken, or nothing', async () => {
      const plain = kept(await tcpServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'), true))
      expect(first(await at(plain), 'tls'))
        .to.include('no TLS')
        .and.include('forwarded to 443')
      const mute = kept(await tcpServer(() => undefined, true))
      expect(first(await at(mute, {}, { answer: SOON }), 'tls')).to.include('nothing came within 1.5 s')
    })
  })

  describe('route and app', () => {
    it('Traefik has no route for the host', async () => {
      const server = kept(await httpServer(says(404, '404 page not found\n')))
      const result = await at(server)
      expect(first(result, 'route')).to.include('no route for app1-it.info').and.include('k8sflow status')
      expect(verdicts(result)).to.include('ingress good').and.not.include('app good')
      const tls = kept(await httpsServer(ca, [HOST], says(404, '404 page not found\n')))
      expect(first(await trusting(tls), 'route')).to.include('ingress.tls')
    })

    it('leads elsewhere', async () => {
      const server = kept(await httpServer(says(302, '', { location: 'http://192.168.1.1/login' })))
      expect(first(await at(server), 'route'))
        .to.include('192.168.1.1/login')
        .and.include('router')
    })

    it('no pod answers', async () => {
      for (const [status, body] of [
        [502, 'Bad Gateway'],
        [503, 'no available server'],
      ] as const) {
        const server = kept(await httpServer(says(status, body)))
        expect(first(await at(server), 'app'))
          .to.include(`${String(status)}: ${body}`)
          .and.include('k8sflow status')
      }
      const broken = kept(await httpServer(says(500, '')))
      expect(first(await at(broken), 'app'))
        .to.include('answers 500')
        .and.include('logs')
    })

    it('another app answers, or something else', async () => {
      const other = kept(await httpServer(says(200, 'hello from app2-staging-es')))
      expect(first(await at(other), 'app'))
        .to.include('hello from app2-staging-es')
        .and.include('Another app')
      const router = kept(await httpServer(says(200, '<html>\u001b[31mRouter login')))
      const text = first(await at(router), 'app')
      expect(text).to.include('hairpin NAT').and.not.include('\u001b')
    })
  })

  it('names all that cannot be checked, and asks nobody', async () => {
    const tools = { lookUp: async () => expect.fail('asked') }
    const error = await exposeCheck(
      {
        host: 'http://app1-it.info/',
        publicAddress: ['home', '1.1.1.1,2.2.2.2'],
        port: ['80,http', '70000'],
      },
      tools,
    ).catch((caught: unknown) => caught)
    expect(error).to.be.instanceOf(InvalidInputError)
    for (const wrong of ['http://app1-it.info/', '"home"', 'one IPv4 and one IPv6', '"http"', '"70000"'])
      expect((error as Error).message).to.include(wrong)
    for (const ca of ['missing.crt', 'text.crt'])
      await inFolder({ 'text.crt': 'no certificate' }, async () => {
        const caught = await exposeCheck({ host: HOST, ca }, tools).catch((thrown: unknown) => thrown)
        expect(caught).to.include({ code: 'INVALID_CA', exitCode: 2 })
      })
  })
})
