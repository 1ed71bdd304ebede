import { expect } from 'chai'

import { day } from '../../src/day.js'

describe('the day of a moment', () => {
  it('is that of UTC, for a time and for its text alike', () => {
    const text = '2026-11-24T23:30:00.000Z'
    expect([day(text), day(new Date(text))]).to.deep.equal(['2026-11-24', '2026-11-24'])
  })
})
