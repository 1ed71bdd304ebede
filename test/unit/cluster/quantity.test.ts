import { expect } from 'chai'

import { parseQuantity } from '../../../src/cluster/quantity.js'

describe('parseQuantity', () => {
  for (const [quantity, number] of [
    ['0', 0],
    ['2', 2],
    ['250m', 0.25],
    ['1500000n', 0.0015],
    ['90u', 0.00009],
    ['0.5', 0.5],
    ['.5', 0.5],
    ['12e6', 12e6],
    ['1E3', 1000],
    ['3E', 3e18],
    ['40k', 40e3],
    ['2048Ki', 2097152],
    ['2Mi', 2097152],
    ['1.5Gi', 1610612736],
    ['-1', -1],
  ] as const)
    it(`reads ${quantity}`, () => expect(parseQuantity(quantity)).to.be.closeTo(number, 1e-12))

  for (const text of ['', 'Mi', '2 Mi', '2MB', '2K', '1.2.3', 'toString'])
    it(`knows nothing of ${JSON.stringify(text)}`, () => expect(parseQuantity(text)).to.equal(undefined))

  it('knows nothing of what only looks like a unit', () =>
    expect(parseQuantity('1constructor')).to.equal(undefined))
})
