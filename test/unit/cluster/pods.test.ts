import { expect } from 'chai'

import { recentEvents } from '../../../src/cluster/events.js'
import { pingThroughProxy } from '../../../src/cluster/ping.js'
import { podLogTail, podStates } from '../../../src/cluster/pods.js'
import { deleteReleaseRecords, releaseRecords } from '../../../src/cluster/release-records.js'
import { ClusterAccessError } from '../../../src/errors.js'
import { fakeCluster } from './fake-cluster.js'

const pod = (status: object) => ({
  metadata: { name: 'app1-it-5c8-x', namespace: 'we-road-it', labels: { app: 'app1-it' } },
  spec: { containers: [{ name: 'app1-it', image: 'hecha00/app1:1.0.0' }] },
  status,
})
const container = (state: object, more: object = {}) => ({
  containerStatuses: [{ name: 'app1-it', ready: false, restartCount: 2, state, ...more }],
})
const terminated = (reason: string, exitCode: number) => ({ terminated: { reason, exitCode } })

describe('pod states', () => {
  const cases: [string, object, { reason: string; message: RegExp } | undefined][] = [
    ['starting', { phase: 'Pending', ...container({ waiting: { reason: 'ContainerCreating' } }) }, undefined],
    [
      'image',
      container({ waiting: { reason: 'ImagePullBackOff', message: 'Back-off pulling image "x"' } }),
      { reason: 'ImagePullBackOff', message: /pulling image "x"/ },
    ],
    [
      'configuration',
      container({ waiting: { reason: 'CreateContainerConfigError', message: 'secret "s" not found' } }),
      { reason: 'CreateContainerConfigError', message: /secret "s"/ },
    ],
    [
      'crash',
      container(
        {
          waiting: {
            reason: 'CrashLoopBackOff',
            message: 'back-off 10s restarting failed container=app1-it',
          },
        },
        { lastState: terminated('Error', 3) },
      ),
      { reason: 'CrashLoopBackOff', message: /^restarted again and again; last run ended with exit code 3$/ },
    ],
    [
      'memory behind a crash loop',
      container({ waiting: { reason: 'CrashLoopBackOff' } }, { lastState: terminated('OOMKilled', 137) }),
      { reason: 'OOMKilled', message: /more memory than its limit/ },
    ],
    [
      'memory, running again',
      container({ running: {} }, { ready: true, lastState: terminated('OOMKilled', 137) }),
      { reason: 'OOMKilled', message: /limit/ },
    ],
    [
      'ended once, well again',
      container({ running: {} }, { ready: true, lastState: terminated('Error', 1) }),
      undefined,
    ],
    [
      'no node',
      {
        phase: 'Pending',
        conditions: [
          {
            type: 'PodScheduled',
            status: 'False',
            reason: 'Unschedulable',
            message: '0/1 nodes are available: Insufficient cpu',
          },
        ],
      },
      { reason: 'Unschedulable', message: /Insufficient cpu/ },
    ],
    [
      'evicted',
      { phase: 'Failed', reason: 'Evicted', message: 'The node was low on memory' },
      { reason: 'Evicted', message: /low on memory/ },
    ],
  ]
  for (const [what, status, expected] of cases)
    it(`finds the reason: ${what}`, async () => {
      const cluster = fakeCluster(() => ({ items: [pod(status)] }))
      const [state] = await podStates(cluster, 'we-road-it', 'app=app1-it')
      expect(state?.problem?.reason).to.equal(expected?.reason)
      if (expected) expect(state?.problem?.message).to.match(expected.message)
      expect(state).to.deep.include({
        app: 'app1-it',
        image: 'hecha00/app1:1.0.0',
        container: 'app1-it',
        ready: false,
      })
      expect(cluster.requests[0]?.query).to.include({ labelSelector: 'app=app1-it' })
    })

  it('reads the end of a log, and takes no log for an empty one', async () => {
    const place = { namespace: 'we-road-it', name: 'x', container: 'app1-it' }
    const cluster = fakeCluster(() => ({ status: 200, text: 'one\ntwo\n' }))
    expect(await podLogTail(cluster, place, 1, { previous: true })).to.deep.equal(['two'])
    expect(cluster.requests[0]?.query).to.deep.equal({ container: 'app1-it', tailLines: 1, previous: true })
    expect(
      await podLogTail(
        fakeCluster(() => ({ status: 400, text: '{}' })),
        place,
        1,
      ),
    ).to.deep.equal([])
  })
})

describe('events', () => {
  it('are those of the object and what belongs to it, in the order of their time', async () => {
    const event = (name: string, lastTimestamp: string, more: object = {}) => ({
      type: 'Warning',
      reason: 'BackOff',
      message: 'again ',
      involvedObject: { kind: 'Pod', name },
      lastTimestamp,
      count: 3,
      ...more,
    })
    const cluster = fakeCluster(() => ({
      items: [
        event('app1-it-5c8-x', '2026-11-24T08:02:00Z'),
        event('app1-italy', '2026-11-24T08:03:00Z'),
        event('app1-it', '2026-11-24T08:01:00Z', { type: 'Normal', count: undefined }),
      ],
    }))
    const events = await recentEvents(cluster, 'we-road-it', 'app1-it')
    expect(events.map(({ object, type, count }) => [object, type, count])).to.deep.equal([
      ['Pod/app1-it', 'Normal', 1],
      ['Pod/app1-it-5c8-x', 'Warning', 3],
    ])
    expect(events[1]?.message).to.equal('again')
  })
})

describe('what an app can write', () => {
  const clean = ['\ufffd[2Jred\tx', 'b\ufffd\ufffd']
  const dirty = ['\u001B[2Jred\tx', 'b\u007F\u009B']

  it('reaches no terminal as control characters out of a log', async () => {
    const cluster = fakeCluster(() => ({ status: 200, text: `${dirty.join('\r\n')}\n` }))
    const place = { namespace: 'we-road-it', name: 'x', container: 'c' }
    expect(await podLogTail(cluster, place, 20)).to.deep.equal(clean)
  })

  it('nor out of a termination message or an event', async () => {
    const ended = { terminated: { reason: 'Error', exitCode: 3, message: dirty.join('\n') } }
    const [state] = await podStates(
      fakeCluster(() => ({ items: [pod(container(ended))] })),
      'we-road-it',
      'app',
    )
    expect(state?.problem?.message).to.equal(`last run ended with exit code 3: ${clean.join(' ')}`)
    const event = {
      involvedObject: { kind: 'Pod', name: 'x' },
      metadata: {},
      reason: dirty[0],
      message: dirty[1],
    }
    const [seen] = await recentEvents(
      fakeCluster(() => ({ items: [event] })),
      'we-road-it',
      'x',
    )
    expect(seen).to.include({ reason: clean[0], message: clean[1] })
  })
})

describe('ping through the proxy', () => {
  it('asks the named port over http, with a bound on the answer', async () => {
    const cluster = fakeCluster(() => ({ status: 200, text: 'hello from app1-staging-it\n' }))
    expect(await pingThroughProxy(cluster, 'we-road-it', 'app1-svc-it')).to.deep.equal({
      status: 200,
      body: 'hello from app1-staging-it',
    })
    expect(cluster.requests[0]).to.include({
      path: '/api/v1/namespaces/we-road-it/services/http:app1-svc-it:http/proxy/ping',
      maxBytes: 4096,
    })
  })

  it('keeps control characters of the answer from the terminal', async () => {
    const cluster = fakeCluster(() => ({ status: 200, text: 'a\u001B[2J\nb\n' }))
    expect(await pingThroughProxy(cluster, 'n', 's')).to.include({ body: 'a\ufffd[2J b' })
  })

  it('tells the API server’s own answers from the app’s', async () => {
    const status = (code: number) => ({
      status: code,
      text: JSON.stringify({ kind: 'Status', message: 'no endpoints available' }),
    })
    expect(
      await pingThroughProxy(
        fakeCluster(() => status(503)),
        'n',
        's',
      ),
    ).to.include({ proxyError: 'no endpoints available' })
    const error = await pingThroughProxy(
      fakeCluster(() => status(403)),
      'n',
      's',
    ).catch((caught: unknown) => caught)
    expect(error).to.be.instanceOf(ClusterAccessError)
    const own = await pingThroughProxy(
      fakeCluster(() => ({ status: 403, text: 'go away' })),
      'n',
      's',
    )
    expect(own).to.deep.equal({ status: 403, body: 'go away' })
  })
})

describe('release records', () => {
  const record = (version: string) => ({
    metadata: {
      name: `sh.helm.release.v1.old.v${version}`,
      labels: { name: 'old', version, status: 'deployed' },
    },
  })

  it('are listed by revision and deleted one by one', async () => {
    const cluster = fakeCluster(({ method }) =>
      method === 'DELETE' ? {} : { items: [record('10'), record('9')] },
    )
    expect((await releaseRecords(cluster, 'default', 'old')).map(({ revision }) => revision)).to.deep.equal([
      9, 10,
    ])
    expect(cluster.requests[0]?.query).to.include({ labelSelector: 'owner=helm,name=old' })
    expect(await deleteReleaseRecords(cluster, 'old', 'default')).to.have.length(2)
    expect(
      cluster.requests.filter(({ method }) => method === 'DELETE').map(({ path }) => path),
    ).to.deep.equal([
      '/api/v1/namespaces/default/secrets/sh.helm.release.v1.old.v9',
      '/api/v1/namespaces/default/secrets/sh.helm.release.v1.old.v10',
    ])
  })
})
