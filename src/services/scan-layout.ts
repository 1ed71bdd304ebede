import { existsSync, statSync } from 'node:fs'
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'

import { InvalidInputError } from '../errors.js'

/** One platform of an image in an OCI layout folder. */
export interface LayoutImage {
  platform: string | null
  /** Of that platform's own manifest. */
  digest: string
}

interface Descriptor {
  mediaType?: unknown
  digest?: unknown
  size?: unknown
}

/** Whether a folder is an OCI image layout. */
function isLayout(folder: string): boolean {
  return existsSync(join(folder, 'index.json')) && existsSync(join(folder, 'blobs'))
}

/**
 * The layouts a path names: the folder itself, or those in it, as `k8sflow build --oci-dir DIR` writes one for each app.
 * @returns undefined when the path is no folder, or holds none
 */
export async function layoutsIn(path: string): Promise<string[] | undefined> {
  if (!isFolder(path)) return undefined
  if (isLayout(path)) return [path]
  const names = await readdir(path)
  const folders = names.sort().map((name) => join(path, name))
  const layouts = folders.filter((folder) => isFolder(folder) && isLayout(folder))
  return layouts.length === 0 ? undefined : layouts
}

/**
 * The image a layout holds, and its platforms.
 * @throws InvalidInputError when it holds none, several, or cannot be read
 */
export async function readLayout(folder: string): Promise<{ digest: string; images: LayoutImage[] }> {
  const { layoutPlatforms } = await import('../images/oci-layout.js')
  try {
    const digests = new Set((await topDescriptors(folder)).map(({ digest }) => String(digest)))
    const [digest] = digests
    if (digest === undefined) throw unusable(folder, 'it holds no image')
    if (digests.size > 1)
      throw unusable(folder, `it holds ${String(digests.size)} images; keep each in a folder of its own`)
    const platforms = await layoutPlatforms(folder, digest)
    if (platforms.length === 0) return { digest, images: [{ platform: null, digest }] }
    return {
      digest,
      images: platforms.map(({ platform, digest: own }) => ({ platform, digest: own ?? digest })),
    }
  } catch (error) {
    if (error instanceof InvalidInputError) throw error
    throw unusable(folder, (error as Error).message)
  }
}

/**
 * Makes a layout that holds a single platform's image, out of links to the blobs of another. trivy takes the first
 * image of a layout whatever `--platform` says, and finds no image by a digest that stands inside of an index
 * (pkg/fanal/image/oci.go).
 */
export async function writeSingleImageLayout(from: string, digest: string, to: string): Promise<void> {
  const blob = await readFile(join(from, 'blobs', ...digest.split(':')))
  const { mediaType } = JSON.parse(blob.toString()) as Descriptor
  const manifest = {
    mediaType: mediaType ?? 'application/vnd.oci.image.manifest.v1+json',
    digest,
    size: blob.length,
  }
  await mkdir(to)
  await symlink(resolve(from, 'blobs'), join(to, 'blobs'), 'junction')
  await writeFile(join(to, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }))
  await writeFile(join(to, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: [manifest] }))
}

async function topDescriptors(folder: string): Promise<Descriptor[]> {
  const index = JSON.parse(await readFile(join(folder, 'index.json'), 'utf8')) as { manifests?: unknown }
  return Array.isArray(index.manifests) ? (index.manifests as Descriptor[]) : []
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
}

function unusable(folder: string, why: string): InvalidInputError {
  return new InvalidInputError(`${folder} cannot be scanned as an OCI layout: ${why}.`, {
    code: 'INVALID_LAYOUT',
    suggestions: ['Build it again, into an empty folder: k8sflow build --oci-dir DIR'],
    data: { folder },
  })
}
