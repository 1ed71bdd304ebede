import { execa } from 'execa'
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import semver from 'semver'
import { MachineError, progress } from './failure.js'
import { withLock } from './lock.js'
import { cacheDir, unpackedDir } from './paths.js'
import { onPath } from './preflight.js'
import versions from './versions.json' with { type: 'json' }

/** The programs that the cluster needs from the machine, and the Debian package of each. */
const programs: Record<string, string> = {
  runc: 'runc',
  iptables: 'iptables',
  nft: 'nftables',
  conntrack: 'conntrack',
  openssl: 'openssl',
  ip: 'iproute2',
  nsenter: 'util-linux',
  mount: 'mount',
}

/** Nobody is asked, and messages are those that are looked for here. */
const env = { DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' }
/** The machine's own updates, or another checkout, may use apt for some minutes. */
const APT_PATIENCE_MS = 15 * 60_000

/** Installs the machine's own packages that are missing, and unpacks the ones that would start a service if installed. */
export async function installDebianPackages(): Promise<void> {
  const missing = Object.keys(programs).filter((program) => !onPath(program))
  const registry = await isUnpacked('docker-registry', versions.debian['docker-registry'])
  if (missing.length === 0 && registry) return
  const packages = missing.map((program) => programs[program]!)
  if (!onPath('apt-get')) {
    throw new MachineError(
      `these programs are missing: ${[...missing, ...(registry ? [] : ['docker-registry'])].join(', ')}. ` +
        'Only Debian and its relatives are set up automatically: install them with your package manager',
    )
  }
  await updateLists()
  if (packages.length > 0) {
    await install(packages)
    for (const name of packages) await checkInstalled(name)
  }
  if (!registry) await unpack('docker-registry', versions.debian['docker-registry'], [])
}

/** Installs a package on the machine, of whatever version. */
export async function installDebianPackage(name: string): Promise<void> {
  await updateLists()
  await install([name])
}

async function install(packages: string[]): Promise<void> {
  progress(`installing ${packages.join(', ')}`)
  await run('apt-get', ['install', '-y', '--no-install-recommends', ...packages])
}

/** Unpacks the Docker engine's files from Debian sid; they run on older Debians too and are not installed. */
export async function unpackSidPackages(): Promise<void> {
  const missing: [string, string][] = []
  for (const [name, range] of Object.entries(versions.sid))
    if (!(await isUnpacked(name, range))) missing.push([name, range])
  if (missing.length === 0) return
  if (!onPath('apt-get'))
    throw new MachineError('the Docker engine is taken from Debian packages, and there is no apt-get here')
  const options = await aptOptions({ suite: 'sid' })
  await run('apt-get', [...options, 'update'])
  for (const [name, range] of missing) await unpack(name, range, options)
}

/**
 * Downloads packages of a Debian suite for a processor, which need not be this machine's, and unpacks them all into one
 * folder. Gives each one's entry for dpkg's list of installed packages.
 */
export async function extractPackages(
  packages: Record<string, string>,
  source: AptSource,
  into: string,
): Promise<string[]> {
  const options = await aptOptions(source)
  await run('apt-get', [...options, 'update'])
  const work = await mkdtemp(path.join(cacheDir, 'build-deb-'))
  try {
    await run('apt-get', [...options, 'download', ...Object.keys(packages)], work)
    const entries = []
    for (const file of (await readdir(work)).sort()) {
      const deb = path.join(work, file)
      const { stdout } = await run('dpkg-deb', ['--field', deb])
      const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(stdout)?.[1] ?? ''
      checkRange(field('Package'), field('Version'), packages[field('Package')] ?? '*')
      await run('dpkg-deb', ['--extract', deb, into])
      entries.push(stdout.trim().replace('\n', '\nStatus: install ok installed\n'))
    }
    return entries
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

/**
 * Unpacks packages of the machine's own Debian that one test needs, and whose versions may be in these ranges. They are
 * not installed: some would start a service. Libraries that a program needs are packages of their own.
 */
export async function unpackDebianPackages(packages: Record<string, string>): Promise<void> {
  await withLock('debian', 10, async () => {
    const missing: [string, string][] = []
    for (const [name, range] of Object.entries(packages))
      if (!(await isUnpacked(name, range))) missing.push([name, range])
    if (missing.length === 0) return
    await updateLists()
    for (const [name, range] of missing) await unpack(name, range, [])
  })
}

/** Where a package's files are: `<folder>/usr/bin/…`. */
export function unpackedPath(name: string, ...parts: string[]): string {
  return path.join(unpackedDir, name, ...parts)
}

/** The lists are old or absent on a fresh machine; asking for them anew takes seconds. */
async function updateLists(): Promise<void> {
  await run('apt-get', ['update'])
}

/** Whether a version in the accepted range is there: a changed range fetches anew. */
async function isUnpacked(name: string, range: string): Promise<boolean> {
  const version = await readFile(unpackedPath(name, '.version'), 'utf8').catch(() => '')
  return version !== '' && satisfies(version, range)
}

/** Downloads one package and unpacks it beside its place first, so that a place that exists is complete. */
async function unpack(name: string, range: string, options: string[]): Promise<void> {
  progress(`unpacking ${name}`)
  await mkdir(unpackedDir, { recursive: true })
  const work = await mkdtemp(path.join(cacheDir, 'build-deb-'))
  try {
    await run('apt-get', [...options, 'download', name], work)
    const file = (await readdir(work)).find((entry) => entry.endsWith('.deb'))
    if (!file) throw new MachineError(`apt-get download ${name} left no package`)
    const { stdout } = await run('dpkg-deb', ['--field', path.join(work, file), 'Version'])
    checkRange(name, stdout, range)
    await run('dpkg-deb', ['--extract', path.join(work, file), path.join(work, 'files')])
    await writeFile(path.join(work, 'files', '.version'), stdout.trim())
    await rm(unpackedPath(name), { recursive: true, force: true })
    await rename(path.join(work, 'files'), unpackedPath(name))
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

/** A Debian suite, and the processor in Debian's words (`arm64`), if it is another one than the machine's. */
export interface AptSource {
  suite: string
  architecture?: string
}

/** apt's options for one suite alone: lists, cache and status of their own, so that the machine's own apt never sees it. */
async function aptOptions({ suite, architecture }: AptSource): Promise<string[]> {
  const root = path.join(cacheDir, 'apt', [suite, architecture].filter(Boolean).join('-'))
  for (const folder of ['lists/partial', 'cache/archives/partial'])
    await mkdir(path.join(root, folder), { recursive: true })
  await writeFile(path.join(root, 'status'), '')
  const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg'
  await writeFile(
    path.join(root, 'sources.list'),
    `deb [signed-by=${keyring}] ${await debianMirror()} ${suite} main\n`,
  )
  const settings = {
    'Dir::Etc::sourcelist': path.join(root, 'sources.list'),
    'Dir::Etc::sourceparts': '-',
    'Dir::State::lists': path.join(root, 'lists'),
    'Dir::State::status': path.join(root, 'status'),
    'Dir::Cache': path.join(root, 'cache'),
    // Only the list of packages is of use.
    'Acquire::Languages': 'none',
    'Acquire::IndexTargets::deb::DEP-11::DefaultEnabled': 'false',
    ...(architecture ? { 'APT::Architecture': architecture, 'APT::Architectures': architecture } : {}),
  }
  return Object.entries(settings).flatMap(([key, value]) => ['-o', `${key}=${value}`])
}

/** The Debian mirror that the machine itself is set up with; no mirror's name belongs in this repository. */
async function debianMirror(): Promise<string> {
  const ask = () =>
    run('apt-get', ['indextargets', '--format', '$(REPO_URI)', 'Created-By: Packages', 'Label: Debian'])
  let { stdout } = await ask()
  if (!stdout.trim()) {
    await updateLists()
    stdout = (await ask()).stdout
  }
  const mirror = stdout.trim().split('\n')[0]
  if (!mirror)
    throw new MachineError(
      'no Debian mirror is set up in this machine’s apt sources; add one and run `apt-get update`',
    )
  return mirror
}

async function checkInstalled(name: string): Promise<void> {
  const { stdout } = await run('dpkg-query', ['-W', '-f', '${Version}', name])
  checkRange(name, stdout, (versions.debian as Record<string, string>)[name] ?? '*')
}

function checkRange(name: string, debianVersion: string, range: string): void {
  if (satisfies(debianVersion, range)) return
  throw new MachineError(
    `Debian's ${name} is ${debianVersion}, but versions.json accepts ${range}: try it and widen the range`,
  )
}

/** Compares the upstream part of a Debian version: `1:1.4.7-1+b2` is 1.4.7. */
function satisfies(debianVersion: string, range: string): boolean {
  const upstream = debianVersion
    .trim()
    .replace(/^\d+:/, '')
    .replace(/[-+~].*$/, '')
  const version = semver.coerce(upstream)
  return version !== null && semver.satisfies(version, range)
}

/** Runs a program; apt again while another process holds its locks, of which it waits for none by itself. */
async function run(command: string, args: string[], cwd?: string) {
  const end = performance.now() + APT_PATIENCE_MS
  for (let told = false; ; told = true) {
    const result = await execa(command, args, { env, reject: false, ...(cwd ? { cwd } : {}) })
    if (!result.failed) return result
    if (!/^E: Could not get lock/m.test(result.stderr) || performance.now() > end) {
      throw new MachineError(
        `\`${command} ${args.join(' ')}\` failed:\n${result.stderr.split('\n').slice(-8).join('\n')}`,
      )
    }
    if (!told) progress('waiting for another process that uses apt …')
    await sleep(1000)
  }
}
