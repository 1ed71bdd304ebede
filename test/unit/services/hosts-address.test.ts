import { expect } from 'chai'

import { checkAddresses, findAddresses, isHostName } from '../../../src/services/hosts-address.js'
import { fakeCluster } from '../cluster/fake-cluster.js'

const HOST = { namespace: 'we-road-it', host: 'app1-it.info' }
const ingress = (status: object, host = HOST.host) => ({
  metadata: { namespace: 'we-road-it' },
  spec: { rules: [{ host }] },
  status: { loadBalancer: { ingress: status } },
})
const route = {
  metadata: { namespace: 'we-road-it' },
  spec: { hostnames: [HOST.host], parentRefs: [{ name: 'traefik', namespace: 'kube-system' }] },
}
const gateway = (namespace: string, value: string) => ({
  metadata: { name: 'traefik', namespace },
  status: { addresses: [{ type: 'IPAddress', value }] },
})

interface Answers {
  ingresses?: object[]
  routes?: object[]
  gateways?: object[]
  server?: string
}
const cluster = ({ ingresses = [], routes, gateways, server = 'https://127.0.0.1:6443' }: Answers) => ({
  ...fakeCluster(({ path }) => {
    if (path.endsWith('/ingresses')) return { items: ingresses }
    if (path.endsWith('/httproutes')) return routes && { items: routes }
    return path.endsWith('/gateways') ? gateways && { items: gateways } : undefined
  }),
  server,
})
const NAMES: Record<string, string[]> = {
  'lb.example': ['203.0.113.7', '2001:db8::7'],
  'home.example.org': ['198.51.100.9', '198.51.100.4', '2001:db8::9'],
  'own.example': ['127.0.1.1', '::1'],
}
const resolve = async (name: string) => {
  const found = NAMES[name]
  if (!found) throw new Error(`getaddrinfo ENOTFOUND ${name}`)
  return found
}
const find = async (answers: Answers, choice: { ip?: string[]; ddns?: string } = {}) => {
  const [found] = await findAddresses([HOST], choice, { cluster: cluster(answers), resolve })
  return found && { addresses: found.addresses, source: found.source }
}

describe('the address of a host', () => {
  const reported = [ingress([{ ip: '192.168.1.12' }, { ip: '192.168.1.11' }, { ip: 'fd00::11' }])]

  it('is the one given, before all others', async () => {
    expect(
      await find({ ingresses: reported }, { ip: ['fd00::1', '10.0.0.1'], ddns: 'own.example' }),
    ).to.deep.equal({
      addresses: ['10.0.0.1', 'fd00::1'],
      source: 'ip',
    })
  })

  it('is what a name of dynamic DNS stands for now, one of each family', async () => {
    expect(await find({ ingresses: reported }, { ddns: 'home.example.org' })).to.deep.equal({
      addresses: ['198.51.100.4', '2001:db8::9'],
      source: 'ddns',
    })
  })

  it('is not this machine, nor that of a name that cannot be resolved', async () => {
    for (const [ddns, said] of [
      ['own.example', /this machine itself \(127\.0\.1\.1, ::1\)/],
      ['nowhere.example', /cannot be resolved .*ENOTFOUND/],
    ] as const) {
      const error = await find({}, { ddns }).catch((caught: unknown) => caught)
      expect(error).to.have.property('code', 'DDNS_UNRESOLVED')
      expect(error).to.have.property('message').that.matches(said)
    }
  })

  it('is what the Ingress reports, the same whatever the order', async () => {
    const found = { addresses: ['192.168.1.11', 'fd00::11'], source: 'cluster' }
    expect(await find({ ingresses: reported })).to.deep.equal(found)
    expect(await find({ ingresses: [ingress([{ hostname: 'lb.example' }])] })).to.deep.equal({
      addresses: ['203.0.113.7', '2001:db8::7'],
      source: 'cluster',
    })
  })

  it('is what the Gateway of its HTTPRoute reports', async () => {
    const gateways = [gateway('kube-system', '192.168.1.13'), gateway('other', '192.168.1.12')]
    expect(await find({ routes: [route], gateways })).to.deep.equal({
      addresses: ['192.168.1.13'],
      source: 'cluster',
    })
  })

  it("is that of the kubeconfig's server when nothing is reported", async () => {
    const elsewhere = [
      ingress([{ ip: '192.168.1.11' }], 'app2-it.info'),
      ingress([{ hostname: 'gone.example' }]),
    ]
    for (const [server, address] of [
      ['https://192.168.1.10:6443', '192.168.1.10'],
      ['https://[fd00::10]:6443', 'fd00::10'],
    ] as const)
      expect(await find({ ingresses: elsewhere, server })).to.deep.equal({
        addresses: [address],
        source: 'server',
      })
  })

  it('has to be given where there is none', async () => {
    for (const server of [
      'https://127.0.0.1:6443',
      'https://[::1]:6443',
      'https://localhost',
      'https://pi.lan:6443',
    ]) {
      const error = await find({ server }).catch((caught: unknown) => caught)
      expect(error, server).to.deep.include({ code: 'NO_ADDRESS', exitCode: 2 })
      expect(error)
        .to.have.property('suggestions')
        .that.matches(/--ip 192/)
    }
  })

  it('is asked for once however many hosts a load balancer serves', async () => {
    let asked = 0
    const counting = async (name: string) => {
      asked++
      return resolve(name)
    }
    const hosts = ['app1-it.info', 'app2-it.info'].map((host) => ({ ...HOST, host }))
    const ingresses = hosts.map(({ host }) => ingress([{ hostname: 'lb.example' }], host))
    await findAddresses(hosts, {}, { cluster: cluster({ ingresses }), resolve: counting })
    expect(asked).to.equal(1)
  })

  it('is refused before anything is asked when it cannot be one', () => {
    for (const choice of [
      { ip: ['pi.lan'] },
      { ip: ['192.168.1.1', '192.168.1.2'] },
      { ip: [''] },
      { ddns: '192.168.1.1' },
      { ddns: 'a b' },
      { ddns: '-x' },
    ])
      expect(() => checkAddresses(choice))
        .to.throw()
        .with.property('code', 'INVALID_ADDRESS')
    expect(checkAddresses({ ip: ['192.168.1.1, fd00::1'], ddns: 'a' })).to.deep.equal({
      ip: ['192.168.1.1', 'fd00::1'],
    })
    expect(checkAddresses({ ddns: 'home.example.org' })).to.deep.equal({ ddns: 'home.example.org' })
    expect(isHostName('a.info\n1.2.3.4 b')).to.equal(false)
  })
})
