import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import {
  configDigest,
  configPlatform,
  imagePlatforms,
  type ImagePlatform,
  layersSize,
  manifestKind,
} from './manifest.js'

/** Reads one file of an OCI image layout, by its path inside of it, as JSON. */
type ReadJson = (path: string) => Promise<unknown>

/** JSON files of a layout are a few KB; anything larger is a layer. */
const LARGEST_JSON = 1024 * 1024

/**
 * The platforms of the image in an OCI image layout folder, each with its digest and compressed size.
 * @param digest of the image's index or manifest
 */
export async function layoutPlatforms(folder: string, digest: string): Promise<ImagePlatform[]> {
  return platformsOf(
    async (path) => JSON.parse(await readFile(join(folder, path), 'utf8')) as unknown,
    digest,
  )
}

/** The same, of a layout in a tar archive, as `type=oci,dest=FILE` of buildx writes it. */
export async function archivePlatforms(file: string, digest: string): Promise<ImagePlatform[]> {
  const { list } = await import('tar')
  const texts = new Map<string, Promise<Buffer>>()
  await list({
    file,
    onReadEntry(entry) {
      if (entry.size <= LARGEST_JSON && /^(\.\/)?blobs\//.test(entry.path))
        texts.set(entry.path.replace(/^\.\//, ''), entry.concat() as Promise<Buffer>)
      else entry.resume()
    },
  })
  return platformsOf(async (path) => JSON.parse(String(await texts.get(path))) as unknown, digest)
}

async function platformsOf(read: ReadJson, digest: string): Promise<ImagePlatform[]> {
  const manifest = await read(blobPath(digest))
  if (manifestKind(manifest) !== 'index') {
    const config = configDigest(manifest)
    const platform = config === undefined ? undefined : configPlatform(await read(blobPath(config)))
    return platform === undefined ? [] : [{ platform, digest, size: layersSize(manifest) }]
  }
  return Promise.all(
    imagePlatforms(manifest).map(async (platform) =>
      platform.digest === undefined
        ? platform
        : { ...platform, size: layersSize(await read(blobPath(platform.digest))) },
    ),
  )
}

function blobPath(digest: string): string {
  return `blobs/${digest.replace(':', '/')}`
}
