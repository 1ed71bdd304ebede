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
})
