import { expect } from 'chai'

import { timeLimit } from '../../src/time-limit.js'

describe('timeLimit', () => {
  it('calls back when the time is over', async () => {
    const start = performance.now()
    await new Promise<void>((resolve) => timeLimit(50, resolve))
    expect(performance.now() - start).to.be.at.least(45)
  })

  it('counts a standstill as a part of the time', async () => {
    let isLate = false
    const end = timeLimit(1000, () => (isLate = true))
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1500)
    // A timer that is due runs before this one.
    await new Promise((resolve) => setTimeout(resolve, 1))
    await new Promise((resolve) => setImmediate(resolve))
    expect(isLate).to.equal(false)
    end()
  })

  it('is ended, also before the last part', async () => {
    let isLate = false
    timeLimit(5, () => (isLate = true))()
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(isLate).to.equal(false)
  })
})
