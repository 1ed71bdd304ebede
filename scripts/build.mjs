// Compiles src to dist, writes the manifest of what was compiled, then the bundle that bin/run.js starts.
import { execFileSync } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { resolve } from 'node:path'

import { build } from 'esbuild'

// oclif would ask the network for a newer version of itself.
const env = { ...process.env, OCLIF_SKIP_NEW_VERSION_CHECK: 'true' }
const run = (script, ...args) => execFileSync(process.execPath, [script, ...args], { env, stdio: 'inherit' })

rmSync('dist', { recursive: true, force: true })
run('node_modules/typescript/bin/tsc', '-p', '.')
run('node_modules/oclif/bin/run.js', 'manifest')

/**
 * Makes the modules of oclif, which load each other when they are loaded, do so when they are first used: a command
 * then loads only what it needs. They are CommonJS written by the TypeScript compiler, so each imported name is a
 * property of a variable that ends in _1, and can be looked up late without anyone noticing.
 */
const lazyOclif = {
  name: 'lazy-oclif',
  setup(bundle) {
    bundle.onLoad({ filter: /[/\\]@oclif[/\\]core[/\\]lib[/\\].*\.js$/ }, ({ path }) => {
      const names = []
      const source = readFileSync(path, 'utf8').replaceAll(
        /^const (\w+_\d+) = ((?:__importDefault\(|__importStar\()?require\("[^"]+"\)\)?);$/gm,
        (_line, name, load) => {
          names.push(name)
          return `let ${name}$; const ${name}$lazy = { get module() { return ${name}$ ??= ${load} } };`
        },
      )
      const late =
        names.length > 0
          ? source.replaceAll(new RegExp(`\\b(?:${names.join('|')})\\b(?!\\$)`, 'g'), '$&$lazy.module')
          : source
      return { contents: late, loader: 'js' }
    })
  },
}

const lightWslUtils = {
  name: 'light-wsl-utils',
  setup(bundle) {
    const lite = resolve('scripts/wsl-utils-lite.js')
    bundle.onResolve({ filter: /^wsl-utils$/ }, ({ importer }) =>
      importer === lite ? undefined : { path: lite },
    )
  },
}

await build({
  entryPoints: ['src/main.ts'],
  outfile: 'dist/k8sflow.cjs',
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  minifyWhitespace: true,
  minifySyntax: true,
  define: { 'import.meta.url': 'bundleUrl' },
  banner: { js: 'const bundleUrl = require("node:url").pathToFileURL(__filename).href;' },
  // Loaded by few commands, when they need them; typescript is only for plugins under development.
  external: ['@kubernetes/client-node', 'ajv', 'cli-table3', 'execa', 'inquirer', 'typescript', 'yaml'],
  plugins: [lazyOclif, lightWslUtils],
  logLevel: 'warning',
})
