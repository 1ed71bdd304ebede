import type { V1Node, V1NodeSelectorRequirement, V1NodeSelectorTerm, V1Taint } from '@kubernetes/client-node'

import { platformText } from '../images/platform.js'
import { isForbidden } from './access.js'
import type { Cluster, Wire } from './cluster.js'

/** A node, as far as it matters for which pods it can get. */
export interface ClusterNode {
  name: string
  /** What it runs: `linux/arm64`. */
  platform: string
  labels: Readonly<Record<string, string>>
  taints: readonly Wire<V1Taint>[]
  /** Ready, and not cordoned. */
  available: boolean
}

/** What a pod asks of its node, as values files and manifests have it; whatever is no such thing asks for nothing. */
export interface Placement {
  nodeSelector?: unknown
  affinity?: unknown
  tolerations?: unknown
}

/** Taints of these effects keep pods away; PreferNoSchedule only makes a node the last choice. */
const REPELLING = new Set(['NoSchedule', 'NoExecute'])

/** All nodes; undefined where the user may not list them, as one who has rights in namespaces only. */
export async function clusterNodes(cluster: Cluster): Promise<ClusterNode[] | undefined> {
  try {
    const nodes = await cluster.list<Wire<V1Node>>({ path: '/api/v1/nodes' })
    return nodes.map((node) => clusterNode(node)).sort((a, b) => a.name.localeCompare(b.name))
  } catch (error) {
    if (isForbidden(error)) return undefined
    throw error
  }
}

/**
 * The addresses at which the nodes reach each other, IPv4 and IPv6.
 * @throws ClusterAccessError when they may not be listed, or no answer comes in so many milliseconds
 */
export async function nodeAddresses(cluster: Cluster, timeoutMs: number): Promise<string[]> {
  const nodes = await cluster.list<Wire<V1Node>>({ path: '/api/v1/nodes', timeoutMs })
  return nodes
    .flatMap(({ status }) => status?.addresses ?? [])
    .flatMap(({ type, address }) => (type === 'InternalIP' ? [address] : []))
}

/**
 * Whether the scheduler could give a node a pod, going by what is about nodes only: nodeSelector, required node
 * affinity, and taints (kubernetes.io/docs: "Assigning Pods to Nodes", "Taints and Tolerations"). What cannot be judged
 * counts as a yes.
 */
export function couldRun({ nodeSelector, affinity, tolerations }: Placement, node: ClusterNode): boolean {
  return (
    node.available &&
    Object.entries(asObject(nodeSelector)).every(([key, value]) => hasLabel(node, key, value)) &&
    fitsAffinity(asObject(affinity), node) &&
    node.taints.every((taint) => !REPELLING.has(taint.effect) || isTolerated(taint, asList(tolerations)))
  )
}

function clusterNode({ metadata = {}, spec = {}, status = {} }: Wire<V1Node>): ClusterNode {
  const { operatingSystem = '', architecture = '' } = status.nodeInfo ?? {}
  const ready = (status.conditions ?? []).some(
    (condition) => condition.type === 'Ready' && condition.status === 'True',
  )
  return {
    name: metadata.name ?? '',
    platform: platformText({ os: operatingSystem, architecture }) ?? 'unknown',
    labels: metadata.labels ?? {},
    taints: spec.taints ?? [],
    available: ready && spec.unschedulable !== true,
  }
}

/** helm takes a key out where its value is null. */
function hasLabel({ labels }: ClusterNode, key: string, value: unknown): boolean {
  return value === null || labels[key] === String(value)
}

function fitsAffinity(affinity: Record<string, unknown>, node: ClusterNode): boolean {
  const required = asObject(
    asObject(affinity['nodeAffinity'])['requiredDuringSchedulingIgnoredDuringExecution'],
  )
  const terms = required['nodeSelectorTerms']
  return !Array.isArray(terms) || terms.some((term) => fitsTerm(asObject(term), node))
}

/** All of a term's requirements must hold; a term without any matches no node. */
function fitsTerm(term: Wire<V1NodeSelectorTerm>, { name, labels }: ClusterNode): boolean {
  const { matchExpressions, matchFields } = term
  const requirements = [
    ...asList(matchExpressions).map((one) => fitsRequirement(one, labels)),
    // The only field there is.
    ...asList(matchFields).map((one) => fitsRequirement(one, { 'metadata.name': name })),
  ]
  return requirements.length > 0 && requirements.every(Boolean)
}

function fitsRequirement(requirement: unknown, labels: Readonly<Record<string, string>>): boolean {
  const { key = '', operator, values } = asObject(requirement) as Partial<Wire<V1NodeSelectorRequirement>>
  const label = Object.hasOwn(labels, key) ? labels[key] : undefined
  const listed = label !== undefined && asList(values).some((value) => String(value) === label)
  switch (operator) {
    case 'In':
      return listed
    case 'NotIn':
      return !listed
    case 'Exists':
      return label !== undefined
    case 'DoesNotExist':
      return label === undefined
    case 'Gt':
      return Number(label) > Number(asList(values)[0])
    case 'Lt':
      return Number(label) < Number(asList(values)[0])
    default:
      return true
  }
}

function isTolerated(taint: Wire<V1Taint>, tolerations: readonly unknown[]): boolean {
  return tolerations.some((one) => {
    const { key, operator, value, effect } = asObject(one)
    if (effect && effect !== taint.effect) return false
    if (!key) return operator === 'Exists'
    if (key !== taint.key) return false
    // Nothing and an empty text are Equal, too.
    return (operator || 'Equal') !== 'Equal' || String(value ?? '') === (taint.value ?? '')
  })
}

function asObject(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {}
}

function asList(value: unknown): unknown[] {
  return Array.isArray(value) ? value : []
}
