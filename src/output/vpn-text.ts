import { basename, dirname } from 'node:path'

import { day } from '../day.js'
import type { VpnInitResult } from '../services/vpn-init.js'
import type { VpnListResult, VpnUser } from '../services/vpn-list.js'
import type { VpnRenewResult } from '../services/vpn-renew.js'
import type { VpnAddResult, VpnRevokeResult } from '../services/vpn-users.js'
import { shellQuote } from '../tools/command-line.js'
import { styles } from './styles.js'
import { table } from './table.js'

const SERVER_FOLDER = '/etc/openvpn/server'
const SERVICE = 'openvpn-server@k8sflow'

/** @param folder the folder as it was named, if it was: the next command needs it, too */
export function initText(result: VpnInitResult, folder: string | undefined): string {
  const { dir, server, network, routes, serverFiles, serverNotAfter, authorityNotAfter, passphrase } = result
  return text(
    `The VPN is in ${dir}.`,
    `  server     ${server.name}:${String(server.port)}/${server.proto}, until ${day(serverNotAfter)}`,
    `  addresses  ${network}`,
    `  leads to   ${routes.join(', ')}`,
    `  authority  until ${day(authorityNotAfter)}, its key ${passphrase ? 'with' : 'without'} a passphrase`,
    '',
    'Copy two files to the server, where OpenVPN is installed:',
    ...copying(serverFiles),
    `Start it there: sudo systemctl enable --now ${SERVICE}`,
    `Then add users: k8sflow vpn add ann${folder === undefined ? '' : ` --dir ${shellQuote(folder)}`}`,
  )
}

export function addText({ user, file, notAfter }: VpnAddResult): string {
  return text(
    `${user} is let in until ${day(notAfter)} with ${file}`,
    'It holds a key: hand it over, then delete it.',
  )
}

export function revokeText(result: VpnRevokeResult): string {
  const { user, already, revokedAt, revocationList, number, listNotAfter } = result
  return text(
    already
      ? `${user} was revoked on ${day(revokedAt)}; the revocation list is written anew.`
      : `${user} is revoked, in list ${String(number)}, which holds until ${day(listNotAfter)}.`,
    'The server lets them in until it has the list; copy it there:',
    ...copying([revocationList]),
    `The server reads it for each new connection. To end one that stands: sudo systemctl restart ${SERVICE}`,
  )
}

export function renewText({ serverFiles, serverNotAfter, users, revocationList }: VpnRenewResult): string {
  return text(
    ...users.map(
      ({ user, file, notAfter }) => `${user} is let in until ${day(notAfter)} with the new ${file}`,
    ),
    ...(users.length > 0 ? ['The old files work until their own end.'] : []),
    ...(serverFiles.length === 0
      ? []
      : [
          `The server's certificate holds until ${day(serverNotAfter)}, revocation list ${String(revocationList.number)} until ${day(revocationList.notAfter)}.`,
          'Copy both to the server:',
          ...copying(serverFiles),
          `Then, there: sudo systemctl restart ${SERVICE}`,
        ]),
  )
}

export async function listText(result: VpnListResult): Promise<string> {
  const { server, network, routes, users, serverNotAfter, revocationList, authorityNotAfter } = result
  const rows = users.map((user) => [user.user, stateText(user), day(user.notAfter), user.file ?? '-'])
  return text(
    ...(users.length === 0
      ? ['No user yet: k8sflow vpn add ann']
      : [await table(['USER', 'STATE', 'UNTIL', 'FILE'], rows)]),
    '',
    `server           ${server.name}:${String(server.port)}/${server.proto}, until ${day(serverNotAfter)}`,
    `revocation list  ${String(revocationList.number)}, until ${day(revocationList.notAfter)}`,
    `authority        until ${day(authorityNotAfter)}`,
    `addresses        ${network}`,
    `leads to         ${routes.join(', ')}`,
  )
}

/** One command that copies files as they are to be: for root, the configuration for root alone. */
function copying(files: readonly string[]): string[] {
  const folder = dirname(files[0] ?? '')
  const names = files.map((file) => basename(file)).join(' ')
  return [
    `  tar -C ${shellQuote(folder)} -cf - ${names} | ssh pi sudo tar -C ${SERVER_FOLDER} -xpf - --no-same-owner`,
  ]
}

function stateText({ state, revokedAt }: VpnUser): string {
  const style = styles(process.stdout)
  if (state === 'valid') return style.green(state)
  return state === 'revoked' ? style.dim(`revoked ${day(revokedAt ?? '')}`) : style.red(state)
}

function text(...lines: string[]): string {
  return `${lines.join('\n')}\n`
}
