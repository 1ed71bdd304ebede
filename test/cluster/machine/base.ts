import { execa } from 'execa'
import { createHash } from 'node:crypto'
import {
  chmod,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises'
import path from 'node:path'
import { gzipSync } from 'node:zlib'
import { extractPackages } from './debian.js'
import { MachineError, progress } from './failure.js'
import { imageDigest, type Descriptor } from './images.js'
import { baseDir, cacheDir, machineDir } from './paths.js'
import versions from './versions.json' with { type: 'json' }

/*
 * The base image that the samples are built on: nginx with the contract of the official image
 * (docs.docker.com/samples/nginx and its Dockerfiles: entrypoint, templates, user 101, logs on the streams), put together from
 * Debian's packages, because nothing can be pulled where the tests run.
 */

/** A platform of the image, in the words of Debian's packages and of its libraries' folders. */
const platforms = [
  { architecture: 'amd64', triplet: 'x86_64-linux-gnu', loader: 'lib64/ld-linux-x86-64.so.2' },
  { architecture: 'arm64', triplet: 'aarch64-linux-gnu', loader: 'lib/ld-linux-aarch64.so.1' },
] as const

type Platform = (typeof platforms)[number]

/** A fixed time, so that the same packages give the same digest. */
const created = '2026-01-01T00:00:00Z'

const sources = path.join(machineDir, 'base')

/** Builds the base image as an OCI image layout in `baseDir`, unless it is there with the present pins and sources. */
export async function buildBase(): Promise<void> {
  const stamp = await stampOfBase()
  const built = await readFile(path.join(baseDir, '.stamp'), 'utf8').catch(() => '')
  if (built === stamp) return
  progress('building the nginx base image from Debian packages')
  const work = await mkdtemp(path.join(cacheDir, 'build-base-'))
  try {
    const layout = path.join(work, 'layout')
    await mkdir(path.join(layout, 'blobs', 'sha256'), { recursive: true })
    // All packages first: the busybox that runs on this machine tells what to link for every platform.
    const entries = new Map<Platform, string[]>()
    for (const platform of platforms) entries.set(platform, await extract(platform, work))
    const manifests = []
    for (const [platform, installed] of entries)
      manifests.push(await buildPlatform(platform, work, layout, installed))
    await writeIndexes(layout, manifests)
    await writeFile(path.join(layout, '.stamp'), stamp)
    await rm(baseDir, { recursive: true, force: true })
    await rename(layout, baseDir)
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

/** A digest of everything that decides what the image is, this file included. */
async function stampOfBase(): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify(versions.base))
  const files = (await readdir(sources)).sort().map((file) => path.join(sources, file))
  for (const file of [...files, path.join(machineDir, 'base.ts')]) hash.update(await readFile(file))
  return hash.digest('hex')
}

/** Unpacks a platform's packages; gives their entries for dpkg's list. */
async function extract({ architecture }: Platform, work: string): Promise<string[]> {
  const { suite, packages } = versions.base
  return extractPackages(packages, { suite, architecture }, path.join(work, `files-${architecture}`))
}

async function buildPlatform(
  platform: Platform,
  work: string,
  layout: string,
  entries: string[],
): Promise<Descriptor> {
  const { architecture } = platform
  const files = path.join(work, `files-${architecture}`)
  const root = path.join(work, `root-${architecture}`)
  await fillRoot(root, files, platform, entries)
  const tar = await tarOf(root)
  const layer = gzipSync(tar)
  const layerBlob = await addBlob(layout, layer, 'application/vnd.oci.image.layer.v1.tar+gzip')
  const config = await addBlob(
    layout,
    json(imageConfig(architecture, imageDigest(tar), versionOf(entries, 'nginx'))),
    'application/vnd.oci.image.config.v1+json',
  )
  const mediaType = 'application/vnd.oci.image.manifest.v1+json'
  const manifest = await addBlob(
    layout,
    json({ schemaVersion: 2, mediaType, config, layers: [layerBlob] }),
    mediaType,
  )
  return { ...manifest, platform: { os: 'linux', architecture } }
}

/** Lays out the image's files: of each package only what nginx and the scripts need. */
async function fillRoot(root: string, files: string, platform: Platform, entries: string[]): Promise<void> {
  await mkdir(root)
  await copyPackageFiles(root, files, platform)
  await copyOwnFiles(root)
  await linkApplets(root, files)
  await writeText(
    root,
    'etc/passwd',
    `root:x:0:0:root:/root:/bin/sh\nnginx:x:101:101:nginx:/nonexistent:/bin/false\n`,
  )
  await writeText(root, 'etc/group', 'root:x:0:\nnginx:x:101:\n')
  // Where scanners look for what is installed.
  await writeText(root, 'var/lib/dpkg/status', `${entries.join('\n\n')}\n`)
  for (const folder of ['root', 'run', 'var/cache/nginx', 'proc', 'sys', 'dev', 'etc/nginx/conf.d'])
    await mkdir(path.join(root, folder), { recursive: true })
  await mkdir(path.join(root, 'tmp'))
  await chmod(path.join(root, 'tmp'), 0o1777)
  await link(root, 'var/run', '/run')
  // Debian's nginx keeps its temporary files in another folder than the official image's.
  await link(root, 'var/lib/nginx', '/var/cache/nginx')
  await link(root, 'var/log/nginx/access.log', '/dev/stdout')
  await link(root, 'var/log/nginx/error.log', '/dev/stderr')
}

async function copyPackageFiles(root: string, files: string, { triplet, loader }: Platform): Promise<void> {
  const libraries = ['c', 'crypt', 'pcre2-8', 'ssl', 'crypto', 'z'].map(
    (name) => new RegExp(`^lib${name}\\.so\\.\\d+$`),
  )
  for (const folder of [`lib/${triplet}`, `usr/lib/${triplet}`]) {
    for (const file of await readdir(path.join(files, folder)))
      if (libraries.some((library) => library.test(file))) await copy(files, `${folder}/${file}`, root)
  }
  await copy(files, `lib/${triplet}/${path.basename(loader)}`, root, loader)
  await copy(files, 'usr/sbin/nginx', root)
  await copy(files, 'usr/bin/envsubst', root)
  await copy(files, 'bin/busybox', root)
  await copy(files, 'etc/nginx/mime.types', root)
  await copy(files, 'etc/debian_version', root)
  await copy(files, 'usr/lib/os-release', root, 'etc/os-release')
}

async function copyOwnFiles(root: string): Promise<void> {
  await copy(sources, 'docker-entrypoint.sh', root)
  await copy(sources, '20-envsubst-on-templates.sh', root, 'docker-entrypoint.d/20-envsubst-on-templates.sh')
  await copy(sources, 'nginx.conf', root, 'etc/nginx/nginx.conf')
  await copy(sources, 'default.conf', root, 'etc/nginx/conf.d/default.conf')
  await copy(sources, 'index.html', root, 'usr/share/nginx/html/index.html')
}

/** A link for each of busybox's programs. Only one processor's busybox runs here; all have the same list. */
async function linkApplets(root: string, files: string): Promise<void> {
  const own = process.arch === 'arm64' ? 'arm64' : 'amd64'
  const native = files.replace(/(amd64|arm64)$/, own)
  const { stdout } = await execa(path.join(native, 'bin', 'busybox'), ['--list-full'])
  for (const applet of stdout.split('\n')) await link(root, applet, '/bin/busybox')
}

/** Copies a file, or what a link leads to. */
async function copy(from: string, file: string, root: string, to = file): Promise<void> {
  await mkdir(path.dirname(path.join(root, to)), { recursive: true })
  await cp(path.join(from, file), path.join(root, to), { dereference: true })
}

/** A link, unless something is there under that name. */
async function link(root: string, name: string, target: string): Promise<void> {
  await mkdir(path.dirname(path.join(root, name)), { recursive: true })
  await symlink(target, path.join(root, name)).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error
  })
}

async function writeText(root: string, name: string, text: string): Promise<void> {
  await mkdir(path.dirname(path.join(root, name)), { recursive: true })
  await writeFile(path.join(root, name), text)
}

/** An archive that depends on the files' names, modes and content only. */
async function tarOf(root: string): Promise<Buffer> {
  const owner = ['--owner=0', '--group=0', '--numeric-owner']
  const args = ['--sort=name', `--mtime=${created}`, ...owner, '--format=gnu', '-C', root, '-cf', '-', '.']
  const { stdout } = await execa('tar', args, { encoding: 'buffer', maxBuffer: 200 * 1024 ** 2 })
  return Buffer.from(stdout)
}

function imageConfig(architecture: string, layer: string, nginx: string) {
  return {
    created,
    architecture,
    os: 'linux',
    config: {
      Entrypoint: ['/docker-entrypoint.sh'],
      Cmd: ['nginx', '-g', 'daemon off;'],
      Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', `NGINX_VERSION=${nginx}`],
      ExposedPorts: { '80/tcp': {} },
      StopSignal: 'SIGQUIT',
      WorkingDir: '/',
      Labels: {
        'org.opencontainers.image.title': 'nginx-base',
        'org.opencontainers.image.description': 'Stands in for the official nginx image in tests',
        'org.opencontainers.image.version': nginx,
      },
    },
    rootfs: { type: 'layers', diff_ids: [layer] },
    history: [{ created, created_by: 'test/cluster/machine/base.ts' }],
  }
}

/** The upstream part of an installed package's version. */
function versionOf(entries: string[], name: string): string {
  const entry = entries.find((text) => text.startsWith(`Package: ${name}\n`))
  const version = /^Version: (?:\d+:)?([^-\n]+)/m.exec(entry ?? '')?.[1]
  if (!version) throw new MachineError(`the base image's package ${name} has no version`)
  return version
}

/** The image's own index is a blob like any other; the layout's index.json names it. */
async function writeIndexes(layout: string, manifests: Descriptor[]): Promise<void> {
  const mediaType = 'application/vnd.oci.image.index.v1+json'
  const index = await addBlob(layout, json({ schemaVersion: 2, mediaType, manifests }), mediaType)
  await writeFile(path.join(layout, 'oci-layout'), json({ imageLayoutVersion: '1.0.0' }))
  await writeFile(path.join(layout, 'index.json'), json({ schemaVersion: 2, mediaType, manifests: [index] }))
}

async function addBlob(layout: string, data: Buffer, mediaType: string): Promise<Descriptor> {
  const digest = imageDigest(data)
  await writeFile(path.join(layout, 'blobs', ...digest.split(':')), data)
  return { mediaType, digest, size: data.length }
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value))
}
