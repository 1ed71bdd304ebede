import { expect } from 'chai'

import type { PodState } from '../../../src/cluster/pods.js'
import { maskValues } from '../../../src/services/deploy-dry-run.js'
import { deployError, type DeployedApp, type ReleaseResult } from '../../../src/services/deploy-result.js'
import { describePods } from '../../../src/services/deploy-watch.js'
import { durationMs } from '../../../src/services/duration.js'
import { forEachLimited } from '../../../src/services/limited.js'
import { manifestObjects, objectKey } from '../../../src/services/manifest-objects.js'

describe('the objects of a manifest', () => {
  it('are read whatever the indentation and quotes, comments and tests included', () => {
    const manifest = `---
# Source: a/b.yaml
apiVersion: v1
kind: Namespace
metadata:
    # the fourth column
    name: "we-road-it"
    labels:
        name: no
---
apiVersion: apps/v1
kind: Deployment
metadata:
  labels:
    name: not-this
    namespace: nor-this
  name: app1-it
  namespace: 'we-road-it'
spec:
  template:
    metadata:
      name: inner
---
# nothing
`
    expect(manifestObjects(manifest).map(objectKey)).to.deep.equal([
      'Namespace we-road-it',
      'we-road-it/Deployment app1-it',
    ])
  })
})

describe('durations', () => {
  for (const [text, expected] of [
    ['5m', 300_000],
    ['90s', 90_000],
    ['1m30s', 90_000],
    ['1h', 3_600_000],
    ['1.5m', 90_000],
    ['1500ms', 1500],
    ['24h', 86_400_000],
  ] as const)
    it(`reads ${text}`, () => {
      expect(durationMs(text)).to.equal(expected)
    })
  for (const text of ['', '5', 'm', '0s', '5 m', '-5m', '5x', '5m!'])
    it(`refuses ${JSON.stringify(text)}`, () => {
      expect(() => durationMs(text)).to.throw('is not a duration')
    })
})

describe('durations out of bounds', () => {
  for (const text of ['500ms', '0.9s', '24h1s', '999999999999h'])
    it(`refuses ${text}`, () => {
      expect(() => durationMs(text)).to.throw('is out of bounds')
    })
})

describe('work on many items', () => {
  it('does all of them, never more than so many at once', async () => {
    let running = 0
    let most = 0
    const done: number[] = []
    await forEachLimited([1, 2, 3, 4, 5, 6, 7], 3, async (item) => {
      running += 1
      most = Math.max(most, running)
      await new Promise((resolve) => setImmediate(resolve))
      running -= 1
      done.push(item)
    })
    expect(done.sort()).to.deep.equal([1, 2, 3, 4, 5, 6, 7])
    expect(most).to.equal(3)
  })
})

describe('pods in words', () => {
  const pod = (more: Partial<PodState>) => ({ ready: false, terminating: false, ...more }) as PodState
  it('count those that live, and name what keeps one from being ready', () => {
    expect(describePods([])).to.equal(undefined)
    expect(describePods([pod({ terminating: true })])).to.equal(undefined)
    expect(describePods([pod({ ready: true }), pod({})])).to.equal('1/2 pods ready')
    const problem = {
      reason: 'CrashLoopBackOff',
      message:
        'back-off 20s restarting failed container=app1-it pod=app1-it-58-x_we-road-it(5df6); last run ended with exit code 1',
    }
    expect(describePods([pod({ problem })])).to.equal(
      '0/1 pods ready, CrashLoopBackOff: restarted again and again; last run ended with exit code 1',
    )
    expect(describePods([pod({ problem: { reason: 'X', message: 'y'.repeat(500) } })])!.length).to.be.below(
      200,
    )
  })
})

describe('values in a dry run', () => {
  it('show no secret', () => {
    const values = {
      firstApp: {
        countries: ['it'],
        extraEnv: [
          { name: 'A', value: 'hush' },
          { name: 'B', valueFrom: {} },
        ],
      },
      global: { dbPassword: 'hush', apiKey: 'hush', token: 'hush', tokens: 3 },
    }
    const masked = maskValues(JSON.stringify(values))
    expect(masked).to.not.include('hush').and.not.include('valueFrom": null')
    expect(JSON.parse(masked)).to.deep.include({
      firstApp: {
        countries: ['it'],
        extraEnv: [
          { name: 'A', value: '***' },
          { name: 'B', valueFrom: {} },
        ],
      },
    })
  })
})

describe('the error a deployment stands for', () => {
  const release = (outcome: ReleaseResult['outcome'], more: Partial<ReleaseResult> = {}): ReleaseResult => ({
    release: 'app1',
    namespace: 'we-road',
    apps: ['app1'],
    outcome,
    revision: 2,
    status: 'deployed',
    summary: `app1 is ${outcome}.`,
    ...more,
  })
  const app = (ok: boolean, name = 'app1') =>
    ({
      app: name,
      country: 'it',
      namespace: 'we-road-it',
      release: name,
      ping: { ok, answer: 'hm' },
    }) as DeployedApp
  const exitOf = (releases: ReleaseResult[], apps: DeployedApp[] = []) =>
    deployError({ releases, apps })?.exitCode

  it('is none when all is well', () => {
    expect(exitOf([release('deployed')], [app(true)])).to.equal(undefined)
  })
  it('is 6 for a failure, whatever else, and says what else', () => {
    expect(exitOf([release('rolled-back')])).to.equal(6)
    const mixed = deployError({
      releases: [release('failed'), release('deployed', { release: 'app2' })],
      apps: [app(false, 'app2')],
    })
    expect(mixed).to.include({ exitCode: 6 })
    expect(mixed!.message).to.include('app2-it did not answer /ping')
  })
  it('is 7 for a wrong answer, rolled back or not', () => {
    expect(exitOf([release('deployed')], [app(false)])).to.equal(7)
    const undone = deployError({ releases: [release('rolled-back')], apps: [app(false)] })
    expect(undone).to.include({ exitCode: 7 })
    expect(undone!.message).to.include('app1 is rolled-back.')
  })
  it('is 130 once interrupted', () => {
    expect(exitOf([release('interrupted'), release('rolled-back')])).to.equal(130)
    expect(exitOf([release('not-started')])).to.equal(130)
  })
  it('advises by the kind of failure', () => {
    const advice = (more: Partial<ReleaseResult>) =>
      deployError({ releases: [release('failed', more)], apps: [] })!.suggestions.join()
    expect(advice({ kind: 'pending' })).to.include('Wait until the other run')
    expect(advice({ kind: 'ownership' })).to.include('--adopt')
    expect(advice({ status: 'pending-install' })).to.include('--repair')
  })
})
