import { readFile, rename, writeFile } from 'node:fs/promises'
import type { EngineAddress } from './engine.js'
import { MachineError } from './failure.js'
import { processesIn } from './namespace.js'
import { factsFile } from './paths.js'

/** What others need to know of the running cluster. */
export interface ClusterFacts {
  /** The administrator's kubeconfig, for use outside the network namespace. */
  kubeconfig: string
  /** The administrator's kubeconfig, for use inside the network namespace, where the API server is 127.0.0.1:6443. */
  kubeconfigInside: string
  /** The API server's address outside the network namespace. */
  server: string
  /** host:port of the registry outside the network namespace; images pushed there are also `docker.io/…` for the node. */
  registry: string
  /** host:port of Traefik's plain HTTP entry point outside the network namespace. */
  ingress: string
  /** The Docker engine; it runs inside the network namespace, its socket is reached from anywhere. */
  docker: EngineAddress
  /** The image to build on, with its digest, by the name that engine, node and clients inside the namespace find it at. */
  baseImage: string
  helm4: string
  helm3: string
  /** The network namespace's name, and the file to enter it with `nsenter --net=`. */
  netns: string
  netnsFile: string
  pids: Record<string, number>
}

/** The environment in which docker and k8sflow find the cluster and what belongs to it; a helm is not part of it. */
export function clusterEnvironment(facts: ClusterFacts): Record<string, string> {
  return {
    KUBECONFIG: facts.kubeconfig,
    DOCKER_HOST: facts.docker.host,
    DOCKER_CONFIG: facts.docker.config,
    K8SFLOW_DOCKER: facts.docker.cli,
    K8SFLOW_TEST_NETNS: facts.netnsFile,
    K8SFLOW_TEST_KUBECONFIG_INSIDE: facts.kubeconfigInside,
    K8SFLOW_TEST_BASE_IMAGE: facts.baseImage,
  }
}

/** The running cluster's facts; an error says how to start one. */
export async function readFacts(): Promise<ClusterFacts> {
  const facts = await findFacts()
  if (!facts) throw new MachineError('no test cluster is running: start one with `npm run sandbox`')
  return facts
}

/** The facts of the cluster that is running completely, or undefined: a half-dead one counts as not running. */
export async function findFacts(): Promise<ClusterFacts | undefined> {
  const text = await readFile(factsFile, 'utf8').catch(() => undefined)
  if (text === undefined) return undefined
  const facts = JSON.parse(text) as ClusterFacts
  const living = new Set(await processesIn([facts.netnsFile]))
  return Object.values(facts.pids).every((pid) => living.has(pid)) ? facts : undefined
}

/** Writes the facts in one step: the file is there only when the cluster is up. */
export async function writeFacts(facts: ClusterFacts): Promise<void> {
  await writeFile(`${factsFile}.part`, `${JSON.stringify(facts, null, 2)}\n`)
  await rename(`${factsFile}.part`, factsFile)
}
