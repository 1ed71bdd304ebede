import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { isAlive } from '../../../src/tools/is-alive.js'
import { MachineError, progress } from './failure.js'
import { cacheDir } from './paths.js'

/** Runs a task while no other process of this checkout runs one under the same name; waits for a running one. */
export async function withLock<T>(name: string, minutes: number, task: () => Promise<T>): Promise<T> {
  await mkdir(cacheDir, { recursive: true })
  const file = path.join(cacheDir, `${name}.lock`)
  const end = Date.now() + minutes * 60_000
  let told = false
  while (!(await take(file))) {
    if (!told) progress(`waiting for another process of this checkout that holds the ${name} lock …`)
    told = true
    if (Date.now() > end) {
      throw new MachineError(
        `another process has held the lock ${file} for ${minutes} minutes: end it, or remove that file`,
      )
    }
    await sleep(500)
  }
  try {
    return await task()
  } finally {
    await rm(file, { force: true })
  }
}

async function take(file: string): Promise<boolean> {
  try {
    await writeFile(file, String(process.pid), { flag: 'wx' })
    return true
  } catch {
    const owner = Number(await readFile(file, 'utf8').catch(() => ''))
    // An empty file may be one that is just being written; it is looked at again after the pause.
    if (!owner || isAlive(owner)) return false
    await rm(file, { force: true })
    return take(file)
  }
}
