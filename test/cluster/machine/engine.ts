import { mkdir, rm, symlink, writeFile } from 'node:fs/promises'
import http from 'node:http'
import path from 'node:path'
import { unpackedPath } from './debian.js'
import { start, unmountBelow, type Started } from './namespace.js'
import { binDir, netns, state } from './paths.js'
import { waitFor } from './wait.js'

/** How a Docker engine differs from another one on the same cluster. */
export interface EngineOptions {
  /** Names its folder in the cluster's state, and its log. */
  name: string
  /** Keeps images in containerd's store, which holds images of several platforms; false is the classic store. */
  containerdStore: boolean
}

/** Where a client finds an engine. */
export interface EngineAddress {
  /** For DOCKER_HOST. */
  host: string
  /** For DOCKER_CONFIG: a folder with buildx in it, so that nothing is read from or written to ~/.docker. */
  config: string
  /** The docker command-line program. */
  cli: string
}

/** An engine's folder of data; a file system mounted there before the start bounds what it can hold. */
export function engineData(name: string): string {
  return state(name, 'data')
}

/** Where the engine of that name is found, whether it runs or not. */
export function engineAddress(name: string): EngineAddress {
  return {
    host: `unix://${state(name, 'docker.sock')}`,
    config: state(name, 'config'),
    cli: unpackedPath('docker-cli', 'usr', 'bin', 'docker'),
  }
}

/**
 * Starts a Docker engine in the cluster's network namespace and waits until it answers. It starts a containerd of its own,
 * so that the images it builds reach the node only through the registry.
 */
export async function startEngine({ name, containerdStore }: EngineOptions): Promise<Started> {
  const { config } = engineAddress(name)
  await mkdir(path.join(config, 'cli-plugins'), { recursive: true })
  const plugin = path.join(config, 'cli-plugins', 'docker-buildx')
  await rm(plugin, { force: true })
  await symlink(
    unpackedPath('docker-buildx', 'usr', 'libexec', 'docker', 'cli-plugins', 'docker-buildx'),
    plugin,
  )
  const file = state(name, 'daemon.json')
  await writeFile(file, JSON.stringify(daemonConfig(name, containerdStore)))
  const dockerd = unpackedPath('docker.io', 'usr', 'sbin', 'dockerd')
  const started = await start(name, dockerd, ['--config-file', file], {
    PATH: `${binDir}:${path.dirname(dockerd)}:${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`,
  })
  await waitFor({ what: 'the Docker engine', log: name, seconds: 240, hopeless: started.ended }, () =>
    answers(state(name, 'docker.sock')),
  )
  return started
}

/** Stops an engine that this process started, and removes all it had. A cluster's stop does the same for every engine. */
export async function stopEngine({ name, pid, ended }: Started): Promise<void> {
  // It takes its own containerd along, which a kill would leave behind.
  if (!ended()) process.kill(pid, 'SIGTERM')
  await waitFor(
    { what: `${name} to end`, log: name, seconds: 120, intervalMs: 50 },
    async () => ended() !== undefined,
  )
  await unmountBelow(state(name))
  await rm(state(name), { recursive: true, force: true })
}

/** Whether an engine answers on that socket. A socket can be there before the engine listens on it. */
async function answers(socketPath: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const request = http.get({ socketPath, path: '/_ping', timeout: 5000 }, (response) => {
      response.resume()
      resolve(response.statusCode === 200)
    })
    request.on('timeout', () => request.destroy(new Error('no answer within 5 s'))).on('error', reject)
  })
}

/** Containers and build steps get the host's network or none: the namespace has no way out to lead them to. */
function daemonConfig(name: string, containerdStore: boolean) {
  return {
    features: { 'containerd-snapshotter': containerdStore },
    'data-root': engineData(name),
    'exec-root': state(name, 'exec'),
    pidfile: state(name, 'docker.pid'),
    hosts: [engineAddress(name).host],
    // Not a group of the machine: whoever may use the socket is root.
    group: 'root',
    iptables: false,
    ip6tables: false,
    'ip-forward': false,
    bridge: 'none',
    // Below the cluster's own control group, where a stop finds them.
    'cgroup-parent': `/${netns}`,
  }
}
