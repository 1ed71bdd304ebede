#!/usr/bin/env node
// A helm for faults: keeps releases in the JSON file FAKE_HELM names, and fails as that file says.
// { releases: { app1: { revision, status, manifest, at, history: [[revision, status]] } }, fail: { "upgrade app1": "stderr" }, log: [] }
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'

const file = process.env.FAKE_HELM
// Two apps are deployed at once: each run has the file to itself.
for (;;) {
  try {
    mkdirSync(`${file}.lock`)
    break
  } catch {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5)
  }
}
process.on('exit', () => rmdirSync(`${file}.lock`))
const state = JSON.parse(readFileSync(file, 'utf8'))
const args = process.argv.slice(2)
const [verb, ...rest] = args
const save = () => writeFileSync(file, JSON.stringify(state))
const fail = (text) => {
  process.stderr.write(`Error: ${text}\n`)
  process.exit(1)
}
const name = verb === 'get' ? rest[1] : rest.find((word) => !word.startsWith('-'))
const namespace = args[args.indexOf('--namespace') + 1]
const release = namespace === 'we-road' ? state.releases[name] : undefined

if (verb === 'version') {
  process.stdout.write(state.version ?? 'v4.3.1')
  process.exit(0)
}
const stdin = args.includes('-') ? readFileSync(0, 'utf8') : undefined
state.log.push({ args, ...(stdin === undefined ? {} : { stdin }) })
save()

if (verb === 'upgrade' || verb === 'install') {
  const trouble = state.fail?.[`upgrade ${name}`]
  const revision = (release?.revision ?? 0) + 1
  if (trouble?.refused) fail(trouble.refused)
  const history = [
    ...(release?.history ?? []).map(([number, status]) => [
      number,
      trouble || status !== 'deployed' ? status : 'superseded',
    ]),
    [revision, trouble ? 'failed' : 'deployed'],
  ]
  state.releases[name] = { ...release, revision, status: trouble ? 'failed' : 'deployed', history }
  save()
  if (trouble) fail(trouble.failed)
  process.stdout.write(`NAME: ${name}\nSTATUS: deployed\nREVISION: ${revision}\n`)
} else if (verb === 'rollback') {
  if (state.fail?.[`rollback ${name}`]) fail(state.fail[`rollback ${name}`])
  release.revision += 1
  release.status = 'deployed'
  release.history.push([release.revision, 'deployed'])
  save()
} else if (verb === 'template') {
  process.stdout.write(state.rendered ?? '')
} else if (release === undefined) {
  fail('release: not found')
} else if (verb === 'status') {
  const info = { status: release.status, last_deployed: release.at ?? '2026-01-01T00:00:00Z' }
  process.stdout.write(JSON.stringify({ name, namespace, version: release.revision, info }))
} else if (verb === 'history') {
  process.stdout.write(JSON.stringify(release.history.map(([revision, status]) => ({ revision, status }))))
} else if (verb === 'get') {
  process.stdout.write(release.manifest ?? '')
}
