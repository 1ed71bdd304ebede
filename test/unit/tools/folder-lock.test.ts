import { expect } from 'chai'
import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { withFolderLock } from '../../../src/tools/folder-lock.js'

const MODULE = fileURLToPath(new URL('../../../src/tools/folder-lock.ts', import.meta.url))

/**
 * One process that takes the lock and says what it does. Within the lock, and with `slow` also before it removes
 * what another one has left, it waits for a line: where a busy machine may let it wait, too.
 */
const SCRIPT = `
  import fs from 'node:fs'
  import { syncBuiltinESMExports } from 'node:module'
  import { createInterface } from 'node:readline'
  const [, folder, slow] = process.argv
  const lines = createInterface(process.stdin)[Symbol.asyncIterator]()
  const { link, unlink } = fs.promises
  fs.promises.link = async (from, to) => {
    console.log('try')
    return link(from, to)
  }
  let waited = false
  fs.promises.unlink = async (path) => {
    if (slow === 'slow' && !waited && !path.includes('-' + process.pid + '-')) {
      waited = true
      console.log('removing')
      await lines.next()
    }
    return unlink(path)
  }
  syncBuiltinESMExports()
  const { withFolderLock } = await import(${JSON.stringify(MODULE)})
  const inside = folder + '/inside'
  await withFolderLock(folder, async () => {
    try {
      fs.writeFileSync(inside, '', { flag: 'wx' })
    } catch {
      console.log('not alone')
    }
    console.log('inside')
    await lines.next()
    fs.rmSync(inside)
  }, 60_000)
  process.exit()
`

describe('a lock of a folder', () => {
  let folder: string
  let children: ChildProcessWithoutNullStreams[]
  const lock = () => join(folder, '.lock')

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'k8sflow-lock-'))
    children = []
  })
  afterEach(async () => {
    for (const child of children) if (child.exitCode === null) child.kill('SIGKILL')
    await rm(folder, { recursive: true })
  })

  const begin = (speed: 'slow' | 'quick') => {
    const argv = ['--import', 'tsx', '--input-type=module', '-e', SCRIPT, folder, speed]
    const child = spawn(process.execPath, argv)
    children.push(child)
    let [out, problem] = ['', '']
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (problem += chunk.toString()))
    return {
      child,
      said: () => out,
      /** Waits until the process has said it. */
      says: async (what: RegExp) => {
        while (!what.test(out)) {
          expect(child.exitCode, `${out}${problem}`).to.equal(null)
          await new Promise((done) => setTimeout(done, 20))
        }
      },
      goOn: () => child.stdin.write('\n'),
    }
  }
  /** Four tries to make a file: at least once the lock itself, then what is to be held to remove it. */
  const HELD_OFF = /inside|(try\n){4}/
  const leftByTheDead = async () => {
    const { stdout } = spawnSync(process.execPath, ['-p', 'process.pid'], { encoding: 'utf8' })
    await writeFile(lock(), stdout.trim())
  }

  it("lets one in of two that have both found a dead process's lock", async function () {
    this.timeout(60_000)
    await leftByTheDead()
    const slow = begin('slow')
    await slow.says(/removing/)
    const quick = begin('quick')
    await quick.says(HELD_OFF)
    slow.goOn()
    await slow.says(/inside/)
    expect(quick.said()).not.to.include('inside')
    slow.goOn()
    await quick.says(/inside/)
    quick.goOn()
    await Promise.all([slow, quick].map(async ({ child }) => child.exitCode ?? once(child, 'exit')))
    expect(slow.said() + quick.said()).not.to.include('not alone')
    expect(await readdir(folder)).to.deep.equal([])
  })

  it('is taken over also from who was killed while taking it over', async function () {
    this.timeout(60_000)
    await leftByTheDead()
    const first = begin('slow')
    await first.says(/removing/)
    first.child.kill('SIGKILL')
    await once(first.child, 'exit')
    expect(await readdir(folder)).to.have.length(2)
    const second = begin('slow')
    await second.says(/removing/)
    second.child.kill('SIGKILL')
    await once(second.child, 'exit')
    expect(await readdir(folder)).to.have.length(3)
    expect(await withFolderLock(folder, async () => readFile(lock(), 'utf8'))).to.match(
      new RegExp(`^${String(process.pid)}-`),
    )
    expect(await readdir(folder)).to.deep.equal([])
  })

  it('is left to a process that lives, and says who holds it', async () => {
    await writeFile(lock(), String(process.pid))
    const error = await withFolderLock(folder, async () => Promise.resolve(), 120).catch(
      (reason: unknown) => reason,
    )
    expect(error).to.include({ code: 'FOLDER_BUSY' })
    expect(String(error)).to.include(`(process ${String(process.pid)})`)
    expect(await readdir(folder)).to.deep.equal(['.lock'])
  })
})
