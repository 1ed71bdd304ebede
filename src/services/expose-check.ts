import type { FoundName } from '../tools/host-lookup.js'
import type { Endpoint, HttpExchange, PortAnswer } from '../tools/http-probe.js'
import { type AddressOnPath, addressRows, MOST_ADDRESSES, nameRow, untriedRows } from './expose-address.js'
import { appRow, ingressRow, routeRow, tlsRow } from './expose-answer.js'
import {
  checkExposeOptions,
  type CheckedExposeOptions,
  type ExposeCheckOptions,
  speaksTls,
} from './expose-options.js'
import { HOPS, type HopResult } from './expose-hop.js'
import { portRow } from './expose-port.js'

export interface ExposeCheckResult {
  host: string
  /** No hop failed. */
  ok: boolean
  /** The first hop that failed; null where none did. */
  failed: HopResult | null
  /** All that was looked at, in the order of the way; behind a hop that failed nothing is looked at. */
  hops: HopResult[]
  /** What the name stands for on this machine. */
  addresses: string[]
  /** Whether the name is in this machine's hosts file, so that other machines may see something else. */
  fromHostsFile: boolean
  /** The addresses told with --public-address; empty where none was. */
  publicAddresses: string[]
}

/** What tests put something else in the place of. Times are milliseconds. */
export interface ExposeTools {
  lookUp: (name: string, options: { timeoutMs: number; alsoDns: boolean }) => Promise<FoundName>
  knock: (endpoint: Endpoint, timeoutMs: number) => Promise<PortAnswer>
  exchange: (endpoint: Endpoint, options: ExchangeOptions) => Promise<HttpExchange>
  limits: { lookUp: number; knock: number; answer: number }
  /** Milliseconds since 1970, to judge certificates by. */
  now: () => number
}

interface ExchangeOptions {
  host: string
  path: string
  tls: boolean
  ca?: string | undefined
  timeoutMs: number
}

const LIMITS = { lookUp: 5000, knock: 3000, answer: 6000 }

/**
 * Follows a request for a host from this machine to the app, hop by hop, and names the first that fails. Nobody is
 * asked but the configured resolver and the host itself.
 * @throws InvalidInputError for what cannot be a host, an address or a port
 */
export async function exposeCheck(
  given: ExposeCheckOptions,
  tools: Partial<ExposeTools> = {},
): Promise<ExposeCheckResult> {
  const options = await checkExposeOptions(given)
  const system = await systemTools()
  const known = { ...system, ...tools }
  const { host, publicAddresses } = options
  const found = await known.lookUp(host, {
    timeoutMs: known.limits.lookUp,
    alsoDns: publicAddresses.length > 0,
  })
  const addresses = onPath(found, publicAddresses)
  const behind = await Promise.all(
    addresses
      .slice(0, MOST_ADDRESSES)
      .flatMap((address) => options.ports.map((port) => ({ ...address, port })))
      .map(async (endpoint) => behindPort(endpoint, options, known)),
  )
  const hops = inOrder([
    nameRow(host, found, known.limits.lookUp),
    ...addressRows(host, found, publicAddresses),
    ...untriedRows(host, addresses),
    ...withoutWay(behind.flat()),
  ])
  const failed = hops.find(({ verdict }) => verdict === 'failed') ?? null
  return {
    host,
    ok: failed === null,
    failed,
    hops,
    addresses: found.addresses,
    fromHostsFile: found.hostsFile.length > 0,
    publicAddresses,
  }
}

async function systemTools(): Promise<ExposeTools> {
  const { lookUp } = await import('../tools/host-lookup.js')
  const { exchange, knock } = await import('../tools/http-probe.js')
  return { lookUp, knock, exchange, limits: LIMITS, now: Date.now }
}

/** Where to knock: where the name leads, or, without one, where it ought to. */
function onPath({ addresses }: FoundName, publicAddresses: readonly string[]): AddressOnPath[] {
  return addresses.length > 0
    ? addresses.map((address) => ({ address, named: true }))
    : publicAddresses.map((address) => ({ address, named: false }))
}

async function behindPort(
  endpoint: Endpoint & AddressOnPath,
  { host, ca }: CheckedExposeOptions,
  { knock, exchange, limits, now }: ExposeTools,
): Promise<HopResult[]> {
  const port = await knock(endpoint, limits.knock)
  const row = portRow(endpoint, port, limits.knock)
  if (port.state !== 'open') return [row]
  const tls = speaksTls(endpoint.port)
  const answered = await exchange(endpoint, { host, path: '/ping', tls, ca, timeoutMs: limits.answer })
  const asked = { endpoint, host, tls, waitedMs: limits.answer }
  return [
    row,
    ...(tls ? [tlsRow(asked, answered, { caGiven: ca !== undefined, now: now() })] : []),
    ingressRow(asked, answered),
    routeRow(asked, answered),
    appRow(asked, answered),
  ].filter((found) => found !== undefined)
}

/** An address that cannot be reached from here says nothing, as long as there is another one that can. */
function withoutWay(hops: readonly HopResult[]): readonly HopResult[] {
  const ports = hops.filter(({ hop }) => hop === 'port')
  return ports.every(({ verdict }) => verdict === 'unknown')
    ? hops.map((hop): HopResult => ({ ...hop, verdict: 'failed' }))
    : hops
}

function inOrder(hops: readonly HopResult[]): HopResult[] {
  return HOPS.flatMap((hop) => hops.filter((found) => found.hop === hop))
}
