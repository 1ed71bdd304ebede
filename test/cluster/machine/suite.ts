import { execa } from 'execa'
import { createRequire } from 'node:module'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { build } from './build.js'
import { clusterEnvironment, findFacts } from './facts.js'
import { MachineError, progress, runMain } from './failure.js'
import { checkForeignCluster } from './foreign-cluster.js'
import { onInterrupt } from './interrupts.js'
import { destroyNamespace } from './namespace.js'
import { bin, rootDir } from './paths.js'
import { startCluster } from './start.js'
import { stopCluster } from './stop.js'

/** Files whose tests have nothing to do with helm's version: they run with the first helm only. */
const onceOnly = 'test/cluster/**/*.once.cluster.ts'

/** What a run does; anything else on the command line is mocha's. */
interface Options {
  helms: string[]
  keep: boolean
  mocha: string[]
}

interface Counts {
  passed: number
  failed: number
  exitCode: number
}

/**
 * `npm run test:cluster [-- --helm 3|4] [--keep] [mocha's arguments]`: the suite on a real cluster, once per helm.
 * --keep uses a running sandbox, or starts one, and leaves it running.
 */
async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2))
  const foreign = process.env['K8SFLOW_TEST_KUBECONFIG']
  await prepare(options, foreign)
  const stopListening = onInterrupt(async () => {
    if (!foreign && !options.keep) await destroyNamespace()
  })
  const total: Counts = { passed: 0, failed: 0, exitCode: 0 }
  try {
    for (const helm of options.helms) {
      const counts = foreign ? await runOnForeign(helm, foreign, options) : await runOnOwn(helm, options)
      total.passed += counts.passed
      total.failed += counts.failed
      total.exitCode ||= counts.exitCode
    }
  } finally {
    if (!foreign && !options.keep) await stopCluster()
    stopListening()
  }
  process.stdout.write(`${total.passed} passed, ${total.failed} failed\n`)
  return total.exitCode
}

function readOptions(args: string[]): Options {
  const { values, tokens } = parseArgs({
    args,
    strict: false,
    tokens: true,
    options: { helm: { type: 'string' }, keep: { type: 'boolean' } },
  })
  const chosen = values.helm ?? process.env['K8SFLOW_TEST_HELM'] ?? '4,3'
  const helms = String(chosen).split(',')
  const unknown = helms.find((helm) => !['3', '4'].includes(helm))
  if (unknown !== undefined) throw new MachineError(`unknown helm ${unknown}: --helm takes 3, 4 or 4,3`)
  const own = new Set<number>()
  for (const token of tokens) {
    if (token.kind !== 'option' || !['helm', 'keep'].includes(token.name)) continue
    own.add(token.index)
    if (token.name === 'helm' && !token.inlineValue) own.add(token.index + 1)
  }
  return { helms, keep: values.keep === true, mocha: args.filter((_, index) => !own.has(index)) }
}

async function prepare(options: Options, foreign: string | undefined): Promise<void> {
  if (foreign) {
    await checkForeignCluster(foreign)
    await build({ only: options.helms.map((helm) => `helm${helm}`) })
    return
  }
  if (!options.keep && (await findFacts())) {
    throw new MachineError(
      'a sandbox is running in this checkout: pass --keep to test on it, or `npm run sandbox -- stop` it',
    )
  }
  await build()
}

async function runOnForeign(helm: string, kubeconfig: string, options: Options): Promise<Counts> {
  return runMocha(helm, options, { KUBECONFIG: path.resolve(kubeconfig), K8SFLOW_TEST_CLUSTER: 'foreign' })
}

/** Each helm gets a new cluster, unless one is to be kept: what one run leaves cannot fail the next. */
async function runOnOwn(helm: string, options: Options): Promise<Counts> {
  if (!options.keep) await stopCluster()
  const facts = await startCluster()
  return runMocha(helm, options, {
    ...clusterEnvironment(facts),
    K8SFLOW_TEST_CLUSTER: 'own',
    K8SFLOW_TEST_INGRESS: facts.ingress,
    K8SFLOW_TEST_REGISTRY: facts.registry,
  })
}

async function runMocha(helm: string, options: Options, env: Record<string, string>): Promise<Counts> {
  progress(`running the suite with helm ${helm}`)
  const mocha = createRequire(import.meta.url).resolve('mocha/bin/mocha.js')
  const files = options.mocha.some((arg) => arg.endsWith('.cluster.ts'))
    ? []
    : ['test/cluster/**/*.cluster.ts']
  const colour = process.stdout.isTTY ? ['--color'] : []
  // Without its configuration file mocha runs in the process that is started here; with it, in a child of that one, which
  // would live on when the suite is terminated.
  // Tests bound their own waits. This is for the first run on a machine, when Go's caches are empty.
  const own = ['--no-config', '--forbid-only', '--reporter', 'spec', '--timeout', '600000']
  // Files that are named on the command line always run: mocha fails when there is none left.
  const skipped = helm === options.helms[0] || files.length === 0 ? [] : ['--ignore', onceOnly]
  const args = ['--import', 'tsx', mocha, ...own, ...colour, ...skipped, ...options.mocha, ...files]
  const result = await execa(process.execPath, args, {
    cwd: rootDir,
    env: { ...env, K8SFLOW_HELM: bin(`helm${helm}`), K8SFLOW_TEST_HELM: helm },
    stdout: ['inherit', 'pipe'],
    stderr: 'inherit',
    reject: false,
  })
  const count = (word: string) =>
    Number(new RegExp(`^\\s*(\\d+) ${word}`, 'm').exec(plain(result.stdout))?.[1] ?? 0)
  const failed = count('failing')
  const exitCode = result.exitCode ?? 1
  // A run that breaks before its end, a file that does not compile for example, prints no count: it is one failure.
  return { passed: count('passing'), failed: exitCode !== 0 && failed === 0 ? 1 : failed, exitCode }
}

/** Text without terminal colours. */
function plain(text: string): string {
  return text.replace(/\u001b\[[\d;]*m/g, '')
}

await runMain(main)
