import { expect } from 'chai'
import fc from 'fast-check'

import {
  blockServer,
  blockText,
  type HostsBlock,
  otherAddresses,
  withBlock,
  withoutBlock,
} from '../../../src/services/hosts-file.js'

const block = (more: Partial<HostsBlock> = {}): HostsBlock => ({
  context: 'pi',
  server: 'https://192.168.1.10:6443',
  lines: [
    { address: '192.168.1.10', host: 'app1-it.info' },
    { address: 'fd00::10', host: 'app1-it.info' },
  ],
  ...more,
})
const BLOCK = `# k8sflow begin pi
# https://192.168.1.10:6443, written by "k8sflow hosts"; what is changed in here is lost
192.168.1.10 app1-it.info
fd00::10     app1-it.info
# k8sflow end pi
`

describe('the block of a hosts file', () => {
  it('stands between markers with the name of the context', () => {
    expect(blockText(block())).to.equal(BLOCK)
    expect(blockText(block({ lines: [] }))).to.equal('')
    expect(blockText(block({ context: '' }))).to.match(/^# k8sflow begin\n[^]*\n# k8sflow end\n$/)
  })

  it('is ASCII on lines of its own whatever contexts and servers are called', () => {
    const text = blockText(
      block({ context: 'my pi\n1.2.3.4 evil%', server: 'https://pí.lan/\n1.2.3.4 evil' }),
    )
    expect(text.split('\n')).to.have.length(6)
    expect(text).to.match(/^[\x20-\x7e\n]+$/)
    expect(text).to.match(/^# k8sflow begin my%20pi%0A1\.2\.3\.4%20evil%25$/m)
  })

  const files: [name: string, before: string, after: string][] = [
    ['an empty file', '', BLOCK],
    ['a file', '127.0.0.1 localhost\n', `127.0.0.1 localhost\n${BLOCK}`],
    ['a file without a last line end', '::1 a', `::1 a\n${BLOCK.trimEnd()}`],
    ['CRLF', '::1 a\r\n::1 b\r\n', `::1 a\r\n::1 b\r\n${BLOCK.replaceAll('\n', '\r\n')}`],
    [
      'CRLF, none at the end',
      '::1 a\r\n::1 b',
      `::1 a\r\n::1 b\r\n${BLOCK.trimEnd().replaceAll('\n', '\r\n')}`,
    ],
  ]
  for (const [name, before, after] of files)
    it(`goes to the end of ${name}, and out again`, () => {
      expect(withBlock(before, block())).to.equal(after)
      expect(withBlock(after, block())).to.equal(after)
      expect(withoutBlock(after, 'pi')).to.equal(before)
    })

  it('is replaced in its place, and leaves those of other contexts alone', () => {
    const other = BLOCK.replaceAll('pi\n', 'cloud\n').replaceAll('192.', '10.')
    const text = `::1 a\n${BLOCK}\n${other}# end\n`
    const newer = block({ lines: [{ address: '10.0.0.1', host: 'app2-es.info' }] })
    expect(withBlock(text, newer)).to.equal(`::1 a\n${blockText(newer)}\n${other}# end\n`)
    expect(withBlock(text, block({ lines: [] }))).to.equal(`::1 a\n\n${other}# end\n`)
    expect(withoutBlock(text, 'cloud')).to.equal(`::1 a\n${BLOCK}\n# end\n`)
    expect(withoutBlock(text, 'nobody')).to.equal(text)
    expect(blockServer(text, 'cloud')).to.equal('https://10.168.1.10:6443')
    expect(blockServer('', 'cloud')).to.equal(undefined)
  })

  const damages: [name: string, text: string, line: number, reason: RegExp][] = [
    ['an end that is missing', '::1 a\n# k8sflow begin pi\n::1 b\n', 2, /no end/],
    ['a begin that is missing', '::1 a\n# k8sflow end pi\n', 2, /does not begin/],
    ['an end of another', '# k8sflow begin pi\n# k8sflow end cloud\n', 2, /does not begin/],
    ['a block in a block', '# k8sflow begin pi\n# k8sflow begin cloud\n', 2, /inside the one of line 1/],
    ['two of one name', `${BLOCK}${BLOCK}`, 6, /second block/],
    ['damage to the block of another context', '# k8sflow begin cloud\r\n::1 a\r\n', 1, /no end/],
  ]
  for (const [name, text, line, reason] of damages)
    it(`refuses ${name}`, () => {
      for (const edit of [() => withBlock(text, block()), () => withoutBlock(text, 'pi')])
        expect(edit).to.throw(reason).that.deep.includes({ code: 'HOSTS_FILE_DAMAGED', data: { line } })
    })

  it('takes comments about k8sflow for comments', () => {
    const text = '# k8sflow begin of my own lines\n# about k8sflow\n#k8sflow ends\n'
    expect(withBlock(text, block())).to.equal(text + BLOCK)
  })

  it('finds other addresses of its hosts outside', () => {
    const text = `10.0.0.9\tother APP1-it.info # app1-it.info\n# 10.0.0.8 app1-it.info\n192.168.1.10 app1-it.info\r\nFD00:0::10 app1-it.info\n${BLOCK.replaceAll('192.', '10.')}10.0.0.7 app1-it.info.lan app1-it.info`
    expect(otherAddresses(text, block())).to.deep.equal([
      { line: 1, address: '10.0.0.9', host: 'app1-it.info' },
      { line: 10, address: '10.0.0.7', host: 'app1-it.info' },
    ])
  })

  it('can be written and taken out of any file without a trace', () => {
    const line = fc.oneof(
      fc.constantFrom('', '127.0.0.1 localhost', '# k8sflow', '::1\tapp1-it.info # é', '\r', ' '),
      fc.string({ unit: 'binary' }),
    )
    const marked = fc.constantFrom('', BLOCK.replaceAll('pi\n', 'cloud\n'), BLOCK.replaceAll('pi\n', 'b\r\n'))
    const file = fc
      .tuple(fc.array(fc.tuple(line, fc.constantFrom('\n', '\r\n'))), marked, line)
      .map(([lines, others, last]) => lines.flat().join('') + others + last)
    const lines = fc.array(fc.record({ address: fc.ipV4(), host: fc.domain() }), { maxLength: 4 })
    const name = fc.oneof(fc.constantFrom('pi', 'default', ''), fc.string())
    fc.assert(
      fc.property(file, lines, lines, name, (text, first, second, context) => {
        fc.pre(context !== 'cloud' && context !== 'b')
        const once = withBlock(text, block({ context, lines: first }))
        expect(withBlock(once, block({ context, lines: first }))).to.equal(once)
        expect(once.startsWith(text)).to.equal(true)
        const twice = withBlock(once, block({ context, lines: second }))
        if (first.length > 0 && second.length > 0) expect(twice.startsWith(text)).to.equal(true)
        expect(withoutBlock(twice, context)).to.equal(text)
      }),
      { numRuns: 500 },
    )
  })

  it('leaves what is before and after it alone when it changes', () => {
    const part = fc
      .array(fc.constantFrom('::1 a', '', '# b', '\tc\r'))
      .map((all) => all.map((l) => `${l}\n`).join(''))
    fc.assert(
      fc.property(part, part, (before, after) => {
        const newer = block({ lines: [{ address: '10.0.0.1', host: 'app2-es.info' }] })
        const changed = withBlock(before + BLOCK + after, newer)
        expect(changed.startsWith(before)).to.equal(true)
        expect(changed.endsWith(after)).to.equal(true)
        expect(withoutBlock(changed, 'pi')).to.equal(before + after)
      }),
    )
  })
})
