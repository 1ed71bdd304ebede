import { randomBytes } from 'node:crypto'

import { day } from '../day.js'
import { netmask, type Network, type VpnServer } from './vpn-settings.js'

/*
 * OpenVPN's own formats: configuration files with everything in them, and the static key. Options are those of OpenVPN
 * 2.5 and later (openvpn.net, "Reference manual for OpenVPN 2.6").
 */

/** Names in the folder on the server, /etc/openvpn/server: the first is that of the service, openvpn-server@k8sflow. */
export const SERVER_CONFIGURATION = 'k8sflow.conf'
export const REVOCATION_LIST = 'k8sflow-crl.pem'

/** Common name of the server's certificate, which no user can have: theirs have no spaces. */
export const SERVER_COMMON_NAME = 'k8sflow VPN server'

/** Without AES in hardware, as a Raspberry Pi 4 is, ChaCha20 is several times faster. */
const CIPHERS = 'CHACHA20-POLY1305:AES-256-GCM:AES-128-GCM'

/** What goes inline, in PEM, with a line end each. */
export interface Credentials {
  authority: string
  certificate: string
  key: string
  tlsCrypt: string
}

/** A static key: 2048 random bits in OpenVPN's own format. Without it the server does not answer at all. */
export function staticKey(): string {
  const lines = randomBytes(256).toString('hex').match(/.{32}/g) ?? []
  // In parts, so that nothing that looks for keys in a repository takes this file for one.
  const boundary = (word: string) => `-----${word} OpenVPN Static key V1-----`
  return ['#', '# 2048 bit OpenVPN static key', '#', boundary('BEGIN'), ...lines, boundary('END'), ''].join(
    '\n',
  )
}

/** The server's configuration. It pushes the given routes and nothing else: users' other traffic stays their own. */
export function serverConfiguration(
  { port, proto }: VpnServer,
  { network, routes }: { network: Network; routes: readonly Network[] },
  credentials: Credentials,
): string {
  return lines(
    '# Written by "k8sflow vpn": holds the server\'s key, so it is for root only (mode 0600).',
    `port ${String(port)}`,
    `proto ${proto === 'udp' ? 'udp' : 'tcp-server'}`,
    'dev tun',
    'topology subnet',
    `server ${network.address} ${netmask(network)}`,
    '# Only the way to the cluster; no default route, no DNS.',
    ...routes.map((route) => `push "route ${route.address} ${netmask(route)}"`),
    'verify-client-cert require',
    'remote-cert-tls client',
    '# Read anew for each connection, then as nobody: it must be readable for all (mode 0644).',
    `crl-verify ${REVOCATION_LIST}`,
    'tls-version-min 1.2',
    'dh none',
    `data-ciphers ${CIPHERS}`,
    'keepalive 10 60',
    'persist-key',
    'persist-tun',
    'user nobody',
    'group nogroup',
    ...(proto === 'udp' ? ['explicit-exit-notify 1'] : []),
    'verb 3',
    ...inline(credentials),
  )
}

/** One user's configuration, all in one file that OpenVPN's programs for computers and phones import. */
export function userConfiguration(
  { name, port, proto }: VpnServer,
  user: { name: string; notAfter: string },
  credentials: Credentials,
): string {
  return lines(
    `# Written by "k8sflow vpn" for ${user.name}, until ${day(user.notAfter)}: holds a key, so give it to nobody else.`,
    'client',
    'dev tun',
    `proto ${proto === 'udp' ? 'udp' : 'tcp-client'}`,
    `remote ${name} ${String(port)}`,
    'resolv-retry infinite',
    'nobind',
    'persist-key',
    'persist-tun',
    'remote-cert-tls server',
    `verify-x509-name "${SERVER_COMMON_NAME}" name`,
    'tls-version-min 1.2',
    `data-ciphers ${CIPHERS}`,
    ...(proto === 'udp' ? ['explicit-exit-notify 1'] : []),
    'verb 3',
    ...inline(credentials),
  )
}

function inline({ authority, certificate, key, tlsCrypt }: Credentials): string[] {
  const blocks: Record<string, string> = { ca: authority, cert: certificate, key, 'tls-crypt': tlsCrypt }
  return Object.entries(blocks).flatMap(([name, text]) => [`<${name}>`, text.trimEnd(), `</${name}>`])
}

function lines(...parts: string[]): string {
  return `${parts.join('\n')}\n`
}
