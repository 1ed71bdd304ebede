import { isIPv4 } from 'node:net'

import type { FoundName } from '../tools/host-lookup.js'
import type { HopResult } from './expose-hop.js'

/** An address requests go to; `named` where the name leads there, and not only --public-address. */
export interface AddressOnPath {
  address: string
  named: boolean
}

/** So many are tried and shown. */
export const MOST_ADDRESSES = 4

/** What the name stands for, and who says so. */
export function nameRow(host: string, found: FoundName, waitedMs: number): HopResult {
  const { addresses, hostsFile, problem } = found
  if (addresses.length > 0) {
    const text = `is ${listed(addresses)}, ${hostsFile.length > 0 ? `by ${placeIn(hostsFile)}` : 'by the resolver (DNS)'}`
    return { hop: 'name', where: host, verdict: 'good', text, advice: [] }
  }
  const silent = problem === 'ETIMEDOUT' || problem === 'EAI_AGAIN'
  return {
    hop: 'name',
    where: host,
    verdict: 'failed',
    text: silent
      ? `the resolver did not answer within ${seconds(waitedMs)} (${problem ?? ''})`
      : `has no address, neither in the hosts file nor in DNS (${problem ?? 'no answer'})`,
    advice: silent
      ? ['Check the connection and the DNS server of this machine (/etc/resolv.conf).']
      : [
          'Inside the house: k8sflow hosts --write puts it into the hosts file of this machine.',
          'From outside: an A (or AAAA) record at your DNS provider, to your public address or as CNAME to your dynamic DNS name; a new one takes minutes, a name that was asked for before longer.',
        ],
  }
}

function placeIn(hostsFile: FoundName['hostsFile']): string {
  const lines = hostsFile.map(({ line }) => String(line)).join(', ')
  return `${hostsFile[0]?.file ?? 'the hosts file'}:${lines}, on this machine only`
}

/** Whether the name leads to the public address that was given; nothing where there is no address to compare. */
export function addressRows(host: string, found: FoundName, told: readonly string[]): HopResult[] {
  const { addresses, hostsFile, dns } = found
  const shared = told.filter((address) => kindOf(address) === 'shared')
  if (shared.length > 0) return [sharedRow(shared)]
  if (addresses.length === 0) return []
  if (told.length === 0) return [notCompared(host, addresses)]
  // What other machines see counts, where the hosts file hides it from this one.
  const outside = hostsFile.length === 0 ? addresses : dns
  if (outside === undefined)
    return [
      row(
        host,
        'unknown',
        'may lead other machines elsewhere: here the hosts file counts, and DNS did not answer',
        ['To compare what DNS says, run this on a machine without that line in its hosts file.'],
      ),
    ]
  const missing = told.filter((address) => !outside.some((other) => same(other, address)))
  const others = outside.filter((address) => !told.some((other) => same(other, address)))
  const leads = hostsFile.length > 0 ? 'leads other machines to' : 'leads to'
  if (missing.length === 0 && others.length === 0)
    return [row(host, 'good', `${leads} ${told.join(' and ')}, the public address`, [])]
  const text =
    outside.length === 0
      ? `is known to this machine only: DNS does not have it, so it cannot lead others to ${told.join(' and ')}`
      : `${leads} ${listed(outside)}, not to ${told.join(' and ')}`
  return [row(host, 'failed', text, mismatchAdvice(outside, others, missing))]
}

function notCompared(host: string, addresses: readonly string[]): HopResult {
  const inner = addresses.filter((address) => kindOf(address) !== 'public')
  return row(
    host,
    'unknown',
    inner.length === 0
      ? 'may lead to your public address or not: without --public-address that is not compared'
      : `leads to ${listed(inner)}, which is not reached from the Internet: only the way inside is checked`,
    ['To compare, add --public-address with what your router shows as its Internet (WAN) address.'],
  )
}

/** The addresses that are not tried: a name of a big provider may have many. */
export function untriedRows(host: string, addresses: readonly AddressOnPath[]): HopResult[] {
  const more = addresses.length - MOST_ADDRESSES
  if (more <= 0) return []
  const text = `has ${String(more)} more ${more === 1 ? 'address' : 'addresses'}; only the first ${String(MOST_ADDRESSES)} are tried`
  return [row(host, 'unknown', text, [])]
}

/** All of them while they are few. */
function listed(addresses: readonly string[]): string {
  const more = addresses.length - MOST_ADDRESSES
  return more <= 0
    ? addresses.join(' and ')
    : `${addresses.slice(0, MOST_ADDRESSES).join(', ')} and ${String(more)} more`
}

function sharedRow(shared: readonly string[]): HopResult {
  return row(
    shared.join(', '),
    'failed',
    'is shared between customers of the provider (CGNAT, 100.64.0.0/10): no port of it can be forwarded to you',
    ['Use IPv6, ask the provider for an IPv4 address of your own, or lead a VPN to a rented server.'],
  )
}

function mismatchAdvice(
  outside: readonly string[],
  others: readonly string[],
  missing: readonly string[],
): string[] {
  if (outside.length === 0)
    return ['Add the record at your DNS provider; the hosts file helps this machine only.']
  if (others.some((address) => kindOf(address) !== 'public'))
    return [
      'That is an address of the inside (hosts file, DNS of the house): right for machines there, of no use from outside.',
      'Check the way from outside from a machine outside, such as one on a phone without Wi-Fi.',
    ]
  if (others.length > 0)
    return [
      'The public address has changed, or the record is old: see whether the router or the dynamic DNS client has told the new one, and wait for the time to live of the record.',
      ...(others.some((address) => !isIPv4(address))
        ? ['An AAAA record that leads nowhere is worse than none: browsers try it first.']
        : []),
    ]
  return [`Add a record for ${missing.join(' and ')}, or leave that address out of --public-address.`]
}

function row(where: string, verdict: HopResult['verdict'], text: string, advice: string[]): HopResult {
  return { hop: 'address', where, verdict, text, advice }
}

/**
 * Whom an address can be reached by: `own` this machine only, `private` its network (RFC 1918, RFC 4193, link-local),
 * `shared` a provider's (RFC 6598), `public` everybody.
 */
export function kindOf(address: string): 'own' | 'private' | 'shared' | 'public' {
  if (/^(127\.|0\.0\.0\.0$|::1$|::$)/.test(address)) return 'own'
  if (/^(10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|169\.254\.|f[cd]|fe[89ab])/i.test(address))
    return 'private'
  return /^100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\./.test(address) ? 'shared' : 'public'
}

/** IPv6 has several spellings of one address. */
function same(one: string, other: string): boolean {
  return canonical(one) === canonical(other)
}

function canonical(address: string): string {
  return isIPv4(address) ? address : new URL(`http://[${address.replace(/%.*$/, '')}]/`).hostname
}

/** Milliseconds as people say them. */
export function seconds(milliseconds: number): string {
  return `${String(milliseconds / 1000)} s`
}
