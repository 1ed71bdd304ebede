import { expect } from 'chai'
import { once } from 'node:events'

import { interruptible } from '../../src/interrupt.js'
import { interruptNotice } from '../../src/output/interrupt-notice.js'
import type { ProgressEvent } from '../../src/progress.js'

describe('work that a signal asks to end', () => {
  const listeners = () => [process.listenerCount('SIGINT'), process.listenerCount('SIGTERM')]
  let before: number[]
  beforeEach(() => {
    before = listeners()
  })
  afterEach(() => {
    expect(listeners(), 'no handler is left').to.deep.equal(before)
  })

  /** Sends real signals to this process, and waits for each to arrive. */
  const send = async (...names: ('SIGINT' | 'SIGTERM')[]) => {
    for (const name of names) {
      const arrived = once(process, name)
      process.kill(process.pid, name)
      await arrived
    }
  }
  const never = () => expect.fail('no signal was sent')

  it('gives its result where no signal comes', async () => {
    const result = await interruptible(never, async (signal) => Promise.resolve(signal.aborted))
    expect(result).to.equal(false)
  })

  it('is told once, is not ended by further signals, and finishes in its own time', async () => {
    const told: unknown[] = []
    let aborts = 0
    const result = await interruptible(
      (count, name) => told.push([count, name]),
      async (signal) => {
        signal.addEventListener('abort', () => (aborts += 1))
        await send('SIGINT', 'SIGTERM', 'SIGINT')
        return 'cleaned up'
      },
    )
    expect(result).to.equal('cleaned up')
    expect(aborts).to.equal(1)
    expect(told).to.deep.equal([
      [1, 'SIGINT'],
      [2, 'SIGTERM'],
      [3, 'SIGINT'],
    ])
  })

  it('passes its failure on', async () => {
    const error = await interruptible(never, async () => Promise.reject(new Error('no'))).catch(
      (reason: unknown) => reason,
    )
    expect(error).to.include({ message: 'no' })
  })

  it('says at the first signal what it waits for, and at the next ones that it still does', async () => {
    const events: ProgressEvent[] = []
    const notice = interruptNotice((event) => events.push(event))
    notice(1, 'SIGINT')
    notice(2, 'SIGINT')
    const texts = events.map((event) => (event.kind === 'step' ? `${event.state}: ${event.text}` : ''))
    expect(texts[0]).to.match(/^warning: .*wait/)
    expect(texts[1]).to.match(/^warning: .*[Ss]till waiting/)
  })
})
