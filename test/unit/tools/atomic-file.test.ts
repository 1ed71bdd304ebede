import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
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
import { fileURLToPath } from 'node:url'

import { expect } from 'chai'

import { InvalidInputError } from '../../../src/errors.js'
import { assertWritable, editFile } from '../../../src/tools/atomic-file.js'

const read = (path: string) => readFile(path, 'utf8')

describe('editing a file', () => {
  let folder: string
  const at = (name: string) => join(folder, name)

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'k8sflow-atomic-'))
  })

  afterEach(async () => {
    await chmod(folder, 0o755)
    await rm(folder, { recursive: true })
  })

  it('creates, updates, and leaves alone what does not change', async () => {
    expect(await editFile(at('a'), () => 'one', read)).to.equal('created')
    expect(await editFile(at('a'), (before) => `${before ?? ''} two`, read)).to.equal('updated')
    expect(await read(at('a'))).to.equal('one two')
    const before = await stat(at('a'))
    expect(await editFile(at('a'), (text) => text ?? '', read)).to.equal('unchanged')
    expect((await stat(at('a'))).ino).to.equal(before.ino)
    expect(await readdir(folder)).to.deep.equal(['a'])
  })

  it('keeps the mode', async () => {
    await writeFile(at('a'), 'one', { mode: 0o640 })
    await editFile(at('a'), () => 'two', read)
    expect((await stat(at('a'))).mode & 0o777).to.equal(0o640)
  })

  it('shows nobody else the new text of a private file', async () => {
    await writeFile(at('a'), 'one', { mode: 0o600 })
    const modes: number[] = []
    const umask = process.umask(0)
    try {
      const edit = async () => {
        for (const name of await readdir(folder))
          if (name !== 'a') modes.push((await stat(at(name))).mode & 0o777)
        return 'two'
      }
      await editFile(at('a'), edit, read)
    } finally {
      process.umask(umask)
    }
    expect(modes).to.deep.equal([0o600])
  })

  it('follows symbolic links, also to a file that is not there yet', async () => {
    await mkdir(at('real'))
    await symlink('real/b', at('a'))
    await symlink('a', at('link'))
    expect(await editFile(at('link'), () => 'one', read)).to.equal('created')
    expect(await editFile(at('link'), () => 'two', read)).to.equal('updated')
    expect(await read(at('real/b'))).to.equal('two')
    expect(await readlink(at('link'))).to.equal('a')
    expect(await readdir(at('real'))).to.deep.equal(['b'])
  })

  it('leaves the old text when making the new one fails', async () => {
    await writeFile(at('a'), 'one')
    let calls = 0
    const edit = () => {
      if (++calls > 1) throw new Error('no')
      return 'two'
    }
    await editFile(at('a'), edit, read).then(
      () => expect.fail(),
      (error: Error) => expect(error.message).to.equal('no'),
    )
    expect(await read(at('a'))).to.equal('one')
    expect(await readdir(folder)).to.deep.equal(['a'])
  })

  it('counts every one of many runs at once', async () => {
    const numbers = [...Array(20).keys()].map(String)
    await Promise.all(
      numbers.map((number) => editFile(at('a'), (before = '') => `${before}${number}\n`, read)),
    )
    expect((await read(at('a'))).trim().split('\n').sort()).to.deep.equal([...numbers].sort())
  })

  it('takes over from a run that was killed', async () => {
    await writeFile(at('.a.k8sflow-tmp'), 'half')
    await utimes(at('.a.k8sflow-tmp'), 0, 0)
    expect(await editFile(at('a'), () => 'one', read)).to.equal('created')
    expect(await readdir(folder)).to.deep.equal(['a'])
  })

  it('begins again where it was held up so long that others took it for killed', async () => {
    await writeFile(at('a'), 'one')
    let calls = 0
    const edit = async (before = '') => {
      calls += 1
      if (calls === 2) {
        await rm(at('.a.k8sflow-tmp'))
        await editFile(at('a'), () => 'theirs', read)
        await writeFile(at('.a.k8sflow-tmp'), 'half of a third')
        await utimes(at('.a.k8sflow-tmp'), 0, 0)
      }
      return `${before} and mine`
    }
    expect(await editFile(at('a'), edit, read)).to.equal('updated')
    expect(await read(at('a'))).to.equal('theirs and mine')
    expect(await readdir(folder)).to.deep.equal(['a'])
  })

  it('writes bytes as they were read, whatever their encoding', async () => {
    const latin = Buffer.from([0x23, 0xe9, 0xff, 0x0a])
    await writeFile(at('a'), latin)
    const readBytes = (path: string) => readFile(path, 'latin1')
    await editFile(at('a'), (text = '') => `${text}b\n`, readBytes, { encoding: 'latin1' })
    expect(await readFile(at('a'))).to.deep.equal(Buffer.concat([latin, Buffer.from('b\n')]))
  })

  const mounts: [name: string, mount: string, refusal: RegExp][] = [
    ['a mount', 'mount --bind "$1/real" "$1/hosts"', /busy/],
    [
      'a mount in a read-only folder',
      'mount --bind "$1" "$1" && mount --bind "$1/real" "$1/hosts" && mount -o remount,ro,bind "$1"',
      /read-only/,
    ],
  ]
  for (const [name, mount, refusal] of mounts)
    it(`overwrites ${name} only where told to`, async function () {
      if (spawnSync('unshare', ['-rm', 'true']).status !== 0) this.skip()
      await writeFile(at('real'), 'a long old text\n')
      await writeFile(at('hosts'), '')
      const module = fileURLToPath(new URL('../../../src/tools/atomic-file.ts', import.meta.url))
      const script = `import { editFile } from ${JSON.stringify(module)}
        import { readFile } from 'node:fs/promises'
        const edit = (options) => editFile(${JSON.stringify(at('hosts'))}, (text) => text.slice(-5) + '!',
          (path) => readFile(path, 'utf8'), options).catch(({ message }) => message)
        console.log(await edit({}))
        console.log(await edit({ inPlace: true }))`
      const node = [process.execPath, '--import', 'tsx', '--input-type=module', '-e', script]
      const { stdout, stderr } = spawnSync(
        'unshare',
        ['-rm', 'sh', '-c', `${mount} && shift && exec "$@"`, 'sh', folder, ...node],
        { encoding: 'utf8' },
      )
      const [refused, changed] = stdout.split('\n')
      expect(refused, stderr)
        .to.match(/ cannot be written: /)
        .and.match(refusal)
      expect(changed).to.equal('updated')
      expect(await read(at('real'))).to.equal('text\n!')
      expect((await readdir(folder)).sort()).to.deep.equal(['hosts', 'real'])
    })

  it('shows the old text or the new one and nothing between when it is killed at any moment', async () => {
    const isWhole = (text: string) => text === text.charAt(0).repeat(3_000_000)
    await writeFile(at('a'), '0'.repeat(3_000_000))
    const module = fileURLToPath(new URL('../../../src/tools/atomic-file.ts', import.meta.url))
    const script = `import { editFile } from ${JSON.stringify(module)}
      import { readFile } from 'node:fs/promises'
      console.log('ready')
      for (let n = 1; ; n = n % 9 + 1)
        await editFile(${JSON.stringify(at('a'))}, () => String(n).repeat(3_000_000), (path) => readFile(path, 'utf8'))`
    for (const patience of [140, 251, 163]) {
      const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script])
      await once(child.stdout, 'data')
      // Whoever reads meanwhile sees one text, complete; so does whoever comes after the kill.
      const first = await read(at('a'))
      let text = first
      for (const start = Date.now(); text === first || Date.now() - start < patience;) {
        text = await read(at('a'))
        expect(isWhole(text)).to.be.true
      }
      child.kill('SIGKILL')
      await once(child, 'exit')
      expect(isWhole(await read(at('a')))).to.be.true
      await rm(at('.a.k8sflow-tmp'), { force: true })
    }
  })

  const refusals: [name: string, path: string, prepare: () => Promise<unknown>, message: RegExp][] = [
    ['a folder', '', async () => undefined, /it is a folder/],
    ['a missing folder', 'x/a', async () => undefined, /its folder does not exist/],
    ['a file as a folder', 'f/a', () => writeFile(at('f'), ''), /not a folder/],
    ['a read-only file', 'r', () => writeFile(at('r'), 'one', { mode: 0o444 }), /it is read-only/],
    ['a read-only folder', 'a', () => chmod(folder, 0o555), /its folder is read-only/],
    ['links in a circle', 'l', () => symlink('l', at('l')), /in a circle/],
  ]
  for (const [name, path, prepare, message] of refusals)
    it(`refuses ${name} before anything is written`, async () => {
      await prepare()
      const before = await readdir(folder)
      let error: unknown
      await assertWritable(at(path)).catch((caught: unknown) => (error = caught))
      expect(error).to.be.instanceOf(InvalidInputError)
      expect(error).to.have.property('message').that.matches(message)
      expect(await readdir(folder)).to.deep.equal(before)
    })

  it('refuses devices instead of replacing them', async () => {
    let error: Error | undefined
    await assertWritable('/dev/null').catch((caught: Error) => (error = caught))
    expect(error?.message).to.match(/not a regular file/)
  })

  it('refuses an empty name, and names a file in a folder with one slash', async () => {
    const refusal = async (path: string): Promise<InvalidInputError> => {
      const error: unknown = await assertWritable(path).catch((caught: unknown) => caught)
      expect(error).to.be.instanceOf(InvalidInputError)
      return error as InvalidInputError
    }
    expect((await refusal('')).message).to.match(/name of the file to write is empty/)
    expect((await refusal(`${folder}/`)).suggestions.join()).to.include(` ${folder}/app2-staging.yml`)
  })
})
