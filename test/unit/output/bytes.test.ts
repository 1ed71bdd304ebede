import { expect } from 'chai'

import { bytesText } from '../../../src/output/bytes.js'

describe('bytes', () => {
  for (const [bytes, text] of [
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.00 kB'],
    [1234, '1.23 kB'],
    [12_345, '12.3 kB'],
    [999_499, '999 kB'],
    [999_500, '1.00 MB'],
    [4_920_000, '4.92 MB'],
    [5_670_723, '5.67 MB'],
    [1_500_000_000, '1.50 GB'],
    [2e15, '2.00e+3 TB'],
  ] as const)
    it(`are ${text}`, () => {
      expect(bytesText(bytes)).to.equal(text)
    })
})
