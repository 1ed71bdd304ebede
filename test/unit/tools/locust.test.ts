import { expect } from 'chai'

import { findLocust } from '../../../src/tools/locust.js'
import { FakeRunner } from './fake-runner.js'

describe('a Locust', () => {
  it('is bounded in time, asked to end with a signal that it hears, and killed when it does not', async () => {
    const runner = new FakeRunner(() => ({ stdout: 'locust 2.47.0 from /x (Python 3.13)' }))
    const locust = await findLocust(runner, () => undefined)
    const test = { targets: [], users: 1, spawnRate: 1, seconds: 120 }
    const { signal } = new AbortController()
    await locust.run(test, { cwd: '.', signal, onSecond: () => undefined })
    expect(runner.invocations).to.have.length(2)
    for (const invocation of runner.invocations)
      expect(invocation).to.include({ ownGroup: true, stopSignal: 'SIGTERM', killAfterMs: 10_000 })
    // Room to start and to sum up, and no more.
    const { timeoutMs, signal: given } = runner.invocations[1]!
    expect(timeoutMs).to.be.above(150_000).and.below(240_000)
    expect(given).to.equal(signal)
  })
})
