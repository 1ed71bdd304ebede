import { expect } from 'chai'
import { Chalk } from 'chalk'

import { codeFrame } from '../../../src/output/code-frame.js'

const plain = new Chalk({ level: 0 })

describe('a code frame', () => {
  it('shows the line with two before it and a caret below', () => {
    const frame = codeFrame(
      { text: 'a\nb\r\nc\n  d: e\nf\n', secrets: [] },
      { line: 4, column: 6, length: 1 },
      plain,
    )
    expect(frame).to.deep.equal(['2 | b', '3 | c', '4 |   d: e', '  |      ^'])
  })

  it('keeps the caret in place after tabs, and lets no control character through', () => {
    const frame = codeFrame(
      { text: '\ta\u001b[2Jb\n', secrets: [] },
      { line: 1, column: 2, length: 1 },
      plain,
    )
    expect(frame).to.deep.equal(['1 |  a�[2Jb', '  |  ^'])
  })

  it('cuts long lines around the place', () => {
    const long = `${'a'.repeat(500)}!${'b'.repeat(500)}`
    const frame = codeFrame(
      { text: `short\n${long}`, secrets: [] },
      { line: 2, column: 501, length: 400 },
      plain,
    )
    expect(frame).to.deep.equal([
      '1 | …',
      `2 | …${'a'.repeat(60)}!${'b'.repeat(59)}…`,
      `  | ${' '.repeat(61)}${'^'.repeat(60)}`,
    ])
    const [start] = codeFrame({ text: long, secrets: [] }, { line: 1, column: 1, length: 1 }, plain)
    expect(start).to.equal(`1 | ${'a'.repeat(120)}…`)
  })

  it('masks secrets, and moves the caret with what stands behind them', () => {
    const text = 'a: {s: hunter2, t: 1}\nb: x\n'
    const secrets = [{ start: 7, end: 14 }]
    const caret = (column: number, length: number) =>
      codeFrame({ text, secrets }, { line: 1, column, length }, plain)
    expect(caret(20, 1)).to.deep.equal(['1 | a: {s: ***, t: 1}', '  |                ^'])
    // All of the secret, a part of it, and from before to behind it.
    expect(caret(8, 7)[1]).to.equal('  |        ^^^')
    expect(caret(10, 2)[1]).to.equal('  |        ^^^')
    expect(caret(5, 12)[1]).to.equal('  |     ^^^^^^^^')
    expect(caret(5, 1)[1]).to.equal('  |     ^')
    expect(codeFrame({ text, secrets }, { line: 2, column: 1, length: 1 }, plain)).to.deep.equal([
      '1 | a: {s: ***, t: 1}',
      '2 | b: x',
      '  | ^',
    ])
  })
})
