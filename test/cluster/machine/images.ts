import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { MachineError } from './failure.js'
import { bin } from './paths.js'

/** An image of one static program: what is in it, and how it is run. */
export interface Image {
  program: string
  user?: string
  env?: Record<string, string>
  port?: number
}

/** What an OCI manifest, index or layout says of one of its parts. */
export interface Descriptor {
  mediaType: string
  digest: string
  /** bytes */
  size: number
  platform?: { os: string; architecture: string }
}

interface Manifest {
  mediaType: string
  manifests?: Descriptor[]
  config?: Descriptor
  layers?: Descriptor[]
}

/** The stand-in's failure modes, one image tag each; see the program's source. */
const failingTags = ['crash', 'oom', 'never-ready', 'wrong-ping', 'slow']

/** Pushes the pause image and every tag of the two stand-in applications to the registry at host:port. */
export async function pushStandardImages(registry: string): Promise<void> {
  await pushImage(registry, 'pause:1', { program: 'pause' })
  const tags = [
    ...['1.0.0', '1.1.0'].map((version) => ({ tag: version, env: { STANDIN_VERSION: version } })),
    ...failingTags.map((mode) => ({ tag: mode, env: { STANDIN_VERSION: mode, STANDIN_MODE: mode } })),
  ]
  for (const app of ['app1', 'app2']) {
    for (const { tag, env } of tags) {
      await pushImage(registry, `hecha00/${app}:${tag}`, {
        program: 'standin',
        user: '10101:10101',
        port: 8080,
        env,
      })
    }
  }
}

/** Makes an image of a built program and pushes it over the registry's HTTP API. */
export async function pushImage(registry: string, reference: string, image: Image): Promise<void> {
  const separator = reference.lastIndexOf(':')
  const repository = reference.slice(0, separator)
  const layer = tarball(image.program, await readFile(bin(image.program)))
  const config = Buffer.from(JSON.stringify(imageConfig(image, imageDigest(layer))))
  const manifest = {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: {
      mediaType: 'application/vnd.oci.image.config.v1+json',
      size: config.length,
      digest: imageDigest(config),
    },
    layers: [
      { mediaType: 'application/vnd.oci.image.layer.v1.tar', size: layer.length, digest: imageDigest(layer) },
    ],
  }
  const base = `http://${registry}/v2/${repository}`
  await pushBlob(base, layer)
  await pushBlob(base, config)
  await call(
    'PUT',
    `${base}/manifests/${reference.slice(separator + 1)}`,
    JSON.stringify(manifest),
    manifest.mediaType,
  )
}

/** Pushes the image of an OCI image layout with all its platforms, and gives its digest. */
export async function pushLayout(registry: string, reference: string, layout: string): Promise<string> {
  const { manifests } = JSON.parse(await readFile(path.join(layout, 'index.json'), 'utf8')) as Manifest
  const image = manifests?.[0]
  if (!image)
    throw new MachineError(`the image layout ${layout} names no image: remove that folder and build anew`)
  const separator = reference.lastIndexOf(':')
  const base = `http://${registry}/v2/${reference.slice(0, separator)}`
  await pushParts(base, layout, image, reference.slice(separator + 1))
  return image.digest
}

/** Pushes a manifest after all that it names: the registry refuses one whose parts it lacks. */
async function pushParts(base: string, layout: string, part: Descriptor, tag = part.digest): Promise<void> {
  const read = ({ digest }: Descriptor) => readFile(path.join(layout, 'blobs', ...digest.split(':')))
  const body = await read(part)
  const { manifests = [], config, layers = [] } = JSON.parse(body.toString()) as Manifest
  await Promise.all([
    ...manifests.map((manifest) => pushParts(base, layout, manifest)),
    ...[config, ...layers].map(async (blob) => blob && pushBlob(base, await read(blob))),
  ])
  await call('PUT', `${base}/manifests/${tag}`, body, part.mediaType)
}

function imageConfig(image: Image, layerDigest: string) {
  return {
    // A fixed time: the same program gives the same digest.
    created: '2026-01-01T00:00:00Z',
    architecture: process.arch === 'arm64' ? 'arm64' : 'amd64',
    os: 'linux',
    config: {
      Entrypoint: [`/${image.program}`],
      Env: Object.entries(image.env ?? {}).map(([name, value]) => `${name}=${value}`),
      ...(image.user ? { User: image.user } : {}),
      ...(image.port ? { ExposedPorts: { [`${image.port}/tcp`]: {} } } : {}),
    },
    rootfs: { type: 'layers', diff_ids: [layerDigest] },
  }
}

async function pushBlob(base: string, data: Buffer): Promise<void> {
  const found = await fetch(`${base}/blobs/${imageDigest(data)}`, { method: 'HEAD' })
  if (found.ok) return
  const upload = await call('POST', `${base}/blobs/uploads/`)
  const location = new URL(upload.headers.get('location') ?? '', base)
  // The registry names itself as it was called inside the namespace; only path and query are its own to say.
  location.host = new URL(base).host
  location.searchParams.set('digest', imageDigest(data))
  await call('PUT', location.href, data, 'application/octet-stream')
}

async function call(method: string, url: string, body?: Buffer | string, type?: string): Promise<Response> {
  const init: RequestInit = { method }
  if (body !== undefined) init.body = body
  if (type !== undefined) init.headers = { 'content-type': type }
  const response = await fetch(url, init)
  if (!response.ok) {
    throw new MachineError(
      `the image registry refused ${method} ${url}: HTTP ${response.status}: ${await response.text()}`,
    )
  }
  return response
}

/** The digest by which a registry knows a blob. */
export function imageDigest(data: Buffer): string {
  return `sha256:${createHash('sha256').update(data).digest('hex')}`
}

/** A tar archive (ustar) with one executable file in its root. */
function tarball(name: string, content: Buffer): Buffer {
  const header = Buffer.alloc(512)
  header.write(name, 0)
  header.write('0000755\0', 100) // mode
  header.write('0000000\0', 108) // owner
  header.write('0000000\0', 116) // group
  header.write(`${content.length.toString(8).padStart(11, '0')}\0`, 124)
  header.write('00000000000\0', 136) // time
  header.write('        ', 148) // the checksum counts its own field as spaces
  header.write('0', 156) // an ordinary file
  header.write('ustar\x0000', 257)
  const sum = header.reduce((total, byte) => total + byte, 0)
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  const padding = Buffer.alloc((512 - (content.length % 512)) % 512)
  return Buffer.concat([header, content, padding, Buffer.alloc(1024)])
}
