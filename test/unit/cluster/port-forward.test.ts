import { expect } from 'chai'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

import type { PodConnection, PodPort } from '../../../src/cluster/cluster.js'
import { forwardPort } from '../../../src/cluster/port-forward.js'
import type { K8sflowError } from '../../../src/errors.js'
import { fakeCluster, type FakeCluster } from './fake-cluster.js'

const TARGET = { namespace: 'argocd', service: 'argocd-server', port: 443 }
const SERVICE = {
  spec: {
    ports: [
      { name: 'http', port: 80 },
      { name: 'https', port: 443 },
    ],
  },
}
const endpoint = (name: string, ready?: boolean) => ({
  conditions: { ready },
  targetRef: { kind: 'Pod', name },
})
const slice = (...endpoints: object[]) => ({
  ports: [
    { name: 'http', port: 8080 },
    { name: 'https', port: 8443 },
  ],
  endpoints,
})
const caught = async (work: Promise<unknown>) =>
  work.then(() => undefined).catch((error: unknown) => error as K8sflowError)

/** A pod that answers each piece with `<pod>:<port> <piece>`; what it is asked for is kept. */
class EchoPods {
  readonly asked: PodPort[] = []
  readonly connections: { closed: boolean; paused: number }[] = []
  readonly connect = async (port: PodPort): Promise<PodConnection> => {
    this.asked.push(port)
    const state = { closed: false, paused: 0 }
    this.connections.push(state)
    const closed: (() => void)[] = []
    const received: (() => void)[] = []
    const end = () => {
      if (state.closed) return
      state.closed = true
      for (const listener of closed) listener()
    }
    port.input.on('data', (data: Buffer) => {
      port.output.write(`${port.pod}:${String(port.port)} ${data.toString()}`)
      for (const listener of received) listener()
      if (data.toString() === 'bye') end()
    })
    return {
      close: end,
      pause: () => (state.paused += 1),
      resume: () => undefined,
      onClosed: (listener) => void closed.push(listener),
      onReceived: (listener) => void received.push(listener),
    }
  }
}

describe('forwardPort', () => {
  let pods: EchoPods
  let slices: object[]
  let cluster: FakeCluster
  beforeEach(() => {
    pods = new EchoPods()
    slices = [slice(endpoint('old', false), endpoint('one'))]
    cluster = fakeCluster(
      ({ path }) =>
        path.endsWith('/services/argocd-server')
          ? SERVICE
          : path.endsWith('/endpointslices')
            ? { items: slices }
            : undefined,
      pods.connect,
    )
  })

  const open = async (port: number): Promise<Socket> => {
    const socket = connect(port, '127.0.0.1')
    await once(socket, 'connect')
    return socket
  }
  const ask = async (socket: Socket, text: string) => {
    socket.write(text)
    const [data] = (await once(socket, 'data')) as [Buffer]
    return data.toString()
  }

  it('leads to the port of a ready pod, another one when that was replaced, on loopback only', async () => {
    const forwarded = await forwardPort(cluster, TARGET)
    expect(forwarded.address).to.equal('127.0.0.1')
    const first = await open(forwarded.port)
    expect(await ask(first, 'hello')).to.equal('one:8443 hello')
    slices = [slice(endpoint('one', false)), slice(endpoint('two'))]
    const second = await open(forwarded.port)
    expect(await ask(second, 'hello')).to.equal('two:8443 hello')
    await forwarded.close()
  })

  it('takes a port by its name, and a Service whose only port has none', async () => {
    const forwarded = await forwardPort(cluster, { ...TARGET, port: 'http' })
    expect(await ask(await open(forwarded.port), 'x')).to.equal('one:8080 x')
    await forwarded.close()
    const plain = fakeCluster(
      ({ path }) =>
        path.includes('slices')
          ? { items: [{ ports: [{ name: '', port: 3000 }], endpoints: [endpoint('one')] }] }
          : { spec: { ports: [{ port: 80 }] } },
      pods.connect,
    )
    const other = await forwardPort(plain, { ...TARGET, port: 80 })
    expect(await ask(await open(other.port), 'x')).to.equal('one:3000 x')
    await other.close()
  })

  it('ends a connection on both sides, whichever ended it', async () => {
    const forwarded = await forwardPort(cluster, TARGET)
    const byPod = await open(forwarded.port)
    const ended = once(byPod, 'close')
    byPod.write('bye')
    byPod.resume()
    await ended
    const byUs = await open(forwarded.port)
    await ask(byUs, 'hello')
    byUs.destroy()
    while (!pods.connections[1]!.closed) await new Promise((resolve) => setImmediate(resolve))
    await forwarded.close()
  })

  it('stops listening and ends connections at close, more than once, and at the signal', async () => {
    const forwarded = await forwardPort(cluster, TARGET)
    const socket = await open(forwarded.port)
    await ask(socket, 'hello')
    const gone = once(socket, 'close')
    await Promise.all([forwarded.close(), forwarded.close()])
    await Promise.all([forwarded.ended, gone])
    expect(pods.connections[0]!.closed).to.equal(true)
    const refused = connect(forwarded.port, '127.0.0.1')
    expect((await once(refused, 'error'))[0]).to.have.property('code', 'ECONNREFUSED')

    const controller = new AbortController()
    const other = await forwardPort(cluster, TARGET, { signal: controller.signal })
    controller.abort()
    await other.ended
    const late = await caught(forwardPort(cluster, TARGET, { signal: controller.signal }))
    expect(late).to.include({ code: 'INTERRUPTED', exitCode: 130 })
  })

  it('pauses the pod while the other side does not read', async () => {
    const forwarded = await forwardPort(cluster, TARGET)
    const socket = await open(forwarded.port)
    socket.pause()
    const piece = 'x'.repeat(64 * 1024)
    const wait = setInterval(() => socket.write(piece), 1)
    while ((pods.connections[0]?.paused ?? 0) === 0) await new Promise((resolve) => setImmediate(resolve))
    clearInterval(wait)
    await forwarded.close()
  })

  it('says that a port is taken', async () => {
    const taken = createServer()
    taken.listen(0, '127.0.0.1')
    await once(taken, 'listening')
    const { port } = taken.address() as AddressInfo
    const error = await caught(forwardPort(cluster, TARGET, { localPort: port }))
    expect(error).to.include({ code: 'PORT_IN_USE', exitCode: 2 })
    expect(error?.message).to.equal(
      `Port ${String(port)} of this machine cannot be used: another program listens there.`,
    )
    taken.close()
  })

  it('says what is missing: Service, port, ready pod', async () => {
    const none = await caught(forwardPort(cluster, { ...TARGET, service: 'grafana' }))
    expect(none).to.include({ code: 'SERVICE_MISSING', exitCode: 1 })
    expect(none?.message).to.equal('There is no Service grafana in namespace argocd.')
    const port = await caught(forwardPort(cluster, { ...TARGET, port: 81 }))
    expect(port?.message).to.include('has no port 81; it has: 80, 443')
    for (const none of [slice(endpoint('one', false)), { ports: null, endpoints: null }]) {
      slices = [none]
      expect(await caught(forwardPort(cluster, TARGET))).to.include({ code: 'NO_READY_POD', exitCode: 1 })
    }
  })

  it('tells of a connection that fails, ends it, and goes on', async () => {
    const problems: string[] = []
    const forwarded = await forwardPort(cluster, TARGET, { onProblem: (text) => problems.push(text) })
    slices = []
    await once((await open(forwarded.port)).resume(), 'close')
    expect(problems).to.deep.equal(['No pod behind Service argocd-server in namespace argocd is ready.'])
    slices = [slice(endpoint('one'))]
    expect(await ask(await open(forwarded.port), 'hello')).to.equal('one:8443 hello')
    await forwarded.close()
  })

  it('hands on the words of the node', async () => {
    const problems: string[] = []
    const refusing = fakeCluster(
      ({ path }) => (path.includes('slices') ? { items: slices } : SERVICE),
      async (port) => ({
        ...(await pods.connect(port)),
        onClosed: (listener) => port.problem.write('connection refused\n', () => listener()),
      }),
    )
    const forwarded = await forwardPort(refusing, TARGET, { onProblem: (text) => problems.push(text) })
    await once((await open(forwarded.port)).resume(), 'close')
    expect(problems).to.deep.equal(['Pod one does not take the connection: connection refused'])
    await forwarded.close()
  })
})
