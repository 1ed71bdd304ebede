import { randomUUID } from 'node:crypto'
import * as fs from 'node:fs/promises'
import { dirname, join } from 'node:path'

import { FailedError, InvalidInputError } from '../errors.js'
import { isAlive } from './is-alive.js'

const RETRY_MS = 50

/**
 * Lets one run at a time work in a folder. What a run that was killed left behind is taken over, since the process is
 * gone; a folder that several machines share is not told apart.
 * @param waitMs how long to wait for another run
 * @throws FailedError when the other run takes longer
 */
export async function withFolderLock<Result>(
  folder: string,
  work: () => Promise<Result>,
  waitMs = 10_000,
): Promise<Result> {
  const lock = join(folder, '.lock')
  for (const start = Date.now(); !(await take(lock));) {
    const found = await read(lock)
    const holder = holderOf(found)
    if (isDead(found) && (await remove(lock, found))) continue
    if (Date.now() - start > waitMs)
      throw new FailedError(
        `Another k8sflow${holder === undefined ? '' : ` (process ${String(holder)})`} is at work in ${folder}.`,
        {
          code: 'FOLDER_BUSY',
          suggestions: [`Try again; if nothing else runs, delete ${lock}.`],
          data: { folder },
        },
      )
    await new Promise((done) => setTimeout(done, RETRY_MS))
  }
  try {
    return await work()
  } finally {
    await fs.unlink(lock).catch(() => undefined)
  }
}

/**
 * What is in a lock is in it from the first moment on, written beside it and then linked to its place: the process's
 * number, and what no other lock has.
 */
async function take(lock: string): Promise<boolean> {
  const mark = `${String(process.pid)}-${randomUUID()}`
  const own = `${lock}-${mark}`
  try {
    await fs.writeFile(own, mark, { flag: 'wx', mode: 0o600 })
    await fs.link(own, lock)
    return true
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') return false
    throw new InvalidInputError(`${folderOf(lock)} cannot be written to: ${message}. Nothing was changed.`, {
      code: 'NOT_WRITABLE',
      cause: error,
      data: { path: lock },
    })
  } finally {
    await fs.unlink(own).catch(() => undefined)
  }
}

/**
 * Removes a dead process's lock. Of several that have found it only one may, under a lock named after this very one:
 * whoever came later would otherwise remove the lock that the first has taken by then. Who died while removing it is
 * dealt with in the same way.
 * @returns false where another one is at it
 */
async function remove(lock: string, mark: string): Promise<boolean> {
  const removal = join(dirname(lock), `.lock-over-${mark}`)
  if (!(await take(removal))) {
    const found = await read(removal)
    return isDead(found) && (await remove(removal, found))
  }
  try {
    if ((await read(lock)) !== mark) return true
    return await fs.unlink(lock).then(
      () => true,
      () => false,
    )
  } finally {
    await fs.unlink(removal).catch(() => undefined)
  }
}

/** What is in a lock; empty where there is none any more. */
async function read(lock: string): Promise<string> {
  return fs.readFile(lock, 'utf8').catch(() => '')
}

/** Whether the process that took a lock is gone. */
function isDead(mark: string): boolean {
  const holder = holderOf(mark)
  return holder !== undefined && !isAlive(holder)
}

function holderOf(mark: string): number | undefined {
  const [, pid] = /^(\d+)(-[-0-9a-f]+)?$/.exec(mark) ?? []
  return pid === undefined ? undefined : Number(pid)
}

function folderOf(lock: string): string {
  return lock.slice(0, lock.lastIndexOf('.lock'))
}
