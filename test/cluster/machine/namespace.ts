import { execa } from 'execa'
import { spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { mkdir, readdir, readFile, readlink, rm, rmdir, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { MachineError } from './failure.js'
import { logsDir, netns, netnsFile, state, stateDir } from './paths.js'

/** The bridge's address: the node's, the API server's advertised one, and CoreDNS's. */
export const nodeAddress = '10.42.0.1'
export const podSubnet = '10.42.0.0/24'
export const podCidr = '10.42.0.0/16'
export const serviceCidr = '10.43.0.0/16'
export const dnsAddress = '10.43.0.10'

/** Makes the cluster's network namespace: a bridge for the pods, a route to Service addresses, and no way out. */
export async function createNamespace(): Promise<void> {
  await run('ip', ['netns', 'add', netns])
  await inside('ip', ['link', 'set', 'lo', 'up'])
  await inside('ip', ['link', 'add', 'cni0', 'type', 'bridge'])
  await inside('ip', ['addr', 'add', `${nodeAddress}/24`, 'dev', 'cni0'])
  await inside('ip', ['link', 'set', 'cni0', 'up'])
  // Lets the namespace's own processes reach Service addresses, which kube-proxy then rewrites.
  await inside('ip', ['route', 'add', serviceCidr, 'dev', 'cni0'])
  await inside('sysctl', ['-qw', 'net.ipv4.ip_forward=1'])
}

/** nsenter's arguments to run a program in the namespace. `ip netns exec` would remount /sys and hide the cgroups. */
export function entering(command: string, args: string[]): string[] {
  return [`--net=${netnsFile}`, command, ...args]
}

/** Runs a program in the namespace and waits for its end. */
export function inside(command: string, args: string[]) {
  return run('nsenter', entering(command, args))
}

/** The end of a process that should have gone on. */
export interface Ended {
  reason: string
  log: string
}

/** A process of the cluster, started in the namespace. */
export interface Started {
  name: string
  pid: number
  /** How the process ended, if it has, and the log that tells why. */
  ended: () => Ended | undefined
}

/** Starts a program in the namespace, in the background, with its output in a log file; it survives this process. */
export async function start(
  name: string,
  command: string,
  args: string[],
  env: Record<string, string> = {},
): Promise<Started> {
  await mkdir(logsDir, { recursive: true })
  const log = openSync(path.join(logsDir, `${name}.log`), 'w')
  // nsenter replaces itself with the program, so this is the program's own process id. Not execa, which exists to wait
  // for what it starts: this one is left alone, in a session of its own that no Ctrl-C reaches.
  const child = spawn('nsenter', entering(command, args), {
    cwd: stateDir,
    env: { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`, ...env },
    stdio: ['ignore', log, log],
    detached: true,
  })
  closeSync(log)
  let end: Ended | undefined
  child.on('error', (error) => (end = { reason: `${name} did not start: ${error.message}`, log: name }))
  child.on('exit', (code, signal) => (end = { reason: `${name} ended with ${code ?? signal}`, log: name }))
  const { pid } = child
  if (pid === undefined) throw new MachineError(`${name} did not start: is nsenter (util-linux) installed?`)
  child.unref()
  await writeFile(state(`${name}.pid`), String(pid))
  return { name, pid, ended: () => end }
}

/** Where containers' network namespaces are, of the node and of every Docker engine. */
async function containerNamespaces(): Promise<string[]> {
  const folders = [path.join(stateDir, 'containerd', 'state', 'netns')]
  for (const entry of await readdir(stateDir).catch(() => []))
    folders.push(path.join(stateDir, entry, 'exec', 'netns'))
  const found = []
  for (const folder of folders)
    for (const file of await readdir(folder).catch(() => [])) found.push(path.join(folder, file))
  return found
}

/** Ends every process in the cluster's namespaces, removes its mounts, namespaces, cgroups and files. */
export async function destroyNamespace(): Promise<void> {
  // Servers first: a kubelet or a shim that lives would start again what is stopped after it.
  await stopAll(() => processesIn([netnsFile]))
  const containers = await containerNamespaces()
  // A build step without a network has a namespace that no file leads to; its control group does.
  await stopAll(async () => [
    ...(await processesIn([netnsFile, ...containers])),
    ...(await processesInCgroups()),
  ])
  await unmountBelow(stateDir)
  await execa('ip', ['netns', 'del', netns], { reject: false })
  await removeShimSockets()
  await removeCgroups()
  await removeLogLinks()
  await rm(stateDir, { recursive: true, force: true })
}

/** The processes that live in any of the given network namespaces. */
export async function processesIn(files: string[]): Promise<number[]> {
  const wanted = new Set<string>()
  for (const file of files) {
    const info = await stat(file).catch(() => undefined)
    if (info) wanted.add(`${info.dev}:${info.ino}`)
  }
  // The machine's own namespace is never one of them, even if a file is a leftover that nothing is mounted on.
  const own = await stat('/proc/self/ns/net')
  wanted.delete(`${own.dev}:${own.ino}`)
  const found = []
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue
    const info = await stat(`/proc/${entry}/ns/net`).catch(() => undefined)
    if (info && wanted.has(`${info.dev}:${info.ino}`)) found.push(Number(entry))
  }
  return found
}

/** Kills at once: all data is thrown away, and the API server alone would take its leave for seconds. */
async function stopAll(find: () => Promise<number[]>): Promise<void> {
  const end = Date.now() + 60_000
  for (;;) {
    const pids = await find()
    if (pids.length === 0) return
    for (const pid of pids) tryKill(pid, 'SIGKILL')
    if (Date.now() > end)
      throw new MachineError(`processes ${pids.join(', ')} do not end; look at them with ps`)
    await sleep(30)
  }
}

function tryKill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** Unmounts whatever is mounted in a folder. */
export async function unmountBelow(folder: string): Promise<void> {
  const points = (await readFile('/proc/self/mounts', 'utf8'))
    .split('\n')
    .map((line) => (line.split(' ')[1] ?? '').replaceAll('\\040', ' '))
    .filter((point) => point.startsWith(`${folder}/`))
  // Deepest first; lazily, since a dying process may still hold one.
  for (const point of points.sort().reverse()) await execa('umount', ['-l', point], { reject: false })
}

/** The control groups below which the cluster's pods live, in every hierarchy of the host. */
export async function cgroupRoots(): Promise<string[]> {
  const mounts = (await readFile('/proc/self/mounts', 'utf8')).split('\n').map((line) => line.split(' '))
  return mounts
    .filter((fields) => fields[2] === 'cgroup' || fields[2] === 'cgroup2')
    .map((fields) => path.join(fields[1]!, netns))
}

/** Shims listen in a folder of the machine that cannot be chosen; each one's bundle says which socket is its own. */
async function removeShimSockets(): Promise<void> {
  const states = [path.join(stateDir, 'containerd', 'state')]
  for (const entry of await readdir(stateDir).catch(() => []))
    states.push(path.join(stateDir, entry, 'exec', 'containerd', 'daemon'))
  for (const folder of states)
    for (const namespace of ['k8s.io', 'moby'])
      await removeSocketsOf(path.join(folder, 'io.containerd.runtime.v2.task', namespace))
}

async function removeSocketsOf(bundles: string): Promise<void> {
  for (const id of await readdir(bundles).catch(() => [])) {
    const text = await readFile(path.join(bundles, id, 'bootstrap.json'), 'utf8').catch(() => '')
    const socket = /"unix:\/\/([^"]+)"/.exec(text)?.[1]
    if (socket) await rm(socket, { force: true })
  }
}

/** The processes in the cluster's control groups. */
async function processesInCgroups(): Promise<number[]> {
  const found = []
  for (const root of await cgroupRoots()) {
    const entries = await readdir(root, { recursive: true }).catch(() => [])
    for (const file of entries.filter((entry) => path.basename(entry) === 'cgroup.procs')) {
      const text = await readFile(path.join(root, file), 'utf8').catch(() => '')
      found.push(...text.split('\n').filter(Boolean).map(Number))
    }
  }
  return [...new Set(found)]
}

async function removeCgroups(): Promise<void> {
  for (const root of await cgroupRoots()) await removeEmptyFolders(root)
}

/** Control groups are removed folder by folder; their files are not files that could be deleted. */
async function removeEmptyFolders(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true }).catch(() => [])) {
    if (entry.isDirectory()) await removeEmptyFolders(path.join(folder, entry.name))
  }
  await rmdir(folder).catch(() => undefined)
}

/** The kubelet links each container's log in a fixed folder of the machine; links into this cluster's state would dangle. */
async function removeLogLinks(): Promise<void> {
  const folder = '/var/log/containers'
  const links = await readdir(folder).catch(() => [])
  for (const link of links) {
    const file = path.join(folder, link)
    const target = await readlink(file).catch(() => '')
    if (target.startsWith(`${stateDir}/`)) await rm(file, { force: true })
  }
}

async function run(command: string, args: string[]) {
  const result = await execa(command, args, {
    reject: false,
    env: { PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` },
  })
  if (result.failed)
    throw new MachineError(`\`${result.command}\` failed: ${result.stderr || result.shortMessage}`)
  return result
}
