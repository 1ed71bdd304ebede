#!/usr/bin/env node
// A docker that builds nothing: it answers as the JSON file FAKE_DOCKER says, and notes in FAKE_DOCKER.log what it was asked.
// { builders: [...], driverStatus: [...], digests: { app1: "sha256:…" }, lines: [...], fails: "stderr", hangs: true, loadFails: { app1: "stderr" } }
import { createHash } from 'node:crypto'
import { appendFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'

const file = process.env.FAKE_DOCKER
const state = JSON.parse(readFileSync(file, 'utf8'))
const args = process.argv.slice(2)
const verb = args.slice(0, 2).join(' ')
const stdin = args.includes('-') ? readFileSync(0, 'utf8') : undefined
const note = (entry) => appendFileSync(`${file}.log`, `${JSON.stringify(entry)}\n`)
note({ args, ...(stdin === undefined ? {} : { definition: JSON.parse(stdin) }) })

if (verb === 'buildx ls') {
  if (state.lsFails) fail(state.lsFails)
  for (const builder of state.builders) print(builder)
} else if (args[0] === 'info') {
  if (state.infoFails) fail(state.infoFails)
  print(state.driverStatus)
} else if (verb === 'buildx bake') {
  await bake(JSON.parse(stdin).target)
} else if (verb === 'image load') {
  const app = basename(args.at(-1), '.tar')
  if (state.hangs === 'load') await hang()
  if (state.loadFails?.[app]) fail(state.loadFails[app])
} else fail(`unknown command ${verb}`)

function print(json) {
  process.stdout.write(`${JSON.stringify(json)}\n`)
}

function fail(stderr) {
  process.stderr.write(`${stderr}\n`)
  process.exit(1)
}

async function bake(targets) {
  const metadata = {}
  for (const [app, target] of Object.entries(targets)) {
    const digest = await exported(app, target)
    if (digest !== undefined) metadata[app] = { 'containerimage.digest': digest }
  }
  for (const line of state.lines ?? []) process.stderr.write(`${line}\n`)
  if (state.hangs === 'bake') await hang()
  if (state.fails) fail(state.fails)
  writeFileSync(args[args.indexOf('--metadata-file') + 1], JSON.stringify(metadata))
}

/** Waits for a SIGINT, and a while longer for those that should not come. */
async function hang() {
  const signals = []
  let stop
  const stopped = new Promise((resolve) => (stop = resolve))
  for (const name of ['SIGINT', 'SIGTERM'])
    process.on(name, () => {
      if (signals.push(name) === 1) setTimeout(stop, 300)
    })
  const end = setTimeout(stop, 60_000)
  note({ waiting: verb })
  await stopped
  clearTimeout(end)
  note({ signals })
  fail('ERROR: target app1: failed to solve: Canceled: context canceled')
}

/** Writes what the exporter asks for; the image's digest. */
async function exported(app, { output: [output], platforms }) {
  const option = (name) => new RegExp(`(?:^|,)${name}=([^,]*)`).exec(output)?.[1]
  if (option('type') !== 'oci') return state.digests?.[app]
  const folder = option('tar') === 'false' ? option('dest') : `${option('dest')}.layout`
  const digest = writeLayout(folder, platforms)
  if (option('tar') === 'false') return digest
  const { create } = await import('tar')
  await create({ file: option('dest'), cwd: folder }, ['oci-layout', 'blobs'])
  rmSync(folder, { recursive: true })
  return digest
}

function writeLayout(folder, platforms) {
  const put = (json) => {
    const bytes = Buffer.from(JSON.stringify(json))
    const hex = createHash('sha256').update(bytes).digest('hex')
    writeFileSync(join(folder, 'blobs', 'sha256', hex), bytes)
    return { digest: `sha256:${hex}`, size: bytes.length }
  }
  mkdirSync(join(folder, 'blobs', 'sha256'), { recursive: true })
  mkdirSync(join(folder, 'ingest'))
  writeFileSync(join(folder, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}')
  const mediaType = 'application/vnd.oci.image'
  const manifests = platforms.map((text) => {
    const [os, architecture, variant] = text.split('/')
    const config = put({ os, architecture, variant })
    const layers = [{ digest: `sha256:${'0'.repeat(64)}`, size: 5_000_000 - config.size }]
    const manifest = put({ mediaType: `${mediaType}.manifest.v1+json`, config, layers })
    return { ...manifest, platform: { os, architecture, variant } }
  })
  return put({ mediaType: `${mediaType}.index.v1+json`, manifests }).digest
}
