import { mkdir, readFile, stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'

import { FailedError, InvalidInputError } from '../errors.js'
import { editFile } from '../tools/atomic-file.js'
import { REVOCATION_LIST, SERVER_CONFIGURATION } from './vpn-configuration.js'
import { indexText, parseIndex, type VpnIndex } from './vpn-index.js'
import type { VpnOptions } from './vpn-options.js'

/** Files of a VPN's folder. */
export interface VpnFiles {
  dir: string
  index: string
  authority: string
  authorityKey: string
  tlsCrypt: string
  /** Both are copied to the server. */
  serverConfiguration: string
  revocationList: string
}

const PRIVATE_FILE = 0o600
const PRIVATE_FOLDER = 0o700

/** The folder of `--dir`, else the user's own data folder (XDG Base Directory Specification). */
export function vpnFiles(
  { dir }: Pick<VpnOptions, 'dir'>,
  environment: NodeJS.ProcessEnv = process.env,
): VpnFiles {
  const data = environment['XDG_DATA_HOME'] || join(environment['HOME'] || homedir(), '.local', 'share')
  return filesIn(resolve(dir ?? join(data, 'k8sflow', 'vpn')))
}

export function filesIn(dir: string): VpnFiles {
  return {
    dir,
    index: join(dir, 'vpn.json'),
    authority: join(dir, 'ca.crt'),
    authorityKey: join(dir, 'ca.key'),
    tlsCrypt: join(dir, 'tls-crypt.key'),
    serverConfiguration: join(dir, 'server', SERVER_CONFIGURATION),
    revocationList: join(dir, 'server', REVOCATION_LIST),
  }
}

/** Where a user's configuration is written. */
export function userFile({ dir }: VpnFiles, user: string): string {
  return join(dir, 'users', `${user}.ovpn`)
}

/**
 * Reads the index of a VPN.
 * @throws InvalidInputError when there is none, or others may look into the folder
 * @throws FailedError when it cannot be read
 */
export async function readIndex(files: VpnFiles): Promise<VpnIndex> {
  await checkPrivate(files)
  return parseIndex(await readVpnFile(files.index), files.index)
}

export async function writeIndex(files: VpnFiles, index: VpnIndex): Promise<void> {
  await writePrivate(files.index, indexText(index))
}

/** Writes a file for its owner alone, whole or not at all. */
export async function writePrivate(file: string, text: string): Promise<void> {
  await write(file, text, PRIVATE_FILE)
}

/** The one file that holds no secret, and that OpenVPN reads as nobody. */
export async function writePublic(file: string, text: string): Promise<void> {
  await write(file, text, 0o644)
}

/** Makes a folder for its owner alone. */
export async function makePrivateFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: PRIVATE_FOLDER })
}

/** @throws FailedError when a file of the VPN is missing or cannot be read */
export async function readVpnFile(file: string): Promise<string> {
  return read(file).catch((cause: NodeJS.ErrnoException) => {
    throw new FailedError(
      `${file} cannot be read: ${cause.code === 'ENOENT' ? 'it is missing' : cause.message}.`,
      {
        code: 'VPN_FILE_UNREADABLE',
        cause,
        suggestions: ['Put it back from a backup of the folder, or make the VPN anew in another one.'],
        data: { file },
      },
    )
  })
}

/**
 * Makes sure that there is a VPN, for its owner alone: like ssh with its keys.
 * @throws InvalidInputError
 */
export async function checkPrivate({ dir, index }: VpnFiles): Promise<void> {
  const found = await stat(dir).catch(() => undefined)
  const hasIndex = await stat(index).then(
    () => true,
    () => false,
  )
  if (!found?.isDirectory() || !hasIndex)
    throw new InvalidInputError(`There is no VPN in ${dir}.`, {
      code: 'VPN_MISSING',
      suggestions: [
        'Make one: k8sflow vpn init --server home.example.org',
        'If it is elsewhere, name its folder with --dir.',
      ],
      data: { dir },
    })
  if (process.platform !== 'win32' && (found.mode & 0o077) !== 0)
    throw new InvalidInputError(`${dir} is open to other users of this machine, and holds keys.`, {
      code: 'VPN_FOLDER_OPEN',
      suggestions: [`Close it: chmod 700 ${dir}`],
      data: { dir },
    })
}

async function write(file: string, text: string, mode: number): Promise<void> {
  await editFile(file, () => text, read, { mode })
}

async function read(file: string): Promise<string> {
  return readFile(file, 'utf8')
}
