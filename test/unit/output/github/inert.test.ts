import { expect } from 'chai'
import fc from 'fast-check'

import { guard, inert, inertJson } from '../../../../src/output/github/inert.js'
import { commandsIn } from './runner.js'

const HOSTILE = [
  '::set-output name=image::evil',
  '  \t::error::no',
  '\u00a0\u2028::stop-commands::token',
  'log ##[set-output name=image;]evil',
  '##[add-mask]a',
  'done\r::add-path::/evil',
  '::::error::x',
]
const line = fc.oneof(
  fc.constantFrom(...HOSTILE),
  fc
    .array(fc.constantFrom('::', ':', '##[', '##', '[', 'error', ' ', '\t', '\r', '\u0085', '\\', ']', 'x'))
    .map((parts) => parts.join('')),
)
const output = fc.array(line, { maxLength: 5 }).map((lines) => lines.join('\n'))

describe('inert output', () => {
  it('has no workflow command in it, whatever was printed', () => {
    for (const text of HOSTILE.slice(0, -1)) expect(commandsIn(text), text).to.not.deep.equal([])
    fc.assert(
      fc.property(output, (text) => {
        expect(commandsIn(inert(text))).to.deep.equal([])
        expect(inert(inert(text))).to.equal(inert(text))
        expect(inert(text).replaceAll('\\', '')).to.equal(text.replaceAll('\\', ''))
      }),
      { numRuns: 500 },
    )
  })

  it('is the text itself where nothing in it looks like one', () => {
    const text = '✔ app1/it runs: 10.0.0.1::80 a::b\n  ## title [x]\n\n'
    expect(inert(text)).to.equal(text)
  })

  it('takes long white space in its stride', () => {
    // Looking at each space again and again would take hours. Not by the clock: the machine may be busy with other things.
    const began = process.cpuUsage()
    inert(' \n'.repeat(200_000) + ' '.repeat(200_000))
    expect(process.cpuUsage(began).user / 1000).to.be.lessThan(10_000)
  })

  it('means the same as JSON', () => {
    fc.assert(
      fc.property(fc.dictionary(output, output), (value) => {
        const json = inertJson(JSON.stringify(value, null, 2))
        expect(commandsIn(json)).to.deep.equal([])
        expect(JSON.parse(json)).to.deep.equal(value)
      }),
    )
  })

  it('is all that gets past a guard, but for what is meant', () => {
    let written = ''
    const stream = { write: (text: unknown) => ((written += String(text)), true) }
    const past = guard(stream)
    stream.write('::error::theirs\n')
    past('::error::ours\n')
    guard(stream)('::warning::ours, by a second command\n')
    stream.write(new TextEncoder().encode('x') && 'plain\n')
    expect(commandsIn(written).map(({ data }) => data)).to.deep.equal(['ours', 'ours, by a second command'])
    expect(written).to.equal(
      '\\::error::theirs\n::error::ours\n::warning::ours, by a second command\nplain\n',
    )
  })
})
