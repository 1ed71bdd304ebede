import { expect } from 'chai'
import { Chalk } from 'chalk'

import { codeFrame } from '../../../src/output/code-frame.js'

const plain = new Chalk({ level: 0 })

describe('a code frame', () => {
  it('shows the line with two before it and a caret below', () => {
    const frame = codeFrame('a\nb\r\nc\n  d: e\nf\n', { line: 4, column: 6, length: 1 }, plain)
    expect(frame).to.deep.equal(['2 | b', '3 | c', '4 |   d: e', '  |      ^'])
  })

  it('keeps the caret in place after tabs, and lets no control character through', () => {
    const frame = codeFrame('\ta\u001b[2Jb\n', { line: 1, column: 2, length: 1 }, plain)
    expect(frame).to.deep.equal(['1 |  a�[2Jb', '  |  ^'])
  })

  it('cuts long lines around the place', () => {
    const long = `${'a'.repeat(500)}!${'b'.repeat(500)}`
    const frame = codeFrame(`short\n${long}`, { line: 2, column: 501, length: 400 }, plain)
    expect(frame).to.deep.equal([
      '1 | …',
      `2 | …${'a'.repeat(60)}!${'b'.repeat(59)}…`,
      `  | ${' '.repeat(61)}${'^'.repeat(60)}`,
    ])
    const [start] = codeFrame(long, { line: 1, column: 1, length: 1 }, plain)
    expect(start).to.equal(`1 | ${'a'.repeat(120)}…`)
  })
})
