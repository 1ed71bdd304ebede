import { isIPv6 } from 'node:net'

import type { Endpoint, PortAnswer } from '../tools/http-probe.js'
import { type AddressOnPath, kindOf, seconds } from './expose-address.js'
import type { HopResult } from './expose-hop.js'

/** An address and port as URLs and messages have them. */
export function endpointText({ address, port }: Endpoint): string {
  return `${isIPv6(address) ? `[${address}]` : address}:${String(port)}`
}

/** What a port said to being knocked at, and what that means at home; unknown where this machine has no way to it. */
export function portRow(
  endpoint: Endpoint & AddressOnPath,
  { state, milliseconds, code = '' }: PortAnswer,
  waitedMs: number,
): HopResult {
  const row = (verdict: HopResult['verdict'], text: string, advice: string[] = []): HopResult => ({
    hop: 'port',
    where: endpointText(endpoint),
    verdict,
    text: endpoint.named ? text : `${text} (tried because of --public-address: the name has no address)`,
    advice,
  })
  const inside = kindOf(endpoint.address) !== 'public'
  const port = String(endpoint.port)
  switch (state) {
    case 'open':
      return row('good', `is open (${String(milliseconds)} ms)`)
    case 'refused':
      return row('failed', 'refuses the connection: the machine is there, nothing listens on the port', [
        inside
          ? 'Is this the address of a node? On K3s, ServiceLB holds the ports of Traefik on every node: kubectl -n kube-system get service traefik'
          : `The router answers itself: forward port ${port} to a node's port ${port}.`,
        ...(inside ? [] : [HAIRPIN]),
      ])
    case 'silent':
      return row(
        'failed',
        `does not answer within ${seconds(waitedMs)}: something drops what is sent there`,
        [
          inside
            ? `Is the machine on, and is this its address? A firewall on it must let port ${port} in (ufw, nftables).`
            : `Forward port ${port} of the router to a node, and let its firewall pass it; some providers block port 80 or 443.`,
          ...(inside ? [] : [HAIRPIN]),
        ],
      )
    case 'no-route':
      return row('unknown', `cannot be reached from here: no way to it (${code})`, [
        isIPv6(endpoint.address)
          ? 'This machine has no IPv6 to the outside; whether it works for others cannot be told from here.'
          : 'Check the network of this machine: is it in the network of that address, or has it a default route?',
      ])
    default:
      return row('failed', `the connection failed (${code})`, [
        'Run it again; if it stays so, look at the network of this machine.',
      ])
  }
}

const HAIRPIN =
  'From inside the house this may fail though it works from outside: many routers do not lead a request for their own public address back in (hairpin NAT). Try from outside, such as a phone without Wi-Fi.'
