// Compiles src to dist, then writes the manifest, which must match what was compiled.
import { execFileSync } from 'node:child_process'
import { rmSync } from 'node:fs'

rmSync('dist', { recursive: true, force: true })
execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', '.'], { stdio: 'inherit' })
execFileSync(process.execPath, ['node_modules/oclif/bin/run.js', 'manifest'], { stdio: 'inherit' })
