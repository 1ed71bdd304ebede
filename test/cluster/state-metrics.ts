/*
 * The few series of kube-state-metrics that the dashboard and the alerts read, made from the API server's objects: stands in for
 * the program itself, whose build would take longer than the test that needs it. Names and labels are compared with its documentation there.
 * At /cadvisor the node's figures of its containers, with their names: cAdvisor asks for those at containerd's usual socket only, and the
 * node of the tests has another. At /targets the ports of all pods, for Prometheus' HTTP service discovery: Debian's Prometheus is built without that for Kubernetes.
 * Run inside the cluster's network namespace: `state-metrics.ts PORT`.
 */
import type { V1Deployment, V1Node, V1Pod, V2HorizontalPodAutoscaler } from '@kubernetes/client-node'
import { createServer } from 'node:http'
import { fileURLToPath } from 'node:url'

import { connect } from '../../src/cluster/client.js'
import type { Cluster, Wire } from '../../src/cluster/cluster.js'
import { parseQuantity } from '../../src/cluster/quantity.js'

type Labels = Record<string, string>

/** A sample: the series' name, its labels, its value. */
type Sample = [string, Labels, number]

/** Every series, with its labels in the order of kube-state-metrics' documentation. */
export const SERIES: Record<string, string[]> = {
  kube_deployment_status_replicas_available: ['deployment', 'namespace'],
  kube_horizontalpodautoscaler_spec_min_replicas: ['horizontalpodautoscaler', 'namespace'],
  kube_horizontalpodautoscaler_spec_max_replicas: ['horizontalpodautoscaler', 'namespace'],
  kube_horizontalpodautoscaler_status_current_replicas: ['horizontalpodautoscaler', 'namespace'],
  kube_pod_container_status_restarts_total: ['container', 'namespace', 'pod', 'uid'],
  kube_pod_init_container_status_restarts_total: ['container', 'namespace', 'pod', 'uid'],
  kube_pod_container_resource_requests: ['resource', 'unit', 'container', 'pod', 'namespace', 'node', 'uid'],
  kube_pod_container_resource_limits: ['resource', 'unit', 'container', 'pod', 'namespace', 'node', 'uid'],
}

async function samples(cluster: Cluster): Promise<Sample[]> {
  const [deployments, autoscalers, pods] = await Promise.all([
    cluster.list<Wire<V1Deployment>>({ path: '/apis/apps/v1/deployments' }),
    cluster.list<Wire<V2HorizontalPodAutoscaler>>({ path: '/apis/autoscaling/v2/horizontalpodautoscalers' }),
    cluster.list<Wire<V1Pod>>({ path: '/api/v1/pods' }),
  ])
  return [
    ...deployments.map(({ metadata, status }): Sample => {
      const labels = { deployment: metadata?.name ?? '', namespace: metadata?.namespace ?? '' }
      return ['kube_deployment_status_replicas_available', labels, status?.availableReplicas ?? 0]
    }),
    ...autoscalers.flatMap(({ metadata, spec, status }): Sample[] => {
      const labels = { horizontalpodautoscaler: metadata?.name ?? '', namespace: metadata?.namespace ?? '' }
      const name = 'kube_horizontalpodautoscaler'
      return [
        [`${name}_spec_min_replicas`, labels, spec?.minReplicas ?? 1],
        [`${name}_spec_max_replicas`, labels, spec?.maxReplicas ?? 0],
        [`${name}_status_current_replicas`, labels, status?.currentReplicas ?? 0],
      ]
    }),
    ...pods.flatMap(podSamples),
  ]
}

function podSamples({ metadata, spec, status }: Wire<V1Pod>): Sample[] {
  const pod = {
    pod: metadata?.name ?? '',
    namespace: metadata?.namespace ?? '',
    uid: metadata?.uid ?? '',
  }
  const restarts = (kind: string, all: { name: string; restartCount: number }[] = []): Sample[] =>
    all.map(({ name, restartCount }) => [
      `kube_pod_${kind}_status_restarts_total`,
      { ...pod, container: name },
      restartCount,
    ])
  const resources = (spec?.containers ?? []).flatMap(({ name, resources = {} }) =>
    (['requests', 'limits'] as const).flatMap((kind) =>
      Object.entries(resources[kind] ?? {}).map(([resource, text]): Sample => {
        const where = { ...pod, container: name, node: spec?.nodeName ?? '' }
        const unit = resource === 'cpu' ? 'core' : 'byte'
        return [`kube_pod_container_resource_${kind}`, { ...where, resource, unit }, parseQuantity(text) ?? 0]
      }),
    ),
  )
  return [
    ...restarts('container', status?.containerStatuses),
    ...restarts('init_container', status?.initContainerStatuses),
    ...resources,
  ]
}

/** The targets and labels that Prometheus' own discovery has for role `pod`: each port of each container, init containers too. */
async function targets(cluster: Cluster): Promise<{ targets: string[]; labels: Labels }[]> {
  const pods = await cluster.list<Wire<V1Pod>>({ path: '/api/v1/pods' })
  return pods.flatMap(({ metadata, spec, status }) =>
    [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])].flatMap(({ name, ports = [] }) =>
      ports.map((port) => ({
        targets: [`${status?.podIP ?? ''}:${String(port.containerPort)}`],
        labels: {
          __meta_kubernetes_namespace: metadata?.namespace ?? '',
          __meta_kubernetes_pod_name: metadata?.name ?? '',
          __meta_kubernetes_pod_phase: status?.phase ?? '',
          __meta_kubernetes_pod_container_name: name,
          __meta_kubernetes_pod_container_port_name: port.name ?? '',
          ...Object.fromEntries(
            Object.entries(metadata?.labels ?? {}).map(([label, value]) => [
              `__meta_kubernetes_pod_label_${label.replaceAll(/[^\w]/g, '_')}`,
              value,
            ]),
          ),
        },
      })),
    ),
  )
}

/** What the kubelet says of its containers, whose names it leaves empty here, with the names of the pods' own status. */
async function containers(cluster: Cluster): Promise<string> {
  const [nodes, pods] = await Promise.all([
    cluster.list<Wire<V1Node>>({ path: '/api/v1/nodes' }),
    cluster.list<Wire<V1Pod>>({ path: '/api/v1/pods' }),
  ])
  const names = new Map<string, string>()
  for (const { metadata, status } of pods)
    for (const { name, containerID } of [
      ...(status?.containerStatuses ?? []),
      ...(status?.initContainerStatuses ?? []),
    ])
      names.set(
        containerID?.replace(/^.*\//, '') ?? '',
        `container="${name}",namespace="${metadata?.namespace ?? ''}",pod="${metadata?.name ?? ''}",`,
      )
  const path = `/api/v1/nodes/${nodes[0]?.metadata?.name ?? ''}/proxy/metrics/cadvisor`
  const { text } = await cluster.exchange({ path })
  const named = text.split('\n').map((row) => {
    const name = names.get(/id="[^"]*\/([0-9a-f]{64})"/.exec(row)?.[1] ?? '')
    return name === undefined
      ? row
      : row.replaceAll(/(container|namespace|pod)="",?/g, '').replace('{', `{${name}`)
  })
  return named.join('\n')
}

function line([name, labels, value]: Sample): string {
  const keys = SERIES[name]
  if (keys === undefined || Object.keys(labels).some((key) => !keys.includes(key)))
    throw new Error(`${name} with ${Object.keys(labels).join(', ')} is no series of kube-state-metrics`)
  return `${name}{${keys.map((key) => `${key}="${labels[key] ?? ''}"`).join(',')}} ${String(value)}`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const cluster = await connect({})
  createServer((request, response) => {
    const text = async () => {
      if (request.url === '/targets') return JSON.stringify(await targets(cluster))
      if (request.url === '/cadvisor') return containers(cluster)
      return `${(await samples(cluster)).map(line).join('\n')}\n`
    }
    text().then(
      (body) => {
        if (request.url === '/targets') response.setHeader('content-type', 'application/json')
        response.end(body)
      },
      (error: unknown) => response.writeHead(500).end(String(error)),
    )
  }).listen(Number(process.argv[2]), '127.0.0.1')
}
