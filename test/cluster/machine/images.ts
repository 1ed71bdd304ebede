import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { MachineError } from './failure.js'
import { bin } from './paths.js'

/** An image of one static program: what is in it, and how it is run. */
export interface Image {
  program: string
  user?: string
  env?: Record<string, string>
  port?: number
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
  const config = Buffer.from(JSON.stringify(imageConfig(image, digest(layer))))
  const manifest = {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: {
      mediaType: 'application/vnd.oci.image.config.v1+json',
      size: config.length,
      digest: digest(config),
    },
    layers: [
      { mediaType: 'application/vnd.oci.image.layer.v1.tar', size: layer.length, digest: digest(layer) },
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
  const found = await fetch(`${base}/blobs/${digest(data)}`, { method: 'HEAD' })
  if (found.ok) return
  const upload = await call('POST', `${base}/blobs/uploads/`)
  const location = new URL(upload.headers.get('location') ?? '', base)
  // The registry names itself as it was called inside the namespace; only path and query are its own to say.
  location.host = new URL(base).host
  location.searchParams.set('digest', digest(data))
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

function digest(data: Buffer): string {
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
