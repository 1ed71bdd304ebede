import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { artifacts, type Artifact } from './artifacts.js'
import { buildBase } from './base.js'
import { installDebianPackages, unpackSidPackages } from './debian.js'
import { progress, runMain } from './failure.js'
import { withLock } from './lock.js'
import { binDir, cacheDir } from './paths.js'
import { checkGo, checkMachine } from './preflight.js'

const stampDir = path.join(binDir, '.stamps')

/** What to build: everything, or only the two helms (for a foreign cluster). */
export interface BuildOptions {
  only?: string[]
}

/** Builds and installs whatever is missing or has another version than the pinned one. Safe to interrupt and repeat. */
export async function build(options: BuildOptions = {}): Promise<void> {
  await withLock('build', 60, async () => {
    await removeLeftovers()
    if (!options.only) {
      checkMachine()
      await installDebianPackages()
      await unpackSidPackages()
      await buildBase()
    }
    const wanted = artifacts.filter((artifact) => options.only?.includes(artifact.name) ?? true)
    const missing = []
    for (const artifact of wanted) if (!(await isBuilt(artifact))) missing.push(artifact)
    if (missing.length === 0) return
    await checkGo()
    progress(
      `building ${missing.map((artifact) => artifact.name).join(', ')} (the first time: about 25 minutes on 2 cores)`,
    )
    for (const artifact of missing) await buildOne(artifact)
  })
}

/** Builds in a folder beside `bin`, moves the results there at the end, and writes the stamp last. */
async function buildOne(artifact: Artifact): Promise<void> {
  const start = Date.now()
  await mkdir(stampDir, { recursive: true })
  const into = await mkdtemp(path.join(cacheDir, `build-${artifact.name}-`))
  try {
    await artifact.build(into)
    for (const output of artifact.outputs) await rename(path.join(into, output), path.join(binDir, output))
    await writeFile(path.join(stampDir, artifact.name), await stampOf(artifact))
  } finally {
    await rm(into, { recursive: true, force: true })
  }
  progress(`built ${artifact.name} in ${((Date.now() - start) / 1000).toFixed(0)} s`)
}

async function isBuilt(artifact: Artifact): Promise<boolean> {
  const stamp = await readFile(path.join(stampDir, artifact.name), 'utf8').catch(() => '')
  if (stamp !== (await stampOf(artifact))) return false
  const found = await Promise.all(
    artifact.outputs.map((output) => stat(path.join(binDir, output)).catch(() => undefined)),
  )
  return found.every((file) => file?.isFile())
}

/** A digest of everything that decides what the artifact is: pins, flags, sources and processor. */
async function stampOf(artifact: Artifact): Promise<string> {
  const hash = createHash('sha256').update(`${artifact.key} ${process.arch}`)
  if (artifact.source) {
    for (const file of (await readdir(artifact.source)).sort()) {
      hash.update(`\0${file}\0`).update(await readFile(path.join(artifact.source, file)))
    }
  }
  return hash.digest('hex')
}

/** Removes the folders of builds that were killed. Only the holder of the build lock may. */
async function removeLeftovers(): Promise<void> {
  for (const entry of await readdir(cacheDir).catch(() => [])) {
    if (entry.startsWith('build-')) await rm(path.join(cacheDir, entry), { recursive: true, force: true })
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await runMain(async () => {
    await build()
    return 0
  })
}
