import * as fs from 'node:fs/promises'
import { join } from 'node:path'

import { FailedError, InvalidInputError } from '../errors.js'

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
    const holder = await holderOf(lock)
    if (holder !== undefined && !isAlive(holder)) await fs.unlink(lock).catch(() => undefined)
    else if (Date.now() - start > waitMs)
      throw new FailedError(
        `Another k8sflow${holder === undefined ? '' : ` (process ${String(holder)})`} is at work in ${folder}.`,
        {
          code: 'FOLDER_BUSY',
          suggestions: [`Try again; if nothing else runs, delete ${lock}.`],
          data: { folder },
        },
      )
    else await new Promise((done) => setTimeout(done, RETRY_MS))
  }
  try {
    return await work()
  } finally {
    await fs.unlink(lock).catch(() => undefined)
  }
}

/** The process's number is in the file from the first moment on: written beside it, then linked to its place. */
async function take(lock: string): Promise<boolean> {
  const own = `${lock}-${String(process.pid)}-${Math.random().toString(36).slice(2)}`
  try {
    await fs.writeFile(own, String(process.pid), { flag: 'wx', mode: 0o600 })
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

async function holderOf(lock: string): Promise<number | undefined> {
  const text = await fs.readFile(lock, 'utf8').catch(() => '')
  return /^\d+$/.test(text) ? Number(text) : undefined
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

function folderOf(lock: string): string {
  return lock.slice(0, lock.lastIndexOf('.lock'))
}
