import { BlockList, isIP, isIPv4 } from 'node:net'

import { ApiStatusError, type Cluster } from '../cluster/cluster.js'
import { ClusterAccessError, InvalidInputError } from '../errors.js'
import { type Resolve, systemResolve } from './hosts-address.js'
import type { VpnInitOptions } from './vpn-options.js'

/** Milliseconds to ask the cluster for its nodes: away from home it cannot be reached, which is what the VPN is for. */
const NODES_TIMEOUT = 5000

/**
 * The addresses of the cluster as routes: the API server of the kubeconfig, and the nodes where they can be asked for.
 * @throws InvalidInputError when none is found
 */
export async function clusterRoutes(
  options: Pick<VpnInitOptions, 'kubeconfig' | 'context'>,
  resolve: Resolve = systemResolve,
): Promise<{ routes: string[]; notes: string[] }> {
  const { connect } = await import('../cluster/client.js')
  const cluster = await connect(options).catch((error: unknown) => {
    if (error instanceof ClusterAccessError) throw noRoute(error.message)
    throw error
  })
  const [server, nodes] = await Promise.all([serverAddresses(cluster, resolve), addressesOfNodes(cluster)])
  const routes = [...new Set([...server, ...(nodes ?? [])])]
  if (routes.length === 0)
    throw noRoute(
      `The kubeconfig's server ${cluster.server} is not an IPv4 address of a network, and the nodes cannot be asked.`,
    )
  return {
    routes: routes.map((address) => `${address}/32`),
    notes: [
      `Without --route users reach ${routes.join(', ')}: ${nodes === undefined ? "the kubeconfig's server; its nodes could not be asked for theirs" : 'the API server and the nodes'}.`,
    ],
  }
}

async function serverAddresses({ server }: Cluster, resolve: Resolve): Promise<string[]> {
  const { hostname } = new URL(server)
  const name = hostname.replace(/^\[|\]$/g, '')
  const found = isIP(name) === 0 ? await resolve(name).catch(() => []) : [name]
  return found.filter((address) => isIPv4(address) && !isLocal(address))
}

async function addressesOfNodes(cluster: Cluster): Promise<string[] | undefined> {
  const { nodeAddresses } = await import('../cluster/nodes.js')
  try {
    return (await nodeAddresses(cluster, NODES_TIMEOUT)).filter((address) => isIPv4(address))
  } catch (error) {
    if (error instanceof ClusterAccessError || error instanceof ApiStatusError) return undefined
    throw error
  }
}

function isLocal(address: string): boolean {
  const local = new BlockList()
  local.addSubnet('127.0.0.0', 8)
  local.addAddress('0.0.0.0')
  return local.check(address)
}

function noRoute(reason: string): InvalidInputError {
  return new InvalidInputError(`No --route is given, and none is found. ${reason} Nothing was changed.`, {
    code: 'NO_ROUTE',
    suggestions: ['Name the address of the API server, as a rule that of the Pi: --route 192.168.1.10/32'],
  })
}
