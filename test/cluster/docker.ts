/*
 * The Docker engine of the suite's cluster, and faults for it. Only on a cluster of the suite's own
 * (K8SFLOW_TEST_CLUSTER is `own`): a foreign one has no engine, no registry and no namespace to enter.
 */
import { execa } from 'execa'
import { mkdir } from 'node:fs/promises'

import { engineAddress, engineData, startEngine, stopEngine } from './machine/engine.js'
import { readFacts, writeFacts, type ClusterFacts } from './machine/facts.js'
import { entering, processesIn } from './machine/namespace.js'
import { startRegistry } from './machine/registry.js'
import { waitFor } from './machine/wait.js'

/** How a program run by a test ended; output without a last line end. */
export interface Ran {
  exitCode: number | undefined
  stdout: string
  stderr: string
}

interface RunOptions {
  env?: Record<string, string>
  cwd?: string
}

/** A Docker engine beside the cluster's own one. */
export interface Engine {
  /** Leads docker, buildx and k8sflow to it: DOCKER_HOST and DOCKER_CONFIG. */
  env: Record<string, string>
  /** Ends it and removes all it had. */
  stop: () => Promise<void>
}

/**
 * Runs a program in the cluster's network namespace, where the registry is localhost:5000 for everyone and KUBECONFIG leads
 * to the API server. A failure is not thrown: its exit code tells.
 */
export async function insideCluster(command: string, args: string[], options: RunOptions = {}): Promise<Ran> {
  const { exitCode, stdout, stderr } = await execa('nsenter', entering(command, args), {
    ...(options.cwd ? { cwd: options.cwd } : {}),
    env: { KUBECONFIG: process.env['K8SFLOW_TEST_KUBECONFIG_INSIDE'], ...options.env },
    stdin: 'ignore',
    reject: false,
  })
  return { exitCode, stdout, stderr }
}

/** Runs docker inside the namespace on the cluster's engine, or on the one that `env` leads to. A failure is not thrown. */
export async function docker(args: string[], options: RunOptions = {}): Promise<Ran> {
  return insideCluster(process.env['K8SFLOW_DOCKER']!, args, options)
}

/** Starts an engine with the classic image store, which cannot hold an image of several platforms. About a second. */
export async function classicEngine(): Promise<Engine> {
  return secondEngine('docker-classic', false)
}

/** Starts an engine whose disk has only so many bytes: whatever needs more gets "no space left on device". */
export async function smallEngine(bytes: number): Promise<Engine> {
  const name = 'docker-small'
  await mkdir(engineData(name), { recursive: true })
  await execa('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', engineData(name)])
  return secondEngine(name, true)
}

async function secondEngine(name: string, containerdStore: boolean): Promise<Engine> {
  const started = await startEngine({ name, containerdStore })
  const { host, config } = engineAddress(name)
  return { env: { DOCKER_HOST: host, DOCKER_CONFIG: config }, stop: () => stopEngine(started) }
}

/** Lets something happen while nothing listens where the registry was; it is back with all its content afterwards. */
export async function withoutRegistry<Result>(use: () => Promise<Result>): Promise<Result> {
  const facts = await readFacts()
  const down = facts.pids['registry']!
  process.kill(down, 'SIGKILL')
  await waitFor({ what: 'the registry to end', seconds: 60, intervalMs: 20 }, async () => {
    return !(await processesIn([facts.netnsFile])).includes(down)
  })
  try {
    return await use()
  } finally {
    await bringRegistryBack(facts)
  }
}

async function bringRegistryBack(facts: ClusterFacts): Promise<void> {
  const { pid, ended } = await startRegistry()
  const wait = { what: 'the registry', log: 'registry', seconds: 120, intervalMs: 50, hopeless: ended }
  const url = `http://${process.env['K8SFLOW_TEST_REGISTRY']}/v2/`
  // A connection to the registry that was killed may never be answered.
  await waitFor(wait, async () => (await fetch(url, { signal: AbortSignal.timeout(2000) })).ok)
  // A cluster one of whose processes is missing counts as not running.
  await writeFacts({ ...facts, pids: { ...facts.pids, registry: pid } })
}
