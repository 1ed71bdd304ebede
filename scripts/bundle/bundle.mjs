// The bundle (docs/decisions/0002): several files, since parsing what is not needed costs a start as much as running it.
// dist/k8sflow.cjs holds oclif and the command whose start is measured, dist/rest.cjs the other commands, the rest
// packages that are seldom needed.
import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

import { build } from 'esbuild'

/** Parts of oclif that commands import; the rest gets them from k8sflow.cjs, so that there is one oclif. */
const OCLIF_PARTS = ['args', 'command', 'config', 'errors', 'flags', 'help', 'ux']
/** Packages that a command which goes well does not need, in files of their own: what for, and which. */
const RARE_PACKAGES = {
  // Printing help, an error, a warning.
  'text.cjs': ['ansi-escapes', 'chalk', 'ejs', 'string-width', 'widest-line', 'wrap-ansi'],
  // Searching for commands, DEBUG, a spinner, updating a file.
  'rare.cjs': ['cli-spinners', 'debug', 'lilconfig', 'minimatch', 'tinyglobby', 'wsl-utils', 'yaml'],
}
/** Packages of many files that the other commands load, in files of their own: reading one file is several times faster. */
const COMMAND_PACKAGES = { 'execa.cjs': ['execa'], 'table.cjs': ['cli-table3'] }
/** Our one file that draws charts, in a file of the bundle with the parts of ECharts that it names. */
const CHARTS = {
  file: 'echarts.cjs',
  module: './src/output/echarts.ts',
  packages: ['echarts', 'zrender', 'tslib'],
}
/** Loaded by few commands, when they need them; typescript is only for plugins under development. */
const EXTERNAL = [
  '@kubernetes/client-node',
  '@peculiar/x509',
  'ajv',
  'inquirer',
  'reflect-metadata',
  'tar',
  'typescript',
]

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
      const shortened = withShortcuts(path, source)
      const uses = new RegExp(`\\b(?:${names.join('|')})\\b(?!\\$)`, 'g')
      return {
        contents: names.length > 0 ? shortened.replaceAll(uses, '$&$lazy.module') : shortened,
        loader: 'js',
      }
    })
  },
}

/**
 * Where a start does work it need not do. Each place must stand in oclif's source exactly once, else the build fails
 * and says so.
 */
const SHORTCUTS = [
  {
    file: 'lib/command.js',
    // The second load converts a configuration made by another version of oclif; in the bundle there is one oclif.
    from: 'await config_1.Config.load(opts || require.main?.filename || __dirname)',
    to: 'opts instanceof config_1.Config ? opts : await config_1.Config.load(opts || require.main?.filename || __dirname)',
  },
  {
    file: 'lib/config/plugin.js',
    // The first localeCompare of a process loads the collation rules of all languages; command ids are ASCII.
    from: '.sort((a, b) => a.id.localeCompare(b.id))',
    to: '.sort((a, b) => (a.id < b.id ? -1 : 1))',
  },
]

function withShortcuts(path, source) {
  return SHORTCUTS.filter(({ file }) => path.replaceAll('\\', '/').endsWith(`@oclif/core/${file}`)).reduce(
    (text, { from, to }) => {
      if (text.split(from).length !== 2) throw new Error(`${path} has changed: look at SHORTCUTS again`)
      return text.replace(from, to)
    },
    source,
  )
}

/** Of the manifest the first file holds what src/main.ts takes from there; for the rest oclif reads oclif.manifest.json. */
const hotManifest = {
  name: 'hot-manifest',
  setup(esbuild) {
    esbuild.onLoad({ filter: /[/\\]oclif\.manifest\.json$/ }, ({ path }) => {
      const { version, commands } = JSON.parse(readFileSync(path, 'utf8'))
      return { contents: JSON.stringify({ version, commands: { values: commands.values } }), loader: 'json' }
    })
  },
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

/** Takes the modules that match from another file of the bundle, when they are first asked for. */
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

/** The same for packages, by the file that holds them. */
function packagesFrom(files) {
  return Object.entries(files).map(([file, names]) => takenFrom(file, new RegExp(`^(?:${names.join('|')})$`)))
}

/** The statement that offers modules to the other files of the bundle. */
function sharing(names) {
  return `export const shared = { ${names.map((name) => `'${name}': () => require('${name.replace(/^\./, './src')}')`).join(', ')} }`
}

/** Takes our own module from another file of the bundle. */
function ownTakenFrom({ file, module }) {
  const name = module.replace(/^.*[/](.*)\.ts$/, '$1')
  return {
    name: `taken-from-${file}`,
    setup(esbuild) {
      esbuild.onResolve({ filter: new RegExp(`^\\./${name}\\.js$`) }, () => ({
        path: `./${file}`,
        external: true,
      }))
    },
  }
}

/** The licences of what is in a file of the bundle, to stand beside it: minifying takes them out of the code. */
function writeLicences({ file, packages }) {
  const parts = packages.map((name) => {
    const folder = join('node_modules', name)
    const { license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
    const texts = LICENCE_FILES.flatMap((each) => read(join(folder, each)))
    if (texts.length === 0) throw new Error(`${name} comes without a licence: look at LICENCE_FILES again`)
    return [`${name}: ${license}`, ...texts.map((text) => text.trim())].join('\n\n')
  })
  writeFileSync(`dist/${file}.LICENSES.txt`, `${parts.join(`\n\n${'='.repeat(80)}\n\n`)}\n`)
}

const LICENCE_FILES = ['LICENSE', 'LICENSE.txt', 'NOTICE', 'CopyrightNotice.txt', 'licenses/LICENSE-d3']

function read(path) {
  try {
    return [readFileSync(path, 'utf8')]
  } catch (error) {
    if (error.code !== 'ENOENT') throw error
    return []
  }
}

/** Writes the bundle to dist. */
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
        hotManifest,
        lazyOclif,
        standIns,
        takenFrom('rest.cjs', /^\.\/rest\.js$/),
        ...packagesFrom(RARE_PACKAGES),
      ],
    }),
    build({
      ...common,
      ...entry([sharing(['./rest.js'])]),
      outfile: 'dist/rest.cjs',
      plugins: [
        takenFrom('k8sflow.cjs', /^@oclif\/core\//),
        ownTakenFrom(CHARTS),
        ...packagesFrom(COMMAND_PACKAGES),
      ],
    }),
    ...Object.entries({ ...RARE_PACKAGES, ...COMMAND_PACKAGES }).map(([file, names]) =>
      build({ ...common, ...entry([sharing(names)]), outfile: `dist/${file}` }),
    ),
    build({
      ...common,
      entryPoints: [CHARTS.module],
      outfile: `dist/${CHARTS.file}`,
      banner: { js: `/* ${CHARTS.packages.join(', ')}: see ${CHARTS.file}.LICENSES.txt */` },
    }),
  ])
  writeLicences(CHARTS)
}
