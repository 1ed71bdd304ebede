import { BlockList, isIPv4 } from 'node:net'

import { InvalidInputError } from '../errors.js'
import { isHostName } from './hosts-address.js'

export type Proto = 'udp' | 'tcp'

/** Where users find the server. */
export interface VpnServer {
  /** Host name or IPv4 address. */
  name: string
  port: number
  proto: Proto
}

/** An IPv4 network, `10.8.0.0` with 24 bits. */
export interface Network {
  address: string
  bits: number
}

const DEFAULT_PORT = 1194
const DEFAULT_NETWORK = '10.8.0.0/24'
/** Of the server's certificate and a revocation list: both end together, since both are then copied to the server. */
export const SERVER_DAYS = 730
export const USER_DAYS = 365
/** The authority's own, after which everybody needs a new file. */
export const AUTHORITY_DAYS = 3650

const DAY_MS = 86_400_000
/** Lower case only: a file of the name is written, and not every file system tells Ann from ann. */
const USER_NAME = /^[a-z0-9]([a-z0-9._-]{0,30}[a-z0-9])?$/
/** OpenVPN's own limit for `server` is a /29; more than a /16 is never needed. */
const NETWORK_BITS = { fewest: 16, most: 29 }

/**
 * Checks `--server` and `--proto`.
 * @throws InvalidInputError
 */
export function checkServer(server: string | undefined, proto = 'udp'): VpnServer {
  if (server === undefined)
    throw invalid(
      'SERVER_MISSING',
      'No --server is given: under which name is the VPN server reached from outside?',
      ['Name it as your dynamic DNS has it: --server home.example.org, with :PORT if it is not 1194.'],
    )
  const [, name = '', portText] = /^([^:]*)(?::(.*))?$/.exec(server) ?? []
  const port = portText === undefined ? DEFAULT_PORT : /^\d{1,5}$/.test(portText) ? Number(portText) : 0
  // A name whose last part is a number can only be a mistyped address.
  const usable = isIPv4(name) || (isHostName(name) && !/(^|\.)\d+\.?$/.test(name))
  if (!usable || port < 1 || port > 65_535)
    throw invalid(
      'INVALID_SERVER',
      `--server ${JSON.stringify(server)} is not a host name or IPv4 address with an optional port.`,
      ['Write it as home.example.org or home.example.org:1195.'],
    )
  if (proto !== 'udp' && proto !== 'tcp')
    throw invalid('INVALID_PROTO', `--proto ${JSON.stringify(proto)} is neither udp nor tcp.`, [
      'Leave it out for udp, which is faster; tcp is for networks that let nothing else out.',
    ])
  return { name, port, proto }
}

/**
 * Checks `--network`.
 * @throws InvalidInputError
 */
export function checkNetwork(text = DEFAULT_NETWORK): Network {
  const network = parseNetwork(text, '--network')
  const { fewest, most } = NETWORK_BITS
  if (network.bits < fewest || network.bits > most)
    throw invalid('INVALID_NETWORK', `--network ${text} is of no usable size.`, [
      `Between /${String(fewest)} and /${String(most)}; ${DEFAULT_NETWORK} has room for 253 users.`,
    ])
  if (!isPrivate(network))
    throw invalid('INVALID_NETWORK', `--network ${text} is not a private network.`, [
      `Take a part of 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16 that nothing else uses, such as ${DEFAULT_NETWORK}.`,
    ])
  return network
}

/**
 * Checks the networks that users are to reach, each of which would take away a network of the user's own if it were too
 * large, or the way to the server if that were inside. All problems are named at once.
 * @throws InvalidInputError
 */
export function checkRoutes(texts: readonly string[], network: Network, { name }: VpnServer): Network[] {
  const routes = texts
    .flatMap((text) => text.split(','))
    .map((text) => text.trim())
    .map((text) => parseNetwork(text.includes('/') ? text : `${text}/32`, '--route'))
  const problems = routes.flatMap((route) => {
    const text = networkText(route)
    if (route.bits < 8) return [`--route ${text} is far more than a cluster's network`]
    if (overlap(route, network))
      return [`--route ${text} and the VPN's own network ${networkText(network)} overlap`]
    if (isIPv4(name) && contains(route, name))
      return [`--route ${text} holds the VPN server's own address ${name}: the tunnel would lead into itself`]
    return []
  })
  if (problems.length > 0)
    throw invalid('INVALID_ROUTE', `${problems.join('; ')}.`, [
      'Name the network or the addresses of the nodes: --route 192.168.1.10/32',
    ])
  return routes.filter(
    (route, at) => routes.findIndex((other) => networkText(other) === networkText(route)) === at,
  )
}

/**
 * Checks the name of a user, of which a file name and a certificate's common name are made.
 * @throws InvalidInputError
 */
export function checkUser(user: string): string {
  if (USER_NAME.test(user)) return user
  throw invalid('INVALID_USER', `${JSON.stringify(user)} is not a usable user name.`, [
    'Use 1 to 32 of a-z, 0-9, and within the name also dot, dash and underscore: ann, ann-phone.',
  ])
}

/**
 * When something that begins now ends, in so many days.
 * @throws InvalidInputError unless days are a whole number from 1 to 3650
 */
export function endAfter(now: Date, days: number): Date {
  if (!Number.isInteger(days) || days < 1 || days > AUTHORITY_DAYS)
    throw invalid('INVALID_DAYS', `--days ${String(days)} is out of bounds.`, [
      `Choose between 1 and ${String(AUTHORITY_DAYS)}, such as ${String(USER_DAYS)}.`,
    ])
  return new Date(now.getTime() + days * DAY_MS)
}

/** A day before now: a Pi without a clock starts in the past, and would find what is of today not valid yet. */
export function beginning(now: Date): Date {
  return new Date(now.getTime() - DAY_MS)
}

/** Whole days from now to then; negative when it is over. */
export function daysUntil(then: string, now: Date): number {
  return Math.floor((Date.parse(then) - now.getTime()) / DAY_MS)
}

export function networkText({ address, bits }: Network): string {
  return `${address}/${String(bits)}`
}

/** `255.255.255.0`, as OpenVPN wants it. */
export function netmask({ bits }: Network): string {
  return dotted(maskOf(bits))
}

/**
 * Reads `10.0.0.0/24`.
 * @throws InvalidInputError
 */
export function parseNetwork(text: string, flag: string): Network {
  const [, address = '', bitsText = ''] = /^([\d.]+)\/(\d{1,2})$/.exec(text.trim()) ?? []
  const bits = Number(bitsText)
  if (!isIPv4(address) || bitsText === '' || bits > 32)
    throw invalid('INVALID_NETWORK', `${flag} ${JSON.stringify(text)} is not an IPv4 network.`, [
      'Write it as 192.168.1.0/24, or 192.168.1.10/32 for one address.',
    ])
  const first = dotted((numeric(address) & maskOf(bits)) >>> 0)
  if (first !== address)
    throw invalid('INVALID_NETWORK', `${flag} ${text} is an address within a network, not the network.`, [
      `The network is ${first}/${String(bits)}; the one address is ${address}/32.`,
    ])
  return { address, bits }
}

function isPrivate({ address, bits }: Network): boolean {
  const home = (
    [
      ['10.0.0.0', 8],
      ['172.16.0.0', 12],
      ['192.168.0.0', 16],
      // Carrier-grade NAT, of which other VPNs take their addresses.
      ['100.64.0.0', 10],
    ] as const
  ).find(([first, length]) => contains({ address: first, bits: length }, address) && bits >= length)
  return home !== undefined
}

function overlap(one: Network, other: Network): boolean {
  return contains(one, other.address) || contains(other, one.address)
}

function contains({ address, bits }: Network, other: string): boolean {
  const list = new BlockList()
  list.addSubnet(address, bits)
  return list.check(other)
}

function maskOf(bits: number): number {
  return bits === 0 ? 0 : (0xffffffff << (32 - bits)) >>> 0
}

function numeric(address: string): number {
  return address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0)
}

function dotted(value: number): string {
  return [24, 16, 8, 0].map((shift) => (value >>> shift) & 0xff).join('.')
}

function invalid(code: string, message: string, suggestions: string[]): InvalidInputError {
  return new InvalidInputError(message, { code, suggestions })
}
