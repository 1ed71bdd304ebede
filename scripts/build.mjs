// Compiles src to dist, writes the manifest of what was compiled, then the bundle that bin/run.js starts.
import { execFileSync } from 'node:child_process'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'

import { bundle } from './bundle/bundle.mjs'

// oclif would ask the network for a newer version of itself.
const env = { ...process.env, OCLIF_SKIP_NEW_VERSION_CHECK: 'true' }
const run = (script, ...args) => execFileSync(process.execPath, [script, ...args], { env, stdio: 'inherit' })

rmSync('dist', { recursive: true, force: true })
run('node_modules/typescript/bin/tsc', '-p', '.')
run('node_modules/oclif/bin/run.js', 'manifest')
sortManifest()
await bundle()

/** oclif lists commands as folders are read, which is another order each time once there is more than one folder. */
function sortManifest() {
  const manifest = JSON.parse(readFileSync('oclif.manifest.json', 'utf8'))
  const commands = Object.entries(manifest.commands).sort(([a], [b]) => (a < b ? -1 : 1))
  const sorted = { ...manifest, commands: Object.fromEntries(commands) }
  writeFileSync('oclif.manifest.json', `${JSON.stringify(sorted, undefined, 2)}\n`)
}
