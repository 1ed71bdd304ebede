import { mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

import { InvalidInputError } from '../errors.js'
import { makeAuthority, certificatePem, privateKeyPem } from '../pki/certificates.js'
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
 */
export async function initVpn(options: VpnInitOptions, tools: VpnTools): Promise<VpnInitResult> {
  const now = tools.now?.() ?? new Date()
  const server = checkServer(options.server, options.proto)
  const network = checkNetwork(options.network)
  const serverDays = options.days ?? SERVER_DAYS
  const serverEnd = endAfter(now, serverDays)
  const files = vpnFiles(options)
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
  await place(files, contents)
  return {
    dir: files.dir,
    server,
    network: index.network,
    routes,
    passphrase: passphrase !== undefined,
    serverFiles: [files.serverConfiguration, files.revocationList],
    serverNotAfter: made.entry.notAfter,
    authorityNotAfter: authority.certificate.notAfter.toISOString(),
    notes,
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
async function place(files: VpnFiles, contents: Contents): Promise<void> {
  const parent = dirname(files.dir)
  const prefix = `.${basename(files.dir)}.k8sflow-tmp-`
  try {
    await mkdir(parent, { recursive: true })
    await removeLeftovers(parent, prefix)
    const work = await mkdtemp(join(parent, prefix))
    try {
      const target = filesIn(work)
      await makePrivateFolder(dirname(target.serverConfiguration))
      await makePrivateFolder(join(work, 'users'))
      await writePrivate(target.authority, contents.authority)
      await writePrivate(target.authorityKey, contents.authorityKey)
      await writePrivate(target.tlsCrypt, contents.tlsCrypt)
      await writePrivate(target.serverConfiguration, contents.serverConfiguration)
      await writePublic(target.revocationList, contents.revocationList)
      await writeIndex(target, contents.index)
      await rename(work, files.dir)
    } finally {
      await rm(work, { recursive: true, force: true })
    }
  } catch (cause) {
    const { code = '', message } = cause as NodeJS.ErrnoException
    if (cause instanceof InvalidInputError) throw cause
    const taken = code === 'ENOTEMPTY' || code === 'EEXIST'
    throw occupied(
      files.dir,
      taken ? `Another run has just filled ${files.dir}.` : `${files.dir} cannot be written: ${message}.`,
    )
  }
}

/** What a run left that was killed: keys that nobody knows of. */
async function removeLeftovers(parent: string, prefix: string): Promise<void> {
  const LONG_AGO_MS = 60_000
  for (const name of await readdir(parent)) {
    if (!name.startsWith(prefix)) continue
    const folder = join(parent, name)
    const found = await stat(folder).catch(() => undefined)
    if (found && Date.now() - found.mtimeMs > LONG_AGO_MS) await rm(folder, { recursive: true, force: true })
  }
}

function occupied(dir: string, message: string): InvalidInputError {
  return new InvalidInputError(`${message} Nothing was changed.`, {
    code: 'VPN_FOLDER_UNUSABLE',
    suggestions: ['Name another folder with --dir.'],
    data: { dir },
  })
}
