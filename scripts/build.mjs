// Compiles src to dist, writes the manifest of what was compiled, then the bundle that bin/run.js starts.
import { execFileSync } from 'node:child_process'
import { rmSync } from 'node:fs'

import { bundle } from './bundle/bundle.mjs'

// oclif would ask the network for a newer version of itself.
const env = { ...process.env, OCLIF_SKIP_NEW_VERSION_CHECK: 'true' }
const run = (script, ...args) => execFileSync(process.execPath, [script, ...args], { env, stdio: 'inherit' })

rmSync('dist', { recursive: true, force: true })
run('node_modules/typescript/bin/tsc', '-p', '.')
run('node_modules/oclif/bin/run.js', 'manifest')
await bundle()
