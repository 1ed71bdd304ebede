// The bundle (docs/decisions/0002): two files, since parsing what is not needed costs a start as much as running it.
// dist/k8sflow.cjs holds oclif and the command whose start is measured, dist/rest.cjs everything else.
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'

import { build } from 'esbuild'

/** Parts of oclif that commands import; the rest gets them from k8sflow.cjs, so that there is one oclif. */
const OCLIF_PARTS = ['args', 'command', 'config', 'errors', 'flags', 'help', 'ux']
/** Packages oclif needs when it searches for commands or prints help, but not to run one. */
const RARE_PACKAGES = ['ansi-escapes', 'cli-spinners', 'ejs', 'lilconfig', 'minimatch', 'tinyglobby', 'yaml']
/** Loaded by few commands, when they need them; typescript is only for plugins under development. */
const EXTERNAL = ['@kubernetes/client-node', 'ajv', 'cli-table3', 'execa', 'inquirer', 'typescript']

/**
 * Makes the modules of oclif, which load each other when they are loaded, do so when they are first used: a command
 * then loads only what it needs. They are CommonJS written by the TypeScript compiler, so each imported name is a
 * property of a variable that ends in _1, and can be looked up late without anyone noticing.
 */
const lazyOclif = {
  name: 'lazy-oclif',
  setup(esbuild) {
    esbuild.onLoad({ filter: /[/\\]@oclif[/\\]core[/\\]lib[/\\].*\.js$/ }, ({ path }) => {
      const names = []
      const source = readFileSync(path, 'utf8').replaceAll(
        /^const (\w+_\d+) = ((?:__importDefault\(|__importStar\()?require\("[^"]+"\)\)?);$/gm,
        (_line, name, load) => {
          names.push(name)
          return `let ${name}$; const ${name}$lazy = { get module() { return ${name}$ ??= ${load} } };`
        },
      )
      const once = /[/\\\\]lib[/\\\\]command\.js$/.test(path) ? configOnce(source) : source
      const uses = new RegExp(`\\b(?:${names.join('|')})\\b(?!\\$)`, 'g')
      return { contents: names.length > 0 ? once.replaceAll(uses, '$&$lazy.module') : once, loader: 'js' }
    })
  },
}

/**
 * oclif loads its configuration twice, the second time to convert one made by another version of itself. There is one
 * oclif in the bundle, so the first is good; the build fails where oclif no longer says what is replaced here.
 */
function configOnce(source) {
  const load = 'await config_1.Config.load(opts || require.main?.filename || __dirname)'
  if (source.split(load).length !== 2)
    throw new Error('oclif loads its configuration in another way: see scripts/bundle')
  return source.replace(load, `opts instanceof config_1.Config ? opts : ${load}`)
}

/** Puts the stand-ins of this folder in the place of packages that cost a start more than what oclif asks of them. */
const standIns = {
  name: 'stand-ins',
  setup(esbuild) {
    for (const name of ['debug', 'wsl-utils']) {
      const path = resolve(`scripts/bundle/${name}.cjs`)
      esbuild.onResolve({ filter: new RegExp(`^${name}$`) }, ({ importer }) =>
        importer === path ? undefined : { path },
      )
    }
  },
}

/** Takes the modules that match from the other file of the bundle, when they are first asked for. */
function takenFrom(file, filter) {
  return {
    name: `taken-from-${file}`,
    setup(esbuild) {
      esbuild.onResolve({ filter }, ({ path }) => ({ path, namespace: file }))
      esbuild.onLoad({ filter: /.*/, namespace: file }, ({ path }) => ({
        contents: `module.exports = require('./${file}').shared[${JSON.stringify(path)}]()`,
      }))
      esbuild.onResolve({ filter: new RegExp(`^\\./${file}$`) }, ({ path }) => ({ path, external: true }))
    },
  }
}

/** The statement that offers modules to the other file of the bundle. */
function sharing(names) {
  return `export const shared = { ${names.map((name) => `'${name}': () => require('${name.replace(/^\./, './src')}')`).join(', ')} }`
}

/** Writes dist/k8sflow.cjs and dist/rest.cjs. */
export async function bundle() {
  const common = {
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    // Names of functions stay: oclif and errors show some of them.
    minifyWhitespace: true,
    minifySyntax: true,
    define: { 'import.meta.url': 'bundleUrl' },
    banner: { js: 'const bundleUrl = require("node:url").pathToFileURL(__filename).href;' },
    external: EXTERNAL,
    logLevel: 'warning',
  }
  const entry = (lines) => ({ stdin: { contents: lines.join('\n'), resolveDir: '.', loader: 'ts' } })
  const oclifParts = OCLIF_PARTS.map((part) => `@oclif/core/${part}`)
  await Promise.all([
    build({
      ...common,
      ...entry([`export { main } from './src/main.ts'`, sharing(oclifParts)]),
      outfile: 'dist/k8sflow.cjs',
      plugins: [
        lazyOclif,
        standIns,
        takenFrom('rest.cjs', new RegExp(`^(?:${RARE_PACKAGES.join('|')}|\\./rest\\.js)$`)),
      ],
    }),
    build({
      ...common,
      ...entry([sharing([...RARE_PACKAGES, './rest.js'])]),
      outfile: 'dist/rest.cjs',
      plugins: [takenFrom('k8sflow.cjs', /^@oclif\/core\//)],
    }),
  ])
}
