/*
 * npm's `prepare`: builds a checkout, also the one that npm makes to install k8sflow from git.
 *
 * `npm install --global git+…`, as pre-commit runs it, hands its --global on to the install of the checkout's own
 * development dependencies, which then are not in the checkout (npm 11.19; pacote, lib/git.js). They are put there first.
 */
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../', import.meta.url))
const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm'
const env = { ...process.env, npm_config_global: 'false' }
const run = (...argv) => execFileSync(npm, argv, { cwd: root, env, stdio: 'inherit', shell: npm !== 'npm' })

if (!existsSync(`${root}node_modules/esbuild`)) run('ci', '--include=dev', '--ignore-scripts', '--silent')
run('run', '-s', 'build')
