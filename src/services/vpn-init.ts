import { lstat, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

import { InterruptedError, InvalidInputError, K8sflowError } from '../errors.js'
import { makeAuthority, certificatePem, privateKeyPem } from '../pki/certificates.js'
import { isAlive } from '../tools/is-alive.js'
import { makeCertificate, newPassphrase, revocationListOf, serverConfigurationOf } from './vpn-authority.js'
import { staticKey } from './vpn-configuration.js'
import {
  filesIn,
  makePrivateFolder,
  vpnFiles,
  type VpnFiles,
  writeIndex,
  writePrivate,
  writePublic,
} from './vpn-folder.js'
import { checkGit } from './vpn-git.js'
import type { VpnIndex } from './vpn-index.js'
import type { VpnInitOptions, VpnTools } from './vpn-options.js'
import { clusterRoutes } from './vpn-routes.js'
import {
  AUTHORITY_DAYS,
  beginning,
  checkNetwork,
  checkRoutes,
  checkServer,
  endAfter,
  networkText,
  SERVER_DAYS,
  type VpnServer,
} from './vpn-settings.js'

export interface VpnInitResult {
  /** The VPN's folder. */
  dir: string
  server: VpnServer
  /** The VPN's own addresses, as CIDR. */
  network: string
  /** What users reach, as CIDR. */
  routes: string[]
  /** Whether the authority's key has a passphrase. */
  passphrase: boolean
  /** What is to be copied to the server. */
  serverFiles: string[]
  /** Until when the server's certificate and the revocation list hold; OpenVPN lets nobody in after that. */
  serverNotAfter: string
  authorityNotAfter: string
  notes: string[]
}

/**
 * Makes a VPN: authority, server certificate, static key, an empty revocation list and the server's configuration. The
 * folder appears whole or not at all.
 * @throws InvalidInputError when the input is wrong, a VPN is there already, or git would take its keys
 * @throws InterruptedError on a signal; nothing is left of it then
 */
export async function initVpn(options: VpnInitOptions, tools: VpnTools): Promise<VpnInitResult> {
  const now = tools.now?.() ?? new Date()
  const server = checkServer(options.server, options.proto)
  const network = checkNetwork(options.network)
  const serverDays = options.days ?? SERVER_DAYS
  const serverEnd = endAfter(now, serverDays)
  const files = vpnFiles(options)
  const leftovers = await removeLeftovers(files)
  await checkVacant(files)
  await checkGit(files.dir, tools.progress)
  const { routes: texts, notes } =
    options.route === undefined ? await clusterRoutes(options) : { routes: options.route, notes: [] }
  const routes = checkRoutes(texts, network, server).map((route) => networkText(route))
  const passphrase = await newPassphrase(options, tools)

  const authority = await makeAuthority({
    commonName: `k8sflow VPN of ${server.name}`.slice(0, 64),
    notBefore: beginning(now),
    notAfter: endAfter(now, AUTHORITY_DAYS),
  })
  const made = await makeCertificate(authority, { user: null, days: serverDays, now })
  const index: VpnIndex = {
    version: 1,
    server,
    network: networkText(network),
    routes,
    serverDays,
    revocationList: { number: 1, notAfter: serverEnd.toISOString() },
    certificates: [made.entry],
  }
  const tlsCrypt = staticKey()
  const authorityPem = certificatePem(authority.certificate)
  const contents: Contents = {
    index,
    authority: authorityPem,
    authorityKey: privateKeyPem(authority.keys, passphrase),
    tlsCrypt,
    serverConfiguration: serverConfigurationOf(index, {
      authority: authorityPem,
      certificate: made.certificate,
      key: made.key,
      tlsCrypt,
    }),
    revocationList: await revocationListOf(index, authority, now),
  }
  await place(files, contents, tools)
  return {
    dir: files.dir,
    server,
    network: index.network,
    routes,
    passphrase: passphrase !== undefined,
    serverFiles: [files.serverConfiguration, files.revocationList],
    serverNotAfter: made.entry.notAfter,
    authorityNotAfter: authority.certificate.notAfter.toISOString(),
    notes: [...leftovers, ...notes],
  }
}

interface Contents {
  index: VpnIndex
  authority: string
  authorityKey: string
  tlsCrypt: string
  serverConfiguration: string
  revocationList: string
}

async function checkVacant({ dir, index }: VpnFiles): Promise<void> {
  const entries = await readdir(dir).catch((error: NodeJS.ErrnoException): string[] => {
    if (error.code === 'ENOENT') return []
    throw occupied(dir, `${dir} cannot be used: ${error.message}.`)
  })
  if (entries.includes(basename(index)))
    throw new InvalidInputError(`There is a VPN in ${dir} already. Nothing was changed.`, {
      code: 'VPN_EXISTS',
      suggestions: [
        'Add a user (k8sflow vpn add ann), or give it a new term (k8sflow vpn renew).',
        'For another one name another folder with --dir.',
      ],
      data: { dir },
    })
  if (entries.length > 0) throw occupied(dir, `${dir} is not empty, and holds no VPN.`)
}

/** Made beside its place under a name of its own, then renamed: of two runs at once one finds the place taken. */
async function place(files: VpnFiles, contents: Contents, { interruptible }: VpnTools): Promise<void> {
  const parent = dirname(files.dir)
  const work = async (signal: AbortSignal) => {
    const folder = await mkdtemp(join(parent, `${workPrefix(files)}${String(process.pid)}-`))
    try {
      await fill(filesIn(folder), contents)
      if (signal.aborted) throw new InterruptedError('Interrupted; no VPN was made.', { code: 'INTERRUPTED' })
      await rename(folder, files.dir)
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  }
  try {
    await mkdir(parent, { recursive: true })
    await (interruptible === undefined ? work(new AbortController().signal) : interruptible(work))
  } catch (cause) {
    const { code = '', message } = cause as NodeJS.ErrnoException
    if (cause instanceof K8sflowError) throw cause
    const taken = code === 'ENOTEMPTY' || code === 'EEXIST'
    throw occupied(
      files.dir,
      taken ? `Another run has just filled ${files.dir}.` : `${files.dir} cannot be written: ${message}.`,
    )
  }
}

async function fill(target: VpnFiles, contents: Contents): Promise<void> {
  await makePrivateFolder(dirname(target.serverConfiguration))
  await makePrivateFolder(join(target.dir, 'users'))
  await writePrivate(target.authority, contents.authority)
  await writePrivate(target.authorityKey, contents.authorityKey)
  await writePrivate(target.tlsCrypt, contents.tlsCrypt)
  await writePrivate(target.serverConfiguration, contents.serverConfiguration)
  await writePublic(target.revocationList, contents.revocationList)
  await writeIndex(target, contents.index)
}

/** How the folders begin in which runs make the VPN; their process's number follows. */
function workPrefix({ dir }: VpnFiles): string {
  return `.${basename(dir)}.k8sflow-tmp-`
}

/**
 * Removes what a run left that was killed: keys that nobody knows of. A number may have gone to another process by
 * now, so what is old counts as left, too.
 * @returns what could not be removed, in words
 */
async function removeLeftovers(files: VpnFiles): Promise<string[]> {
  const LONG_AGO_MS = 60_000
  const parent = dirname(files.dir)
  const prefix = workPrefix(files)
  const notes: string[] = []
  for (const name of await readdir(parent).catch((): string[] => [])) {
    if (!name.startsWith(prefix)) continue
    const folder = join(parent, name)
    const found = await lstat(folder).catch(() => undefined)
    const [, pid] = /^(\d+)-/.exec(name.slice(prefix.length)) ?? []
    const isLeft = pid !== undefined && !isAlive(Number(pid))
    if (found === undefined || (!isLeft && Date.now() - found.mtimeMs < LONG_AGO_MS)) continue
    await rm(folder, { recursive: true, force: true }).catch(({ message }: Error) =>
      notes.push(
        `${folder} is left of a run that was killed, holds keys, and cannot be removed: ${message}.`,
      ),
    )
  }
  return notes
}

function occupied(dir: string, message: string): InvalidInputError {
  return new InvalidInputError(`${message} Nothing was changed.`, {
    code: 'VPN_FOLDER_UNUSABLE',
    suggestions: ['Name another folder with --dir.'],
    data: { dir },
  })
}
