import { expect } from 'chai'
import fc from 'fast-check'

import {
  cutOff,
  heading,
  markdownTable,
  markdownText,
  preformatted,
} from '../../../../src/output/github/markdown.js'

const text = fc
  .array(
    fc.constantFrom(
      '|',
      '\\',
      '`',
      '\n',
      '\r',
      '<!--',
      '</pre>',
      '<b>',
      '&lt;',
      '*',
      '_',
      '~~',
      '[x](y)',
      'a',
    ),
  )
  .map((parts) => parts.join(''))

describe('Markdown for the job summary', () => {
  it('shows text as it is, on one line', () => {
    expect(markdownText('a|b `c` <img src=x> *d* _e_ [f](g) \\ $h$')).to.equal(
      'a&#124;b &#96;c&#96; &#60;img src=x&#62; &#42;d&#42; &#95;e&#95; &#91;f&#93;(g) &#92; &#36;h&#36;',
    )
    expect(markdownText(' two\n lines\u001B[1m \u0007')).to.equal('two lines �')
    expect(markdownText('5.27 MB')).to.equal('5.27 MB')
    expect(markdownText('v1.2.3 of app1-it: 80 %')).to.equal('v1.2.3 of app1-it: 80 %')
    for (const [start, escaped] of [
      ['- a', '&#45; a'],
      ['12. a', '1&#50;. a'],
      ['# a', '&#35; a'],
      ['=== a', '&#61;== a'],
    ])
      expect(markdownText(start!)).to.equal(escaped)
    expect(heading('a # <b>', 3)).to.equal('### a # &#60;b&#62;')
  })

  it('keeps every cell in its place, whatever is in it', () => {
    expect(markdownTable(['A', 'B'], [['a|b', { code: 'c|`d' }]])).to.equal(
      '| A | B |\n| --- | --- |\n| a&#124;b | <code>c&#124;&#96;d</code> |',
    )
    fc.assert(
      fc.property(fc.array(fc.tuple(text, text), { minLength: 1 }), (rows) => {
        const lines = markdownTable(
          ['A', 'B'],
          rows.map(([a, b]) => [a, { code: b }]),
        ).split('\n')
        expect(lines).to.have.lengthOf(rows.length + 2)
        for (const line of lines.slice(2)) {
          expect(line.split('|')).to.have.lengthOf(4)
          expect(line.replaceAll(/<\/?code>/g, '')).to.not.match(/[\\`<>*_~[\]$]/)
        }
      }),
    )
  })

  it('shows many rows of very many, and how many there are', () => {
    const table = markdownTable(
      ['A'],
      Array.from({ length: 503 }, (_, index) => [String(index)]),
    )
    expect(table).to.match(/\| 499 \|\n\nand 3 more$/)
  })

  it('shows log lines as they are, and nothing ends them early', () => {
    expect(preformatted('Log of <a>', ['::x', '</pre><b>', '', '  a & b'])).to.equal(
      '<details><summary>Log of &#60;a&#62;</summary>\n\n<pre>\n::x\n&#60;/pre&#62;&#60;b&#62;\n\n  a &#38; b\n</pre>\n</details>',
    )
  })

  it('is cut at a line, closed, and says so', () => {
    expect(cutOff('short', 100)).to.equal('short')
    const long = `${'ä'.repeat(20)}\n`.repeat(100)
    const cut = cutOff(long, 1000)
    expect(Buffer.byteLength(cut)).to.be.within(900, 1000)
    expect(cut).to.match(/^(ä{20}\n)+\n?\n_This summary is too long for GitHub/)
    const details = cutOff(preformatted('Log', long.split('\n')), 1000)
    expect(details).to.match(/ä\n<\/pre>\n<\/details>\n\n_This summary is too long/)
    for (const limit of [0, 10, 150, 200]) expect(Buffer.byteLength(cutOff(long, limit))).to.be.at.most(limit)
  })
})
