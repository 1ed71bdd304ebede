import { expect } from 'chai'
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'

import { MAX_BYTES, readText } from '../../../src/tools/text-file.js'

describe('reading a text file', () => {
  let folder: string
  const at = (name: string) => join(folder, name)
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'k8sflow-text-'))
  })
  afterEach(async () => rm(folder, { recursive: true }))

  it('gives the text, a byte order mark included', async () => {
    await writeFile(at('a'), '\uFEFFè\r\n')
    expect(await readText(at('a'))).to.deep.equal({ text: '\uFEFFè\r\n' })
  })

  it('says what is wrong with a file', async () => {
    await writeFile(at('binary'), Buffer.from([65, 0, 66]))
    await writeFile(at('latin1'), Buffer.from([0xe8]))
    await writeFile(at('large'), Buffer.alloc(MAX_BYTES + 1, 65))
    await writeFile(at('largest'), Buffer.alloc(MAX_BYTES, 65))
    await symlink('loop', at('loop'))
    const problem = async (name: string) => {
      const read = await readText(at(name))
      return 'problem' in read ? [read.problem, read.missing] : 'none'
    }
    expect(await problem('nowhere')).to.deep.equal(['there is no such file', true])
    expect(await problem('binary/x')).to.deep.equal(['there is no such file', false])
    expect(await problem('.')).to.deep.equal(['it is a folder; name the files in it', false])
    expect(await problem('loop')).to.deep.equal(['its symbolic links go in a circle', false])
    expect(await problem('binary')).to.deep.equal(['it is not a text file', false])
    expect(await problem('latin1')).to.deep.equal(['it is not UTF-8 text', false])
    expect((await problem('large'))[0]).to.include('larger than 4 MiB')
    expect(await problem('largest')).to.equal('none')
  })

  describe('- is standard input', () => {
    const before = Object.getOwnPropertyDescriptor(process, 'stdin')!
    const given = (chunks: Iterable<Buffer>) =>
      Object.defineProperty(process, 'stdin', { value: Readable.from(chunks), configurable: true })
    afterEach(() => Object.defineProperty(process, 'stdin', before))

    it('which may cut a character in two', async () => {
      const [first, second] = Buffer.from('è')
      given([Buffer.from([first!]), Buffer.from([second!])])
      expect(await readText('-')).to.deep.equal({ text: 'è' })
    })

    it('which is not read for ever', async () => {
      let read = 0
      given(
        (function* () {
          for (;;) {
            read += 1
            yield Buffer.alloc(1024 * 1024, 65)
          }
        })(),
      )
      expect(await readText('-'))
        .to.have.property('problem')
        .that.includes('4 MiB')
      expect(read).to.be.below(40)
    })
  })
})
