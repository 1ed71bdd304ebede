import { build } from './build.js'
import { clusterEnvironment, findFacts, type ClusterFacts } from './facts.js'
import { MachineError, progress, runMain } from './failure.js'
import { onInterrupt } from './interrupts.js'
import { destroyNamespace } from './namespace.js'
import { checkMachine } from './preflight.js'
import { startCluster } from './start.js'
import { stopCluster } from './stop.js'

/** `npm run sandbox [-- start | stop | status]`. Standard output gets one line to evaluate, or nothing. */
async function main(): Promise<number> {
  const [verb = 'start', ...rest] = process.argv.slice(2)
  if (rest.length > 0) throw new MachineError(`unexpected ${rest.join(' ')}: use start, stop or status`)
  checkMachine()
  switch (verb) {
    case 'start':
      return startSandbox()
    case 'stop':
      await stopCluster()
      progress('stopped')
      return 0
    case 'status':
      return showStatus()
    default:
      throw new MachineError(`unknown sandbox command ${verb}: use start, stop or status`)
  }
}

async function startSandbox(): Promise<number> {
  const running = await findFacts()
  if (!running) await build()
  const facts = running ?? (await startOrClear())
  const variables = Object.entries({ ...clusterEnvironment(facts), K8SFLOW_HELM: facts.helm4 })
  process.stdout.write(`export ${variables.map(([name, value]) => `${name}=${quote(value)}`).join(' ')}\n`)
  return 0
}

/** A half-started cluster is of no use, and its processes would stay for ever: it is cleared. The logs are kept. */
async function startOrClear(): Promise<ClusterFacts> {
  const stopListening = onInterrupt(destroyNamespace)
  try {
    return await startCluster()
  } catch (error) {
    await stopCluster()
    throw error
  } finally {
    stopListening()
  }
}

/** Exit code 0 when it runs, 1 when not. */
async function showStatus(): Promise<number> {
  const facts = await findFacts()
  if (!facts) {
    progress('not running')
    return 1
  }
  const { server, registry, ingress, kubeconfig, helm4, helm3, docker } = facts
  process.stdout.write(`running: API server ${server}, registry ${registry}, ingress http://${ingress}\n`)
  process.stdout.write(`kubeconfig ${kubeconfig}\nhelm 4 ${helm4}\nhelm 3 ${helm3}\n`)
  process.stdout.write(`docker ${docker.cli} at ${docker.host}, base image ${facts.baseImage}\n`)
  return 0
}

/** For a shell that evaluates the line; a path without special characters stays as it is. */
function quote(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}

await runMain(main)
