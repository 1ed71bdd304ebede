import { readFile, stat } from 'node:fs/promises'

/** More than any values file: Helm stores values inside a Secret, which holds 1 MiB. */
export const MAX_BYTES = 4 * 1024 * 1024

/** A file's text, or why there is none, as a sentence about the file. */
export type ReadText = { text: string } | { problem: string; missing: boolean }

/** Reads a text file, or stdin for `-`. Whatever is wrong with the file is a result, not an exception. */
export async function readText(path: string): Promise<ReadText> {
  try {
    if (path === '-') return decode(await readStdin())
    const { size } = await stat(path)
    if (size > MAX_BYTES) return tooLarge()
    return decode(await readFile(path))
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === undefined) throw error
    return { problem: REASONS[code] ?? `it cannot be read: ${message}`, missing: code === 'ENOENT' }
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'there is no such file',
  EISDIR: 'it is a folder; name the files in it',
  EACCES: 'you may not read it (permission denied)',
  ELOOP: 'its symbolic links go in a circle',
}

async function readStdin(): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    chunks.push(chunk)
    size += chunk.length
    if (size > MAX_BYTES) break
  }
  return Buffer.concat(chunks)
}

function decode(bytes: Buffer): ReadText {
  if (bytes.length > MAX_BYTES) return tooLarge()
  if (bytes.includes(0)) return { problem: 'it is not a text file', missing: false }
  try {
    return { text: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes) }
  } catch {
    return { problem: 'it is not UTF-8 text', missing: false }
  }
}

function tooLarge(): ReadText {
  return { problem: 'it is larger than 4 MiB, which Helm could not store', missing: false }
}
