import { existsSync } from 'node:fs'
import { cp, mkdir, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'

import { InvalidInputError } from '../errors.js'
import type { App } from '../values/contract.js'

/**
 * Makes the folder for OCI image layouts.
 * @throws InvalidInputError when an app's place in it holds something else, which would be lost
 */
export async function prepareLayouts(folder: string, apps: readonly App[]): Promise<void> {
  try {
    await mkdir(folder, { recursive: true })
  } catch (cause) {
    throw new InvalidInputError(`${folder} cannot be made: ${(cause as Error).message}`, {
      code: 'NOT_WRITABLE',
      cause,
      suggestions: ['Name another folder with --oci-dir.'],
    })
  }
  for (const app of apps) {
    const place = join(folder, app)
    if (!existsSync(place) || existsSync(join(place, 'oci-layout'))) continue
    const held = await readdir(place).catch(() => ['a file'])
    if (held.length > 0)
      throw new InvalidInputError(`${place} holds something else than an OCI image layout.`, {
        code: 'NOT_A_LAYOUT',
        suggestions: ['Name another folder with --oci-dir, or move that away.'],
        data: { path: place },
      })
  }
}

/** Puts finished layouts in their places; buildx would add to what an older one holds. */
export async function finishLayouts(folder: string, apps: readonly App[], scratch: string): Promise<void> {
  for (const app of apps) {
    const place = join(folder, app)
    // Left by BuildKit's content store, always empty.
    await rm(join(scratch, app, 'ingest'), { recursive: true, force: true })
    await rm(place, { recursive: true, force: true })
    await move(join(scratch, app), place)
  }
}

async function move(from: string, to: string): Promise<void> {
  try {
    await rename(from, to)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EXDEV') throw error
    await cp(from, to, { recursive: true })
  }
}
