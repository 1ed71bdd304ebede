import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { expect } from 'chai'
import { parse } from 'yaml'

import { InvalidInputError, K8sflowError } from '../../../src/errors.js'
import { checkPinTargets, pinImages } from '../../../src/services/image-pins.js'

const ONE = { app: 'app1', image: 'hecha00/app1', tag: '12345678e012', digest: `sha256:${'1'.repeat(64)}` } as const // prettier-ignore
const TWO = { app: 'app2', image: 'hecha00/app2', tag: '1.0', digest: `sha256:${'2'.repeat(64)}` } as const
const APP1 = 'firstApp: # here\n  create: true\n  appName: app1\n  countries: [it]\n'
const APP2 = 'secondApp:\n  create: true\n  appName: app2\n  countries: [it]\n  image: {tag: "1"} # old\n'

async function errorOf(work: Promise<unknown>): Promise<K8sflowError> {
  try {
    await work
  } catch (error) {
    if (error instanceof K8sflowError) return error
    throw error
  }
  throw new Error('it did not fail')
}

describe('pinning images', () => {
  let folder: string
  const at = (name: string) => join(folder, name)
  const read = (name: string) => readFile(at(name), 'utf8')
  const write = (name: string, text: string, mode = 0o644) => writeFile(at(name), text, { mode })
  const short = (text: string) => text.replaceAll(`${folder}/`, '')

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'k8sflow-pins-'))
  })

  afterEach(async () => {
    await rm(folder, { recursive: true })
  })

  it('writes each image where its app is, and says what became of each file', async () => {
    await write('one.yml', APP1)
    await write('both.yml', `${APP1}${APP2}global: {}\n`, 0o640)
    const written = await pinImages([at('one.yml'), at('both.yml')], [ONE, TWO])
    expect(written).to.deep.equal([
      { path: at('one.yml'), app: 'app1', digest: ONE.digest, change: 'updated' },
      { path: at('both.yml'), app: 'app1', digest: ONE.digest, change: 'updated' },
      { path: at('both.yml'), app: 'app2', digest: TWO.digest, change: 'updated' },
    ])
    const image = `  image:\n    repository: "hecha00/app1"\n    tag: "12345678e012"\n    digest: "${ONE.digest}"\n`
    expect(await read('one.yml')).to.equal(APP1 + image)
    expect(parse(await read('both.yml'))).to.have.nested.property('secondApp.image.digest', TWO.digest)
    expect((await stat(at('both.yml'))).mode & 0o777).to.equal(0o640)
    expect(await readdir(folder)).to.have.members(['one.yml', 'both.yml'])
  })

  it('leaves a file that already says so, and an app that was not built', async () => {
    await write('both.yml', APP1 + APP2)
    await pinImages([at('both.yml')], [ONE])
    const text = await read('both.yml')
    expect(text.endsWith(APP2)).to.equal(true)
    const { ino } = await stat(at('both.yml'))
    expect(await pinImages([at('both.yml')], [ONE])).to.have.nested.property('[0].change', 'unchanged')
    expect((await stat(at('both.yml'))).ino).to.equal(ino)
    expect(await read('both.yml')).to.equal(text)
  })

  it('writes nothing in a dry run', async () => {
    await write('one.yml', APP1)
    const written = await pinImages([at('one.yml')], [ONE], { dryRun: true })
    expect(written).to.have.nested.property('[0].change', 'updated')
    expect(await read('one.yml')).to.equal(APP1)
  })

  it('writes a file once, however often it is named', async () => {
    await write('one.yml', APP1)
    await symlink('one.yml', at('link.yml'))
    const names = [at('link.yml'), at('one.yml'), at('link.yml'), `${folder}/./one.yml`]
    expect(await pinImages(names, [ONE])).to.deep.equal([
      { path: at('link.yml'), app: 'app1', digest: ONE.digest, change: 'updated' },
    ])
    expect(await readlink(at('link.yml'))).to.equal('one.yml')
    expect(await read('one.yml')).to.include(ONE.digest)
  })

  it('takes good targets, and nothing to do', async () => {
    await write('one.yml', APP1)
    await write('two.yml', APP2)
    await checkPinTargets([at('one.yml'), at('two.yml')], ['app1', 'app2'])
    await checkPinTargets([], ['app1'])
    expect(await pinImages([], [ONE])).to.deep.equal([])
    expect([await read('one.yml'), await read('two.yml')]).to.deep.equal([APP1, APP2])
  })

  it('says which countries have an image of their own', async () => {
    const countries = {
      it: { image: { digest: TWO.digest, tag: '1' } },
      es: { image: { tag: '1' } },
      fr: { image: { repository: 'r.io/a', tag: '2' } },
      at: { image: { tag: null }, resources: {} },
    }
    await write(
      'one.yml',
      `firstApp: {create: true, countries: [it], perCountry: ${JSON.stringify(countries)}}\n`,
    )
    await write('two.yml', APP2)
    const warnings = await checkPinTargets([at('one.yml'), at('two.yml')], ['app1', 'app2'])
    expect(warnings.map(short)).to.deep.equal([
      'one.yml: firstApp.perCountry.it.image.digest: this wins over the digest that is written, so another image runs there.',
      'one.yml: firstApp.perCountry.es.image.tag, firstApp.perCountry.fr.image.tag: no effect beside a digest.',
      'one.yml: firstApp.perCountry.fr.image.repository: the digest that is written is looked for there.',
    ])
    expect(await checkPinTargets([at('two.yml')], ['app2'])).to.deep.equal([])
  })

  const unfit: [name: string, text: string | undefined, message: RegExp][] = [
    ['is missing', undefined, /^one\.yml: there is no such file\.$/],
    ['is broken', 'firstApp: {\n', /^one\.yml:2:1: /],
    ['does not fit the schema', 'firstApp: {imag: {}}\n', /^one\.yml:1:12: .*imag/],
    ['holds another app', APP2, /^one\.yml says nothing about app1\.$/],
    ['holds an app without a section', 'firstApp:\n', /^one\.yml says nothing about app1\.$/],
    [
      'shares the image with another app',
      'firstApp: &a {create: false}\nsecondApp: *a\n',
      /^one\.yml:1:1: firstApp cannot be changed here without changing other values as well\./,
    ],
  ]
  for (const [name, text, message] of unfit)
    it(`refuses a file that ${name}, before anything is built`, async () => {
      if (text !== undefined) await write('one.yml', text)
      const error = await errorOf(checkPinTargets([at('one.yml')], ['app1']))
      expect(error).to.be.instanceOf(InvalidInputError)
      expect(short(error.message)).to.match(message)
      expect(error.suggestions).not.to.deep.equal([])
      const again = await errorOf(pinImages([at('one.yml')], [ONE]))
      expect(again.message).to.equal(error.message)
    })

  it('refuses standard input, folders and what is read-only', async () => {
    await mkdir(at('folder'))
    await write('locked.yml', APP1, 0o444)
    expect((await errorOf(checkPinTargets(['-'], ['app1']))).message).to.include('standard input')
    expect((await errorOf(checkPinTargets([at('folder')], ['app1']))).message).to.include('it is a folder')
    const error = await errorOf(checkPinTargets([at('locked.yml')], ['app1']))
    expect(error.message).to.include('it is read-only')
    expect(error.suggestions.join(' ')).to.include('or name another file').and.not.to.include(' -o')
  })

  it('does not wait for a file that is none', async () => {
    const error = await errorOf(checkPinTargets(['/dev/zero'], ['app1']))
    expect(error.message).to.include('/dev/zero cannot be written')
  })

  it('names an app that no file holds', async () => {
    await write('one.yml', APP1)
    await write('again.yml', APP1)
    const error = await errorOf(checkPinTargets([at('one.yml'), at('again.yml')], ['app1', 'app2']))
    expect(short(error.message)).to.equal('one.yml and again.yml say nothing about app2.')
  })

  it('names every problem at once, and writes nothing', async () => {
    await write('one.yml', APP1)
    await write('bad.yml', 'firstApp: {a: 1, b: 2}\n', 0o444)
    await write('two.yml', 'global: {}\n')
    const files = ['one.yml', 'bad.yml', '-', 'two.yml', 'gone.yml'].map((name) =>
      name === '-' ? name : at(name),
    )
    const error = await errorOf(pinImages(files, [ONE]))
    expect(short(error.message).split('\n')).to.have.lengthOf(7)
    for (const part of [
      /^6 problems/,
      /bad\.yml cannot/,
      /bad\.yml:1:12: /,
      /bad\.yml:1:18: /,
      /"-"/,
      /two\.yml says nothing about app1/,
      /gone\.yml: there is no/,
    ])
      // prettier-ignore
      expect(short(error.message)).to.match(part)
    expect(error.exitCode).to.equal(2)
    expect(await read('one.yml')).to.equal(APP1)
  })

  it('refuses an image that the schema does not take, before the first file is written', async () => {
    await write('one.yml', APP1)
    await write('two.yml', APP2)
    const files = [at('one.yml'), at('two.yml')]
    for (const wrong of [{ digest: 'sha512:abc' }, { image: 'hecha00/App2' }, { tag: '-x' }]) {
      const error = await errorOf(pinImages(files, [ONE, { ...TWO, ...wrong }]))
      expect(short(error.message)).to.match(/^two\.yml would not be valid with the new images: \/secondApp/)
    }
    expect(await read('one.yml')).to.equal(APP1)
  })

  it('puts back what was written when a later file cannot be', async () => {
    await write('one.yml', APP1)
    await write('two.yml', APP2)
    await write('.two.yml.k8sflow-tmp', 'held by another run')
    const later = new Date(Date.now() + 60_000)
    await utimes(at('.two.yml.k8sflow-tmp'), later, later)
    const error = await errorOf(pinImages([at('one.yml'), at('two.yml')], [ONE, TWO]))
    expect(short(error.message)).to.match(/^two\.yml is being written by another k8sflow/)
    expect([await read('one.yml'), await read('two.yml')]).to.deep.equal([APP1, APP2])
  })

  it('checks with the chart that is named; one without a schema takes any repository', async () => {
    await mkdir(at('chart'))
    await write('chart/Chart.yaml', 'name: x\n')
    await write('one.yml', `${APP1}  mine: 1\n`)
    await pinImages([at('one.yml')], [{ ...ONE, image: 'A/b' }], { chart: at('chart') })
    expect(await read('one.yml')).to.include('repository: "A/b"')
    expect((await errorOf(checkPinTargets([at('one.yml')], ['app1']))).message).to.include('mine')
  })

  it('reports a folder that takes no new file', async () => {
    await mkdir(at('locked'))
    await write('locked/one.yml', APP1)
    await chmod(at('locked'), 0o555)
    try {
      const error = await errorOf(checkPinTargets([at('locked/one.yml')], ['app1']))
      expect(error.message).to.include('its folder is read-only')
    } finally {
      await chmod(at('locked'), 0o755)
    }
  })
})
