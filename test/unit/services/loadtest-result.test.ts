import { expect } from 'chai'

import { keptLimits, measuredResult, plannedResult } from '../../../src/services/loadtest-result.js'
import type { LoadtestTarget } from '../../../src/services/loadtest-targets.js'
import { scaledDown } from '../../../src/services/loadtest-watch.js'

const target: LoadtestTarget = {
  ...{ name: 'app1-it', app: 'app1', country: 'it', namespace: 'we-road-it', environment: 'staging' },
  ...{ service: 'app1-svc-it', url: 'http://pi', host: 'app1-it.info', ping: 'hello' },
  autoscaling: { minReplicas: 2, maxReplicas: 10, targetCpu: 80 },
}
const figures = { requests: 200, failures: 3, p50: 5, p95: 80, p99: 90, max: 95 }
const plan = { users: 5, spawnRate: 1, seconds: 10, watchSeconds: 0, via: 'ingress' as const, limits: {} }
const facts = { context: 'pi', locust: '2.47.0', command: 'locust', dryRun: false }
const sample = (t: number, replicas: number, cpu: number | null = null, ready = replicas) => ({
  t,
  apps: [{ name: 'app1-it', replicas, ready, cpu, cpuMillicores: null }],
})

describe('the result of a load test', () => {
  it('holds replicas before, at most and at the end, and the rate over the load alone', () => {
    const result = measuredResult(
      plannedResult(plan, [target], facts),
      [target],
      {},
      {
        ...{ startedAt: 0, load: { from: 5, to: 25 }, end: 60, points: [] },
        samples: [sample(0, 1), sample(10, 4, 190), sample(20, 3, 60), sample(60, 2, 5)],
        locust: { total: figures, targets: { 'app1-it': figures }, errors: [] },
      },
    )
    expect(result.apps[0]).to.deep.include({
      ...figures,
      replicas: { before: 1, most: 4, after: 2 },
      mostCpu: 190,
    })
    expect(result.total?.requestsPerSecond).to.equal(10)
  })

  it('keeps 1000 points of a long test, and every peak', () => {
    const points = Array.from({ length: 5000 }, (_, t) => ({
      ...{ t, users: 5, requestsPerSecond: 10, failuresPerSecond: 0, p50: 5 },
      p95: t === 3333 ? 999 : t % 2 === 0 ? null : 6,
    }))
    const samples = Array.from({ length: 2001 }, (_, t) => sample(t, t === 1001 ? 9 : 1))
    const result = measuredResult(
      plannedResult(plan, [target], facts),
      [target],
      {},
      {
        ...{ startedAt: 0, load: { from: 0, to: 5000 }, end: 5000, points, samples, locust: undefined },
      },
    )
    expect(result.points).to.have.length(1000)
    expect(Math.max(...result.points.map(({ p95 }) => p95 ?? 0))).to.equal(999)
    expect(result.points.at(-1)?.t).to.equal(4999)
    expect(result.samples.length).to.be.within(500, 1000)
    expect(Math.max(...result.samples.map(({ apps }) => apps[0]?.replicas ?? 0))).to.equal(9)
    expect(result.total).to.equal(null)
  })

  it('keeps a limit that is just reached, and breaks one without an answer', () => {
    const broken = (limits: Parameters<typeof keptLimits>[0], total = figures) =>
      keptLimits(limits, total).map((limit) => limit.broken)
    expect(broken({ maxP95: 80, maxFailures: { count: 3 } })).to.deep.equal([false, false])
    expect(broken({ maxP95: 79, maxFailures: { count: 2 } })).to.deep.equal([true, true])
    expect(broken({ maxFailures: { percent: 1.5 } })).to.deep.equal([false])
    expect(broken({ maxFailures: { percent: 1.4 } })).to.deep.equal([true])
    expect(keptLimits({ maxP95: 80 }, { ...figures, requests: 0, p95: null })[0]).to.include({
      broken: true,
      actual: 'no answer',
    })
  })

  it('knows when everything is back at its minimum, its pods gone', () => {
    const down = (replicas: number, ready: number) =>
      scaledDown([target], sample(0, replicas, null, ready).apps)
    expect([down(3, 3), down(2, 3), down(2, 2), down(2, 1)]).to.deep.equal([false, false, true, true])
    expect(scaledDown([{ ...target, autoscaling: undefined }], sample(0, 9).apps)).to.equal(true)
  })
})
