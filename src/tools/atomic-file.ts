import { constants } from 'node:fs'
import * as fs from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'

import { FailedError, InvalidInputError } from '../errors.js'

/**
 * How long another k8sflow may hold a file before it is taken for dead; a write takes milliseconds. One that was only held
 * up notices that, and begins again.
 */
const STALE_MS = 3000
const RETRY_MS = 25

/** What became of a file. */
export type Change = 'created' | 'updated' | 'unchanged'

/** The new text of a file, made from the old one; undefined is a file that does not exist. */
export type Edit = (before: string | undefined) => string | Promise<string>

export interface EditOptions {
  /** How the text is written; UTF-8 unless said otherwise. */
  encoding?: BufferEncoding
  /**
   * Overwrite the file where nothing can be renamed over it: /etc/hosts of a container is a mount of its own
   * (EBUSY), and the folder around it may be read-only. What was there is put back when that fails half-way.
   */
  inPlace?: boolean
  /** Mode of the file, from the moment it has a name; otherwise an existing file keeps its own. */
  mode?: number
}

/**
 * Edits a file so that at every moment it holds the old text or the new one, and two runs at once both count: the new
 * text is written beside it, under a name only one run can hold, and renamed over it. Mode and owner stay, symbolic
 * links are followed, and nothing is written when nothing changes.
 * @param read gives the file's text, which must exist
 */
export async function editFile(
  path: string,
  edit: Edit,
  read: (path: string) => Promise<string>,
  options: EditOptions = {},
): Promise<Change> {
  for (;;) {
    const change = await editOnce(path, edit, read, options)
    if (change !== undefined) return change
  }
}

/** Undefined where another run has taken this one for dead meanwhile: nothing was written. */
async function editOnce(
  path: string,
  edit: Edit,
  read: (path: string) => Promise<string>,
  options: EditOptions,
): Promise<Change | undefined> {
  const target = await realTarget(path)
  const first = await contents(target, read)
  if (first !== undefined && (await edit(first)) === first) return 'unchanged'
  const temporary = join(dirname(target), `.${basename(target)}.k8sflow-tmp`)
  const handle = await exclusive(temporary, path, firstMode(first, options)).catch(async (error: unknown) => {
    if (first === undefined || !options.inPlace || !isDenied(error)) throw error
    await overwrite(target, { before: first, after: await edit(first) }, options).catch((cause: unknown) => {
      throw writeError(path, cause)
    })
  })
  if (handle === undefined) return 'updated'
  const own = await handle.stat()
  try {
    // Read again: another run may have written meanwhile.
    const before = await contents(target, read)
    const after = await edit(before)
    if (after !== before) {
      const stat = before === undefined ? undefined : await fs.stat(target)
      await handle.writeFile(after, options.encoding)
      if (stat) await keepOwner(handle, stat, options)
      else if (options.mode !== undefined) await handle.chmod(options.mode)
      await handle.sync()
      await handle.close()
      if (!(await isSame(temporary, own))) return undefined
      await moveOver(temporary, target, { before, after }, options)
      return before === undefined ? 'created' : 'updated'
    }
    return 'unchanged'
  } catch (error) {
    throw error instanceof Error && 'code' in error && 'syscall' in error ? writeError(path, error) : error
  } finally {
    await handle.close().catch(() => undefined)
    // Gone when it was renamed, perhaps another run's by now; unlink, since rm loads what it takes to remove folders.
    if (await isSame(temporary, own)) await fs.unlink(temporary).catch(() => undefined)
  }
}

/** Whether a path still leads to that file. */
async function isSame(path: string, { ino, dev }: { ino: number; dev: number }): Promise<boolean> {
  const found = await fs.stat(path).catch(() => undefined)
  return found?.ino === ino && found.dev === dev
}

/** @throws InvalidInputError when a file cannot be made or changed at this path; nothing is written */
export async function assertWritable(path: string): Promise<void> {
  if (path.trim() === '')
    throw new InvalidInputError('The name of the file to write is empty. Nothing was changed.', {
      code: 'NOT_WRITABLE',
      suggestions: ['Name a file with -o, or leave -o out for the usual name.'],
      data: { path },
    })
  const target = await realTarget(path)
  try {
    const stat = await fs.stat(target).catch(absent)
    if (stat?.isDirectory()) throw writeError(path, { code: 'EISDIR' })
    if (stat && !stat.isFile()) throw writeError(path, { code: 'ENOTFILE' })
    // Root may write anywhere, but a file without any write permission was meant to stay as it is.
    if (stat && (stat.mode & 0o222) === 0) throw writeError(path, { code: 'EROFILE' })
    if (stat) await fs.access(target, constants.W_OK)
    const folder = await fs.stat(dirname(target))
    if (!folder.isDirectory()) throw writeError(path, { code: 'ENOTDIR' })
    if ((folder.mode & 0o222) === 0) throw writeError(path, { code: 'EROFOLDER' })
    await fs.access(dirname(target), constants.W_OK)
  } catch (error) {
    throw error instanceof InvalidInputError ? error : writeError(path, error)
  }
}

/** The file a path stands for, through symbolic links, also where the last one points to nothing yet. */
async function realTarget(path: string): Promise<string> {
  let current = resolve(path)
  for (let hops = 0; hops < 40; hops++) {
    const link = await fs.readlink(current).catch(() => undefined)
    if (link === undefined) return current
    current = resolve(dirname(current), link)
  }
  throw writeError(path, { code: 'ELOOP' })
}

async function contents(
  target: string,
  read: (path: string) => Promise<string>,
): Promise<string | undefined> {
  const stat = await fs.stat(target).catch(absent)
  return stat === undefined ? undefined : read(target)
}

function absent(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
  throw error
}

/** Whether the folder of a file may not be written to; the file itself perhaps may. */
function isDenied(error: unknown): boolean {
  const { code = '' } = ((error as Error).cause ?? {}) as NodeJS.ErrnoException
  return ['EACCES', 'EPERM', 'EROFS'].includes(code)
}

async function moveOver(
  temporary: string,
  target: string,
  { before, after }: { before: string | undefined; after: string },
  options: EditOptions,
): Promise<void> {
  await fs.rename(temporary, target).catch(async (error: NodeJS.ErrnoException) => {
    const isMount = error.code === 'EBUSY' || error.code === 'EXDEV'
    if (before === undefined || !options.inPlace || !isMount) throw error
    await overwrite(target, { before, after }, options)
  })
}

async function overwrite(
  target: string,
  { before, after }: { before: string; after: string },
  { encoding }: EditOptions,
): Promise<void> {
  const file = await fs.open(target, 'r+')
  try {
    await fill(file, Buffer.from(after, encoding)).catch(async (error: unknown) => {
      await fill(file, Buffer.from(before, encoding)).catch(() => undefined)
      throw error
    })
  } finally {
    await file.close()
  }
}

/** Shortened last: a full disk then leaves no file that is cut off. */
async function fill(file: fs.FileHandle, bytes: Buffer): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    const { bytesWritten } = await file.write(bytes, at, bytes.length - at, at)
    at += bytesWritten
  }
  await file.truncate(bytes.length)
  await file.sync()
}

async function exclusive(temporary: string, path: string, mode = 0o666): Promise<fs.FileHandle> {
  let holder: number | undefined
  for (let since = Date.now(); ;) {
    try {
      return await fs.open(temporary, 'wx', mode)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw writeError(path, error)
    }
    const stat = await fs.stat(temporary).catch(absent)
    // Of many runs each has its turn: only one that keeps it is waited for in vain.
    if (stat?.ino !== holder) since = Date.now()
    holder = stat?.ino
    // Left behind by a run that was killed: what it wrote never became the file.
    if (stat && Date.now() - stat.mtimeMs > STALE_MS) await fs.rm(temporary, { force: true })
    else if (Date.now() - since > STALE_MS)
      throw new FailedError(`${path} is being written by another k8sflow.`, {
        code: 'FILE_BUSY',
        suggestions: [`Try again; if nothing else runs, delete ${temporary}.`],
      })
    else await new Promise((done) => setTimeout(done, RETRY_MS))
  }
}

/** What is there may be a secret: nobody else reads the new text before it has the old mode. */
function firstMode(before: string | undefined, { mode }: EditOptions): number | undefined {
  return mode ?? (before === undefined ? undefined : 0o600)
}

async function keepOwner(
  handle: fs.FileHandle,
  { mode, uid, gid }: { mode: number; uid: number; gid: number },
  options: EditOptions,
) {
  const own = await handle.stat()
  // Only root may give a file away; for everybody else the file becomes theirs, as with any editor.
  if (own.uid !== uid || own.gid !== gid) await handle.chown(uid, gid).catch(() => undefined)
  await handle.chmod((options.mode ?? mode) & 0o7777)
}

function writeError(path: string, cause: unknown): InvalidInputError {
  const { code = '', message = '' } = cause as { code?: string; message?: string }
  const [reason, suggestion] = REASONS[code] ?? [message || code, undefined]
  return new InvalidInputError(`${path} cannot be written: ${reason}. Nothing was changed.`, {
    code: 'NOT_WRITABLE',
    cause,
    suggestions:
      suggestion === undefined
        ? []
        : [suggestion.replace('FOLDER', dirname(path)).replace('FILE', path.replace(/(?<=.)\/+$/, ''))],
    data: { path },
  })
}

const REASONS: Readonly<Record<string, readonly [reason: string, suggestion?: string]>> = {
  EISDIR: ['it is a folder', 'Name a file in it, such as -o FILE/app2-staging.yml.'],
  ENOENT: ['its folder does not exist', 'Make it first: mkdir -p FOLDER'],
  ENOTDIR: ['part of its path is not a folder'],
  EACCES: ['permission denied', 'Name another file with -o, or change its permissions.'],
  EPERM: ['permission denied', 'Name another file with -o, or change its permissions.'],
  EROFS: ['its file system is read-only', 'Name another file with -o.'],
  EROFILE: ['it is read-only', 'Make it writable (chmod u+w FILE), or name another file with -o.'],
  EROFOLDER: [
    'its folder is read-only',
    'Make it writable (chmod u+w FOLDER), or name another file with -o.',
  ],
  ENOTFILE: ['it is not a regular file', 'Use -o - to print to stdout.'],
  ENOSPC: ['no space is left on the disk'],
  ELOOP: ['its symbolic links go in a circle'],
}
