import { day } from '../day.js'
import { FailedError, InvalidInputError } from '../errors.js'
import {
  type Issued,
  issue,
  privateKeyPem,
  readCertificate,
  readPrivateKey,
  certificatePem,
} from '../pki/certificates.js'
import { revocationListPem } from '../pki/revocations.js'
import { readText } from '../tools/text-file.js'
import { type Credentials, SERVER_COMMON_NAME, serverConfiguration } from './vpn-configuration.js'
import { readVpnFile, type VpnFiles } from './vpn-folder.js'
import type { VpnCertificate, VpnIndex } from './vpn-index.js'
import type { VpnOptions, VpnTools } from './vpn-options.js'
import { beginning, endAfter, parseNetwork } from './vpn-settings.js'

/** A certificate as the index has it, and what goes into a configuration. */
export interface MadeCertificate {
  entry: VpnCertificate
  certificate: string
  key: string
}

/**
 * Reads the authority's certificate and key, the latter with its passphrase if it has one.
 * @throws InvalidInputError when the passphrase is missing or wrong
 * @throws FailedError when a file is damaged
 */
export async function openAuthority(files: VpnFiles, options: VpnOptions, tools: VpnTools): Promise<Issued> {
  const [certificatePemText, keyPem] = await Promise.all([
    readVpnFile(files.authority),
    readVpnFile(files.authorityKey),
  ])
  const isEncrypted = keyPem.includes('ENCRYPTED')
  const passphrase = isEncrypted ? await givenPassphrase(options, tools) : undefined
  const keys = await readPrivateKey(keyPem, passphrase).catch((cause: unknown) => {
    if (isEncrypted)
      throw new InvalidInputError(
        `The passphrase does not open ${files.authorityKey}. Nothing was changed.`,
        {
          code: 'PASSPHRASE_WRONG',
          cause,
          suggestions: ['Try again; without the passphrase the VPN can only be made anew.'],
        },
      )
    throw damaged(files.authorityKey, cause)
  })
  try {
    return { certificate: readCertificate(certificatePemText), keys }
  } catch (cause) {
    throw damaged(files.authority, cause)
  }
}

/**
 * The passphrase for a new authority, if there is to be one.
 * @throws InvalidInputError when nobody can be asked
 */
export async function newPassphrase(
  { passphraseFile, passphrase }: VpnOptions & { passphrase?: boolean | undefined },
  { askPassphrase }: VpnTools,
): Promise<string | undefined> {
  if (passphraseFile !== undefined) return readPassphrase(passphraseFile)
  if (!passphrase) return undefined
  if (askPassphrase === undefined)
    throw new InvalidInputError('Nobody is there to be asked for the passphrase. Nothing was changed.', {
      code: 'PASSPHRASE_MISSING',
      suggestions: ['Name a file that holds it: --passphrase-file FILE'],
    })
  return askPassphrase("New passphrase of the authority's key:", { twice: true })
}

/**
 * Makes keys and a certificate; it ends with the authority if that is sooner.
 * @param user null is the server
 * @throws FailedError when the authority has ended
 */
export async function makeCertificate(
  authority: Issued,
  { user, days, now }: { user: string | null; days: number; now: Date },
): Promise<MadeCertificate> {
  const { notAfter: last } = authority.certificate
  if (last <= now)
    throw new FailedError(`The VPN's authority ended on ${day(last)}: it can make nothing more.`, {
      code: 'AUTHORITY_EXPIRED',
      suggestions: ['Make the VPN anew in another folder: every user needs a new file then.'],
    })
  const wanted = endAfter(now, days)
  const notAfter = wanted < last ? wanted : last
  const { certificate, keys } = await issue({
    authority,
    commonName: user ?? SERVER_COMMON_NAME,
    use: user === null ? 'server' : 'client',
    notBefore: beginning(now),
    notAfter,
  })
  return {
    entry: {
      serial: certificate.serialNumber,
      user,
      notAfter: certificate.notAfter.toISOString(),
      days,
      revoked: null,
    },
    certificate: certificatePem(certificate),
    key: privateKeyPem(keys),
  }
}

/** The index with the number and end of its next revocation list. */
export function withNextList(index: VpnIndex, now: Date): VpnIndex {
  return {
    ...index,
    revocationList: {
      number: index.revocationList.number + 1,
      notAfter: endAfter(now, index.serverDays).toISOString(),
    },
  }
}

/** The revocation list that an index stands for. */
export async function revocationListOf(index: VpnIndex, authority: Issued, now: Date): Promise<string> {
  return revocationListPem({
    authority,
    number: index.revocationList.number,
    thisUpdate: beginning(now),
    nextUpdate: new Date(index.revocationList.notAfter),
    revoked: index.certificates.flatMap(({ serial, revoked }) =>
      revoked === null ? [] : [{ serial, date: new Date(revoked) }],
    ),
  })
}

/** The server's configuration with a certificate of its own. */
export function serverConfigurationOf(
  index: Pick<VpnIndex, 'server' | 'network' | 'routes'>,
  credentials: Credentials,
): string {
  return serverConfiguration(
    index.server,
    {
      network: parseNetwork(index.network, '--network'),
      routes: index.routes.map((route) => parseNetwork(route, '--route')),
    },
    credentials,
  )
}

async function givenPassphrase({ passphraseFile }: VpnOptions, { askPassphrase }: VpnTools): Promise<string> {
  if (passphraseFile !== undefined) return readPassphrase(passphraseFile)
  if (askPassphrase !== undefined) return askPassphrase("Passphrase of the authority's key:")
  throw new InvalidInputError(
    "The authority's key has a passphrase, and none is given. Nothing was changed.",
    {
      code: 'PASSPHRASE_MISSING',
      suggestions: ['Name a file that holds it (--passphrase-file FILE), or run this at a terminal.'],
    },
  )
}

/** The first line of a file; never part of a command line, which every user of the machine can see. */
async function readPassphrase(file: string): Promise<string> {
  const read = await readText(file)
  const line = 'text' in read ? (read.text.split(/\r?\n/)[0] ?? '') : ''
  if ('problem' in read || line === '')
    throw new InvalidInputError(
      `--passphrase-file ${file} is not usable: ${'problem' in read ? read.problem : 'its first line is empty'}. Nothing was changed.`,
      { code: 'PASSPHRASE_UNREADABLE', suggestions: ['Write the passphrase into its first line.'] },
    )
  return line
}

function damaged(file: string, cause: unknown): FailedError {
  return new FailedError(`${file} is damaged: ${(cause as Error).message}.`, {
    code: 'VPN_FILE_DAMAGED',
    cause,
    suggestions: ['Put it back from a backup of the folder.'],
    data: { file },
  })
}
