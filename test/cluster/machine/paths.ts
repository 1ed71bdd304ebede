import { createHash } from 'node:crypto'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

/** The folder of this code. */
export const machineDir = path.dirname(fileURLToPath(import.meta.url))

/** The checkout's root. */
export const rootDir = path.resolve(machineDir, '../../..')

/** Everything that is built or downloaded, and the running cluster's state; git ignores it. */
export const cacheDir = path.join(rootDir, '.cache', 'cluster')

/** Programs that `build` made. */
export const binDir = path.join(cacheDir, 'bin')

/** Debian packages that are unpacked instead of installed. */
export const unpackedDir = path.join(cacheDir, 'debian')

/** The base image that images are built on, as an OCI image layout. */
export const baseDir = path.join(cacheDir, 'base')

/** All that one running cluster writes; removed when it stops. */
export const stateDir = path.join(cacheDir, 'state')

/** Log files of the cluster's processes; kept after a stop, so that a failure can be looked into. */
export const logsDir = path.join(cacheDir, 'logs')

/** The facts of the running cluster, written last: see `ClusterFacts`. */
export const factsFile = path.join(stateDir, 'cluster.json')

/** The network namespace, one per checkout, so that two checkouts on one machine do not meet. */
export const netns = `k8sflow-${createHash('sha256').update(cacheDir).digest('hex').slice(0, 6)}`

/** The file through which the namespace is entered. */
export const netnsFile = `/var/run/netns/${netns}`

/** A program that `build` made. */
export function bin(name: string): string {
  return path.join(binDir, name)
}

/** A file of the running cluster. */
export function state(...parts: string[]): string {
  return path.join(stateDir, ...parts)
}
