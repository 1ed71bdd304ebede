import type { V1Ingress } from '@kubernetes/client-node'

import type { Cluster, ObjectMeta, Wire } from './cluster.js'
import { listEverywhere } from './workloads.js'

type Ingress = Wire<V1Ingress>

interface HttpRoute {
  metadata: ObjectMeta
  spec?: { hostnames?: string[]; parentRefs?: { name: string; namespace?: string }[] }
}

interface Gateway {
  metadata: ObjectMeta
  status?: { addresses?: { value?: string }[] }
}

/** A host as one namespace serves it. */
export interface ServedHost {
  namespace: string
  host: string
}

/**
 * Where the cluster says that hosts are served: what ingress controllers write into the status of an Ingress, and
 * Gateways into their own. With K3s these are the addresses of all nodes ServiceLB uses for Traefik.
 * @returns for a host its IP addresses and, from load balancers of clouds, names; empty where nothing is reported
 */
export async function hostAddresses(
  cluster: Cluster,
  countries?: readonly string[],
): Promise<(served: ServedHost) => string[]> {
  const [ingresses, routes] = await Promise.all([
    listEverywhere<Ingress>(cluster, '/apis/networking.k8s.io/v1', 'ingresses', countries),
    gatewayObjects<HttpRoute>(cluster, 'httproutes'),
  ])
  const gateways = routes.length === 0 ? [] : await gatewayObjects<Gateway>(cluster, 'gateways')
  return ({ namespace, host }) => {
    const found = [
      ...ingresses.filter((ingress) => serves(ingress, namespace, host)).flatMap(addressesOfIngress),
      ...routes
        .filter(
          ({ metadata, spec }) =>
            metadata.namespace === namespace && spec?.hostnames?.includes(host) === true,
        )
        .flatMap((route) => gatewaysOf(route, gateways).flatMap(addressesOfGateway)),
    ]
    return [...new Set(found)]
  }
}

function serves({ metadata, spec }: Ingress, namespace: string, wanted: string): boolean {
  return metadata?.namespace === namespace && (spec?.rules ?? []).some(({ host }) => host === wanted)
}

function addressesOfIngress({ status }: Ingress): string[] {
  return (status?.loadBalancer?.ingress ?? []).flatMap(({ ip, hostname }) => ip ?? hostname ?? [])
}

function gatewaysOf({ metadata, spec }: HttpRoute, gateways: readonly Gateway[]): Gateway[] {
  return (spec?.parentRefs ?? []).flatMap(({ name, namespace = metadata.namespace }) =>
    gateways.filter((gateway) => gateway.metadata.name === name && gateway.metadata.namespace === namespace),
  )
}

function addressesOfGateway({ status }: Gateway): string[] {
  return (status?.addresses ?? []).flatMap(({ value }) => value ?? [])
}

/** Objects of the Gateway API where it is installed and they may be read; `--ip` does without them. */
async function gatewayObjects<T>(cluster: Cluster, resource: string): Promise<T[]> {
  const answer = await cluster.exchange({ path: `/apis/gateway.networking.k8s.io/v1/${resource}` })
  return answer.status === 200 ? ((JSON.parse(answer.text) as { items: T[] | null }).items ?? []) : []
}
