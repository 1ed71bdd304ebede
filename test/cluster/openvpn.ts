/*
 * Debian's OpenVPN: its server in the network namespace of the suite's own cluster, each client in one of its own. A bridge
 * joins them, over which a client reaches the server, but not the address of the API server.
 */
import { execa } from 'execa'
import { access, mkdir, readdir } from 'node:fs/promises'
import { basename } from 'node:path'

import { unpackDebianPackages, unpackedPath } from './machine/debian.js'
import { waitFor } from './machine/wait.js'

/** The VPN server's address on the bridge. */
export const SERVER_ADDRESS = '172.30.0.1'

const PACKAGES: Record<string, string> = {
  openvpn: '>=2.6',
  'libcap-ng0': '>=0.8',
  'liblz4-1': '>=1.9',
  'liblzo2-2': '>=2.10',
  'libnl-3-200': '>=3.7',
  'libnl-genl-3-200': '>=3.7',
  'libpkcs11-helper1': '>=1.29',
}
const BRIDGE = 'vpn-lan'
const UP = 'Initialization Sequence Completed'

/** The network of a machine outside the cluster. */
export interface Outside {
  /** The file to enter it with. */
  netnsFile: string
}

/** An OpenVPN that runs. */
export interface OpenVpn {
  isClient: boolean
  /** All it has said so far. */
  log: () => string
  /** Waits until it has said something. */
  says: (what: string | RegExp) => Promise<void>
  /** Waits until the tunnel stands. */
  up: () => Promise<void>
  /** Ends it the polite way, in which it tells the other side. */
  stop: () => Promise<void>
}

const running = new Set<OpenVpn>()

/** Unpacks OpenVPN and what it links to, and makes sure that the machine has the device for tunnels. */
export async function prepareOpenVpn(): Promise<void> {
  await unpackDebianPackages(PACKAGES)
  const device = '/dev/net/tun'
  const isThere = await access(device).then(
    () => true,
    () => false,
  )
  if (isThere) return
  await mkdir('/dev/net', { recursive: true })
  await execa('mknod', ['-m', '600', device, 'c', '10', '200'])
}

/** Makes the bridge and that many clients' networks; leftovers of a run that was killed go first. */
export async function makeOutside(count: number): Promise<Outside[]> {
  await removeOutside()
  await inside('ip', 'link', 'add', BRIDGE, 'type', 'bridge')
  await inside('ip', 'addr', 'add', `${SERVER_ADDRESS}/24`, 'dev', BRIDGE)
  await inside('ip', 'link', 'set', BRIDGE, 'up')
  const made: Outside[] = []
  for (let number = 0; number < count; number++) {
    const name = `${prefix()}${number}`
    const port = `vpn-port${number}`
    await execa('ip', ['netns', 'add', name])
    await inside('ip', 'link', 'add', port, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name)
    await inside('ip', 'link', 'set', port, 'master', BRIDGE, 'up')
    const netnsFile = `/var/run/netns/${name}`
    const within = async (...args: string[]) => execa('nsenter', [`--net=${netnsFile}`, 'ip', ...args])
    await within('link', 'set', 'lo', 'up')
    await within('addr', 'add', `172.30.0.${number + 2}/24`, 'dev', 'eth0')
    await within('link', 'set', 'eth0', 'up')
    made.push({ netnsFile })
  }
  return made
}

/** Ends every OpenVPN of this file and removes its networks; what is not there is no error. */
export async function removeOutside(): Promise<void> {
  await Promise.all([...running].map(async (one) => one.stop()))
  for (const name of await readdir('/var/run/netns'))
    if (name.startsWith(prefix())) await execa('ip', ['netns', 'del', name])
  await inside('ip', 'link', 'del', BRIDGE).catch(() => undefined)
}

/** Ends all clients. */
export async function stopClients(): Promise<void> {
  await Promise.all([...running].filter(({ isClient }) => isClient).map(async (one) => one.stop()))
}

/** Starts the server as Debian's openvpn-server@.service does, with its configuration in a folder. */
export async function startServer(folder: string, configuration: string): Promise<OpenVpn> {
  return start(clusterNetwork(), ['--suppress-timestamps', '--config', configuration], folder)
}

/** Starts a client with a user's file. */
export async function startClient({ netnsFile }: Outside, file: string): Promise<OpenVpn> {
  return start(netnsFile, ['--config', file], '/')
}

/** The routes of a client's network. */
export async function routesOf({ netnsFile }: Outside): Promise<string[]> {
  const { stdout } = await execa('nsenter', [`--net=${netnsFile}`, 'ip', 'route'])
  return stdout.split('\n').map((line) => line.trim())
}

async function start(netnsFile: string, args: string[], cwd: string): Promise<OpenVpn> {
  const program = unpackedPath('openvpn', 'usr', 'sbin', 'openvpn')
  const child = execa('nsenter', [`--net=${netnsFile}`, program, ...args], {
    cwd,
    env: {
      LD_LIBRARY_PATH: (await libraries()).join(':'),
      PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`,
    },
    stdin: 'ignore',
    reject: false,
    buffer: false,
    all: true,
  })
  let log = ''
  child.all.on('data', (data: Buffer) => (log += data.toString()))
  const ended = child.then(({ exitCode, signal }) => `it ended with ${exitCode ?? signal}`)
  let end: string | undefined
  void ended.then((reason) => (end = reason))
  const says = async (what: string | RegExp) => {
    // A client whose packet is lost while the server starts tries again after a minute.
    await waitFor({ what: `OpenVPN to say ${String(what)}`, seconds: 240, intervalMs: 50 }, async () => {
      if (typeof what === 'string' ? log.includes(what) : what.test(log)) return true
      throw new Error(`${end ?? 'it runs'}, and said:\n${log}`)
    })
  }
  const one: OpenVpn = {
    isClient: netnsFile !== clusterNetwork(),
    log: () => log,
    says,
    up: async () => says(UP),
    stop: async () => {
      child.kill('SIGTERM')
      const kill = setTimeout(() => child.kill('SIGKILL'), 30_000)
      await ended
      clearTimeout(kill)
      running.delete(one)
    },
  }
  running.add(one)
  return one
}

async function libraries(): Promise<string[]> {
  const found: string[] = []
  for (const name of Object.keys(PACKAGES))
    for (const folder of [unpackedPath(name, 'usr', 'lib'), unpackedPath(name, 'lib')])
      for (const entry of await readdir(folder).catch(() => []))
        if (entry.includes('-linux-')) found.push(`${folder}/${entry}`)
  return found
}

async function inside(command: string, ...args: string[]): Promise<void> {
  await execa('nsenter', [`--net=${clusterNetwork()}`, command, ...args])
}

function clusterNetwork(): string {
  return process.env['K8SFLOW_TEST_NETNS']!
}

/** Two checkouts on one machine do not meet. */
function prefix(): string {
  return `${basename(clusterNetwork())}-out`
}
