import { expect } from 'chai'
import { setTimeout as pause } from 'node:timers/promises'

import type { ProgressEvent } from '../../../src/progress.js'
import { examineFailure, reportFailure } from '../../../src/services/deploy-failure.js'
import type { Instance } from '../../../src/services/deploy-plan.js'
import type { FailedPod } from '../../../src/services/deploy-result.js'
import { watchPods } from '../../../src/services/deploy-watch.js'
import { verify } from '../../../src/services/verify.js'
import { fakeCluster, type Reply } from '../cluster/fake-cluster.js'

const IT: Instance = { app: 'app1', country: 'it', environment: 'staging' }
const ES: Instance = { app: 'app1', country: 'es', environment: 'staging' }

interface PodFacts {
  app?: string
  ready?: boolean
  /** Why its container waits. */
  waiting?: string
  restarts?: number
  terminating?: boolean
  at?: string
}

/** A pod as the API server tells it. */
const pod = (name: string, facts: PodFacts = {}) => ({
  metadata: {
    name,
    namespace: 'we-road-it',
    labels: { app: facts.app ?? 'app1-it' },
    creationTimestamp: facts.at ?? '2026-11-24T10:00:00Z',
    ...(facts.terminating ? { deletionTimestamp: '2026-11-24T10:00:00Z' } : {}),
  },
  spec: { containers: [{ name: 'app', image: 'app1:1' }] },
  status: {
    phase: 'Running',
    conditions: [{ type: 'Ready', status: facts.ready ? 'True' : 'False' }],
    containerStatuses: [
      {
        name: 'app',
        restartCount: facts.restarts ?? 0,
        state: facts.waiting
          ? { waiting: { reason: facts.waiting, message: 'it  is\nso' } }
          : { running: {} },
      },
    ],
  },
})

describe('watching pods', () => {
  const watched = async (instances: Instance[], answers: (round: number, path: string) => Reply) => {
    const texts: string[] = []
    let round = 0
    const cluster = fakeCluster(({ path }) => answers((round += 1), path))
    const progress = (event: ProgressEvent) => {
      if (event.kind === 'step') texts.push(`${event.subject ?? ''} ${event.text}`)
    }
    const watch = watchPods(cluster, instances, progress, 1)
    while (round < 12) await pause(1)
    await watch.stop()
    const asked = cluster.requests.length
    await pause(10)
    expect(cluster.requests.length, 'nothing is asked after it was stopped').to.equal(asked)
    return texts
  }

  it('tells each change once, and a state that comes back only where it is progress', async () => {
    const rounds: (PodFacts[] | undefined)[] = [
      [],
      [{}],
      [{}],
      [{ waiting: 'CrashLoopBackOff' }],
      [{}],
      [{ waiting: 'CrashLoopBackOff' }],
      [{ waiting: 'ErrImagePull' }],
      [{ ready: true }],
    ]
    const texts = await watched([IT], (round) => ({
      items: (rounds[Math.min(round, rounds.length) - 1] ?? []).map((facts) => pod('x', facts)),
    }))
    expect(texts).to.deep.equal([
      'app1/it 0/1 pods ready',
      'app1/it 0/1 pods ready, CrashLoopBackOff: restarted again and again',
      'app1/it 0/1 pods ready',
      'app1/it 0/1 pods ready, ErrImagePull: it is so',
      'app1/it 1/1 pods ready',
    ])
  })

  it('keeps on where a request fails, and knows apps of one country apart', async () => {
    const both: Instance[] = [IT, { ...IT, app: 'app2' }]
    const texts = await watched(both, (round) =>
      round < 4
        ? { status: 500, text: 'no' }
        : { items: [pod('x', { ready: true }), pod('y', { app: 'app2-it' })] },
    )
    expect(texts).to.deep.equal(['app1/it 1/1 pods ready', 'app2/it 0/1 pods ready'])
  })
})

describe('the reasons of a failure', () => {
  const events = (object: string, ...items: [type: string, reason: string, count?: number][]) => ({
    items: items.map(([type, reason, count = 1]) => ({
      type,
      reason,
      count,
      message: 'so it is',
      involvedObject: { kind: 'Pod', name: object },
      metadata: { creationTimestamp: '2026-11-24T10:00:00Z' },
    })),
  })
  const examined = async (instances: Instance[], answer: (path: string, previous: boolean) => Reply) =>
    examineFailure(
      fakeCluster(({ path, query }) => answer(path, query?.['previous'] === true)),
      instances,
    )

  it('are of the newest pod that is not ready, with its log and events', async () => {
    const found = await examined([IT], (path) => {
      if (path.endsWith('/pods'))
        return {
          items: [
            pod('app1-it-old', { at: '2026-11-24T08:00:00Z' }),
            pod('app1-it-new', { at: '2026-11-24T09:00:00Z', waiting: 'ImagePullBackOff' }),
            pod('app1-it-good', { at: '2026-11-24T09:30:00Z', ready: true }),
            pod('app1-it-going', { at: '2026-11-24T09:40:00Z', terminating: true }),
          ],
        }
      if (path.endsWith('/app1-it-new/log')) return { status: 200, text: 'one\ntwo\n' }
      return events('app1-it-new', ['Normal', 'Pulling'], ['Warning', 'Failed', 3])
    })
    expect(found).to.deep.equal([
      {
        app: 'app1',
        country: 'it',
        name: 'app1-it-new',
        reason: 'ImagePullBackOff',
        message: 'it is so',
        log: ['one', 'two'],
        events: ['Normal Pulling: so it is', 'Warning Failed: so it is (3 times)'],
      },
    ])
  })

  it('have the log of the run before, where a container was just started again', async () => {
    const found = await examined([IT], (path, previous) => {
      if (path.endsWith('/pods')) return { items: [pod('app1-it-1', { restarts: 2 })] }
      if (!path.endsWith('/log')) return { items: [] }
      return { status: 200, text: previous ? 'it broke\n' : '' }
    })
    expect(found[0]).to.deep.include({ reason: 'NotReady', log: ['it broke'] })
    expect(found[0]!.message).to.include('readiness probe')
  })

  it('are in events alone where no pod could be made, and none where nothing is wrong', async () => {
    const without = (type: string) => (path: string) =>
      path.endsWith('/pods') ? { items: [] } : events('app1-it-5c8f', [type, 'FailedCreate'])
    expect((await examined([IT], without('Warning')))[0]).to.deep.include({
      name: 'app1-it',
      reason: 'NoPods',
      events: ['Warning FailedCreate: so it is'],
    })
    expect(await examined([IT], without('Normal'))).to.deep.equal([])
    expect(await examined([IT], () => ({ items: [pod('app1-it-1', { ready: true })] }))).to.deep.equal([])
  })

  it('are few, whatever number of countries failed, and what cannot be asked is left out', async () => {
    const countries = ['it', 'es', 'fr', 'de', 'at', 'be', 'nl', 'pl', 'pt', 'se']
    const many = countries.map((country) => ({ ...IT, country }))
    const found = await examined(many, (path) =>
      path.endsWith('/pods')
        ? { items: [pod('x', { waiting: 'ImagePullBackOff' })] }
        : { status: 403, text: 'no' },
    )
    expect(found).to.have.lengthOf(6)
    expect(found[0]).to.deep.include({ log: [], events: [] })
    expect(await examined(many, () => ({ status: 500, text: '' }))).to.deep.equal([])
  })

  it('are shown: the reason, then the log, then the events, without empty headings', () => {
    const shown: string[] = []
    const show = (failed: Partial<FailedPod>) =>
      reportFailure(
        [
          {
            app: 'app1',
            country: 'it',
            name: 'app1-it-1',
            reason: 'OOMKilled',
            message: 'too much',
            log: [],
            events: [],
            ...failed,
          },
        ],
        (event) =>
          shown.push(
            event.kind === 'step'
              ? `${event.state} ${event.subject ?? ''} ${event.text}`
              : event.kind === 'lines'
                ? [event.title, ...event.lines].join('|')
                : '',
          ),
      )
    show({ log: ['a', 'b'], events: ['Warning BackOff: c'] })
    show({ message: '' })
    expect(shown).to.deep.equal([
      'failed app1/it pod app1-it-1 is not ready: OOMKilled (too much)',
      'Last log lines of app1-it-1:|a|b',
      'Events of app1-it:|Warning BackOff: c',
      'failed app1/it pod app1-it-1 is not ready: OOMKilled',
    ])
  })
})

describe('asking for /ping', () => {
  const right = { status: 200, text: 'hello from app1-staging-it' }
  const quick = { patienceMs: 200, pauseMs: 1 }

  it('asks again until the answer is the app’s own', async () => {
    let asked = 0
    const cluster = fakeCluster(({ path }) => {
      if (!path.endsWith('/ping')) return undefined
      asked += 1
      return asked < 3 ? { status: 503, text: 'no endpoints available' } : right
    })
    const results = await verify(cluster, [IT], { ...quick, patienceMs: 60_000 })
    expect(results.get(IT)).to.include({ ok: true, answer: 'hello from app1-staging-it' })
    expect(asked).to.equal(3)
  })

  it('takes no right answer as long as a pod of before may have given it', async () => {
    const deployment = (observedGeneration: number, replicas: number, updatedReplicas: number) => ({
      metadata: { generation: 2 },
      status: { observedGeneration, replicas, updatedReplicas },
    })
    const slices = (...ready: boolean[]) => ({
      items: [{ endpoints: ready.map((value) => ({ conditions: { ready: value } })) }, { endpoints: null }],
    })
    const rounds = [
      { deployment: deployment(1, 1, 1), slices: slices(true) },
      { deployment: deployment(2, 2, 1), slices: slices(true) },
      { deployment: deployment(2, 1, 1), slices: slices(true, true) },
      { deployment: deployment(2, 1, 1), slices: slices(true, false) },
    ]
    let asked = 0
    const cluster = fakeCluster(({ path }) => {
      if (path === '/apis/apps/v1/namespaces/we-road-it/deployments/app1-it') return rounds[asked]?.deployment
      if (path.endsWith('/endpointslices')) return rounds[asked]?.slices
      asked += 1
      return right
    })
    const results = await verify(cluster, [IT], { ...quick, patienceMs: 60_000 })
    expect(results.get(IT)?.ok).to.equal(true)
    expect(asked).to.equal(rounds.length)
  })

  it('takes an answer as it is where it may not see whose it is', async () => {
    const cluster = fakeCluster(({ path }) => (path.endsWith('/ping') ? right : { status: 403, text: '{}' }))
    expect((await verify(cluster, [IT], { ...quick, patienceMs: 60_000 })).get(IT)?.ok).to.equal(true)
    expect(cluster.requests.filter(({ path }) => path.endsWith('/ping'))).to.have.lengthOf(1)
  })

  it('takes the answer of another environment, country or app for a wrong one', async () => {
    for (const text of [
      'hello from app1-production-it',
      'hello from app1-staging-es',
      '<html>hello</html>',
    ]) {
      const results = await verify(
        fakeCluster(() => ({ status: 200, text })),
        [IT],
        { ...quick, patienceMs: 0 },
      )
      expect(results.get(IT)).to.deep.include({ ok: false, answer: text, expected: right.text })
    }
  })

  it('tells the status where there is no answer, and the reason where nobody was reached', async () => {
    const answered = async (reply: () => Reply) =>
      (await verify(fakeCluster(reply), [IT], { ...quick, patienceMs: 0 })).get(IT)
    expect((await answered(() => ({ status: 502, text: 'bad gateway' })))?.answer).to.match(
      /^502 .*bad gateway/,
    )
    const unreachable = await answered(() => {
      throw new Error('socket hang up')
    })
    expect(unreachable).to.include({ ok: false, answer: 'socket hang up', status: 0 })
  })

  it('asks every app, tells each answer as it comes, and one silent app holds up no other', async () => {
    const told: string[] = []
    const cluster = fakeCluster(({ path }) =>
      path.includes('we-road-it') ? right : { status: 503, text: '' },
    )
    const results = await verify(cluster, [ES, IT], {
      ...quick,
      onAnswer: ({ country }, { ok }) => told.push(`${country} ${String(ok)}`),
    })
    expect(told).to.deep.equal(['it true', 'es false'])
    expect(results.size).to.equal(2)
  })

  it('ends its patience at a signal', async () => {
    let asked = 0
    const cluster = fakeCluster(({ path }) => {
      if (path.endsWith('/ping')) asked += 1
      return { status: 503, text: '' }
    })
    const results = await verify(cluster, [IT], {
      patienceMs: 60_000,
      signal: AbortSignal.abort(),
      pauseMs: 1,
    })
    expect(results.get(IT)?.ok).to.equal(false)
    expect(asked).to.equal(1)
  })
})
