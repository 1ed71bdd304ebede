import { lookup } from 'node:dns/promises'
import { isIP, isIPv4, isIPv6 } from 'node:net'

import type { Cluster } from '../cluster/cluster.js'
import type { ServedHost } from '../cluster/host-addresses.js'
import { FailedError, InvalidInputError } from '../errors.js'

export interface AddressChoice {
  ip?: readonly string[] | undefined
  ddns?: string | undefined
}

/** Where addresses came from: `--ip`, `--ddns`, the Ingress or Gateway, or the kubeconfig's server. */
export type AddressSource = 'ip' | 'ddns' | 'cluster' | 'server'

/** The addresses of a host, at most one IPv4 and one IPv6: as a rule programs take the first and never try another. */
export interface FoundAddresses {
  addresses: string[]
  source: AddressSource
}

/** Finds all addresses of a name, both A and AAAA. */
export type Resolve = (name: string) => Promise<string[]>

/** The system's own resolver: DNS, mDNS, and the hosts file itself. */
export const systemResolve: Resolve = async (name) =>
  (await lookup(name, { all: true })).map(({ address }) => address)

const HOST_NAME = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*\.?$/i

/** Whether a text can stand in a hosts file as a name. */
export function isHostName(text: string): boolean {
  return HOST_NAME.test(text) && isIP(text) === 0
}

/**
 * Checks and tidies `--ip` and `--ddns`, asking nobody.
 * @throws InvalidInputError
 */
export function checkAddresses({ ip: given, ddns }: AddressChoice): AddressChoice {
  const ip = given?.flatMap((value) => value.split(',')).map((address) => address.trim())
  const unusable = (ip ?? []).filter((address) => isIP(address) === 0)
  if (unusable.length > 0)
    throw invalidAddress(`--ip "${unusable.join('", "')}" is not an IP address.`, [
      'Write it as 192.168.1.10 or fd00::10; for a name there is --ddns.',
    ])
  if (ip !== undefined && ip.length !== oneOfEach(ip).length)
    throw invalidAddress('--ip takes one IPv4 and one IPv6 address at most.', [
      'As a rule programs use the first address of a hosts file and never try another.',
    ])
  if (ip === undefined && ddns !== undefined && !isHostName(ddns))
    throw invalidAddress(`--ddns "${ddns}" is not a host name.`, [
      'Write it as home.example.org; for an address there is --ip.',
    ])
  return ip === undefined ? { ddns } : { ip }
}

function invalidAddress(message: string, suggestions: string[]): InvalidInputError {
  return new InvalidInputError(message, { code: 'INVALID_ADDRESS', suggestions })
}

/**
 * Finds the address of each host: `--ip`, else what `--ddns` resolves to now, else what the cluster reports for the
 * host, else the kubeconfig's server, when that is an address of a network.
 * @throws FailedError when `--ddns` cannot be resolved
 * @throws InvalidInputError naming the hosts for which there is none
 */
export async function findAddresses<Host extends ServedHost>(
  hosts: readonly Host[],
  choice: AddressChoice,
  { cluster, countries, resolve }: { cluster: Cluster; countries?: readonly string[]; resolve: Resolve },
): Promise<(Host & FoundAddresses)[]> {
  const { ip, ddns } = choice
  if (ip !== undefined) return hosts.map((host) => ({ ...host, addresses: oneOfEach(ip), source: 'ip' }))
  if (ddns !== undefined) {
    const addresses = await resolveDdns(ddns, resolve)
    return hosts.map((host) => ({ ...host, addresses, source: 'ddns' }))
  }
  if (hosts.length === 0) return []
  const { hostAddresses } = await import('../cluster/host-addresses.js')
  const reported = await hostAddresses(cluster, countries)
  const resolved = remembering(resolve)
  const server = serverAddresses(cluster)
  const found = await Promise.all(
    hosts.map(async (host): Promise<Host & FoundAddresses> => {
      const addresses = oneOfEach((await Promise.all(reported(host).map(resolved))).flat().sort())
      return addresses.length > 0
        ? { ...host, addresses, source: 'cluster' }
        : { ...host, addresses: server, source: 'server' }
    }),
  )
  const without = found.filter(({ addresses }) => addresses.length === 0)
  if (without.length > 0) throw noAddress(without, cluster)
  return found
}

async function resolveDdns(name: string, resolve: Resolve): Promise<string[]> {
  let all: string[]
  try {
    all = await resolve(name)
  } catch (cause) {
    throw new FailedError(`${name} cannot be resolved to an address: ${(cause as Error).message}.`, {
      code: 'DDNS_UNRESOLVED',
      cause,
      suggestions: ['Check the name and the connection, or give the address with --ip.'],
      data: { name },
    })
  }
  const addresses = oneOfEach(all.filter((address) => !isLocal(address)).sort())
  if (addresses.length > 0) return addresses
  throw new FailedError(
    `${name} is ${all.length === 0 ? 'without an address' : `this machine itself (${all.join(', ')})`}.`,
    {
      code: 'DDNS_UNRESOLVED',
      suggestions: ['Check the name with your provider, or give the address with --ip.'],
      data: { name, addresses: all },
    },
  )
}

/** Names of load balancers, each resolved once; one that cannot be counts as none. */
function remembering(resolve: Resolve): Resolve {
  const known = new Map<string, Promise<string[]>>()
  return async (target) => {
    if (isIP(target) !== 0) return [target]
    if (!isHostName(target)) return []
    const answer = known.get(target) ?? resolve(target).catch((): string[] => [])
    known.set(target, answer)
    return answer
  }
}

/** The host of the kubeconfig's server, where that is an address other machines can use. */
function serverAddresses({ server }: Cluster): string[] {
  const host = URL.canParse(server) ? new URL(server).hostname.replace(/^\[(.*)\]$/, '$1') : ''
  return isIP(host) !== 0 && !isLocal(host) ? [host] : []
}

function isLocal(address: string): boolean {
  return /^(127\.|0\.0\.0\.0$|::1?$|::ffff:(127\.|7f))/i.test(address)
}

/** The first IPv4 address and the first IPv6 one. */
function oneOfEach(addresses: readonly string[]): string[] {
  return [addresses.find((address) => isIPv4(address)), addresses.find((address) => isIPv6(address))].filter(
    (address) => address !== undefined,
  )
}

function noAddress(hosts: readonly ServedHost[], { server }: Cluster): InvalidInputError {
  const names = hosts.map(({ host }) => host)
  const shown =
    names.length > 3
      ? `${names.slice(0, 3).join(', ')} and ${String(names.length - 3)} more`
      : names.join(', ')
  return new InvalidInputError(
    `The address of ${shown} is not known: neither an Ingress nor a Gateway reports one, and the kubeconfig's server ${server} is not an address of the network. Nothing was changed.`,
    {
      code: 'NO_ADDRESS',
      suggestions: [
        'Name the address at which Traefik is reached, as a rule that of the Pi: --ip 192.168.1.10',
      ],
      data: { hosts: names },
    },
  )
}
