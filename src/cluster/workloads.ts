import type {
  V1Deployment,
  V1Ingress,
  V2HorizontalPodAutoscaler,
  V2MetricSpec,
  V2MetricStatus,
} from '@kubernetes/client-node'

import { APPS, countryNamespace, deploymentName } from '../values/contract.js'
import { isForbidden } from './access.js'
import type { Cluster, ObjectMeta, Wire } from './cluster.js'

type Deployment = Wire<V1Deployment>
type Autoscaler = Wire<V2HorizontalPodAutoscaler>
type Ingress = Wire<V1Ingress>
interface HttpRoute {
  metadata: ObjectMeta
  spec?: { hostnames?: string[] }
}

/** What scales a Deployment, and what it sees. */
export interface Autoscaling {
  minReplicas: number
  maxReplicas: number
  currentReplicas: number
  /** Per cent of the requested CPU. */
  targetCpu?: number
  /** Undefined while unknown; `problem` then says why. */
  currentCpu?: number
  problem?: string
}

/** One app in one country, as it runs. */
export interface Workload {
  app: string
  country: string
  namespace: string
  /** From `APP_NAME`, which is `<app>-<environment>`. */
  environment?: string
  image: string
  replicas: number
  ready: number
  /** The Deployment controller has seen the newest change and all its pods are up to date. */
  upToDate: boolean
  autoscaling?: Autoscaling
  hosts: string[]
  createdAt: string
  /** The helm release it belongs to; undefined for Argo CD and plain manifests. */
  release?: { name: string; namespace: string }
  /** The tool that made it, when no helm release did, such as `Argo CD`. */
  managedBy?: string
  /** The Application of Argo CD that keeps it as git has it, also where a release made it once. */
  application?: string
}

interface Filter {
  apps?: readonly string[] | undefined
  countries?: readonly string[] | undefined
  /** False saves the two requests for the hosts, of which there are none then. */
  hosts?: boolean
}

/**
 * Every app in every `we-road-*` namespace, by app and country. Four requests in all, not four per country; only
 * where the user may not list across namespaces, each of `countries` is asked for.
 * @throws ClusterAccessError when neither is allowed
 */
export async function workloads(cluster: Cluster, filter: Filter = {}): Promise<Workload[]> {
  const { apps = APPS, hosts: withHosts = true } = filter
  const [deployments, autoscalers, ingresses, routes] = await Promise.all([
    listEverywhere<Deployment>(cluster, '/apis/apps/v1', 'deployments', filter.countries),
    listEverywhere<Autoscaler>(cluster, '/apis/autoscaling/v2', 'horizontalpodautoscalers', filter.countries),
    withHosts
      ? listEverywhere<Ingress>(cluster, '/apis/networking.k8s.io/v1', 'ingresses', filter.countries)
      : [],
    withHosts ? httpRoutes(cluster) : [],
  ])
  const hosts = hostsByNamespace(ingresses, routes)
  return deployments
    .flatMap((deployment) => {
      const place = placeOf(deployment)
      if (!place || !apps.includes(place.app)) return []
      if (filter.countries && !filter.countries.includes(place.country)) return []
      const autoscaler = autoscalers.find(
        ({ metadata, spec }) =>
          metadata?.namespace === place.namespace && spec?.scaleTargetRef.name === deployment.metadata?.name,
      )
      return [workload(place, deployment, autoscaler, hosts.get(place.namespace) ?? [])]
    })
    .sort((a, b) => a.app.localeCompare(b.app) || a.country.localeCompare(b.country))
}

interface Place {
  app: string
  country: string
  namespace: string
}

function placeOf(deployment: Deployment): Place | undefined {
  const { name = '', namespace = '' } = deployment.metadata ?? {}
  const country = /^we-road-([a-z]{2})$/.exec(namespace)?.[1]
  if (country === undefined) return undefined
  const app = APPS.find((candidate) => deploymentName(candidate, country) === name)
  return app === undefined ? undefined : { app, country, namespace }
}

function workload(
  place: Place,
  deployment: Deployment,
  autoscaler: Autoscaler | undefined,
  hosts: readonly string[],
): Workload {
  const { creationTimestamp = '' } = deployment.metadata ?? {}
  const { replicas = 1 } = deployment.spec ?? {}
  const environment = environmentOf(place.app, deployment)
  return {
    ...place,
    ...(environment === undefined ? {} : { environment }),
    image: deployment.spec?.template.spec?.containers[0]?.image ?? '',
    replicas,
    ready: deployment.status?.readyReplicas ?? 0,
    upToDate: isUpToDate(deployment, replicas),
    ...(autoscaler === undefined ? {} : { autoscaling: autoscaling(autoscaler) }),
    hosts: hosts.filter((host) => host.startsWith(deploymentName(place.app, place.country))),
    createdAt: creationTimestamp,
    ...ownerOf(deployment.metadata ?? {}),
  }
}

function environmentOf(app: string, deployment: Deployment): string | undefined {
  const { env = [] } = deployment.spec?.template.spec?.containers[0] ?? {}
  const appName = env.find(({ name }) => name === 'APP_NAME')?.value
  return appName?.startsWith(`${app}-`) ? appName.slice(app.length + 1) : undefined
}

function isUpToDate(deployment: Deployment, replicas: number): boolean {
  const { observedGeneration = 0, updatedReplicas = 0, replicas: all = 0 } = deployment.status ?? {}
  const seen = observedGeneration >= (deployment.metadata?.generation ?? 0)
  // While a new pod does not come up, the old one stays and counts as ready.
  return seen && updatedReplicas >= replicas && all <= updatedReplicas
}

function ownerOf(metadata: Partial<ObjectMeta>): Pick<Workload, 'release' | 'managedBy' | 'application'> {
  const annotations = metadata.annotations ?? {}
  const name = annotations['meta.helm.sh/release-name']
  const application = trackedBy(metadata, 'apps/Deployment')
  const tracked = application === undefined ? {} : { application }
  if (name !== undefined)
    return { release: { name, namespace: annotations['meta.helm.sh/release-namespace'] ?? '' }, ...tracked }
  // Argo CD renders the chart itself: Helm's "managed-by" label is there, a release is not.
  return { managedBy: application === undefined ? 'manifests' : 'Argo CD', ...tracked }
}

/**
 * The Application that an object says it belongs to, by the annotation or the label with which Argo CD tracks what it
 * made. An annotation that speaks of another object was only copied along with it, and counts for nothing, as for
 * Argo CD itself (argo-cd's util/argo/resource_tracking.go).
 */
function trackedBy(
  { name = '', namespace = '', labels = {}, annotations = {} }: Partial<ObjectMeta>,
  kind: string,
): string | undefined {
  const label = labels['argocd.argoproj.io/instance']
  const [, application, object] =
    /^([^:]+):(.+)$/.exec(annotations['argocd.argoproj.io/tracking-id'] ?? '') ?? []
  const own = object === `${kind}:${namespace}/${name}` ? application : undefined
  // `<namespace>_<name>` of an Application that is not in Argo CD's own namespace.
  return (own ?? (label || undefined))?.replace(/^.*_/, '')
}

/**
 * The Applications of Argo CD that the apps in some countries say they belong to; one request.
 */
export async function applicationsOf(
  cluster: Cluster,
  instances: readonly { app: string; country: string }[],
): Promise<Pick<Workload, 'app' | 'country' | 'application'>[]> {
  const countries = [...new Set(instances.map(({ country }) => country))]
  const deployments = await listEverywhere<Deployment>(cluster, '/apis/apps/v1', 'deployments', countries)
  return deployments.flatMap((deployment) => {
    const place = placeOf(deployment)
    if (!instances.some(({ app, country }) => app === place?.app && country === place.country)) return []
    const application = trackedBy(deployment.metadata ?? {}, 'apps/Deployment')
    return place === undefined || application === undefined ? [] : [{ ...place, application }]
  })
}

function autoscaling({ spec, status }: Autoscaler): Autoscaling {
  const { metrics = [], minReplicas = 1, maxReplicas = 0 } = spec ?? {}
  const { currentMetrics, currentReplicas = 0 } = status ?? {}
  const targetCpu = metrics.map((metric) => cpuTarget(metric)).find(isNumber)
  const currentCpu = (currentMetrics ?? []).map((metric) => cpuNow(metric)).find(isNumber)
  const problem = scalingProblem(status) ?? (currentCpu === undefined ? 'no measurement yet' : undefined)
  return {
    minReplicas,
    maxReplicas,
    currentReplicas,
    ...(targetCpu === undefined ? {} : { targetCpu }),
    ...(currentCpu === undefined ? {} : { currentCpu }),
    ...(problem === undefined ? {} : { problem }),
  }
}

function scalingProblem(status: Autoscaler['status']): string | undefined {
  const failed = (status?.conditions ?? []).find(
    (condition) => ['ScalingActive', 'AbleToScale'].includes(condition.type) && condition.status === 'False',
  )
  return failed && `${failed.reason ?? failed.type}: ${failed.message ?? ''}`
}

function cpuTarget(metric: Wire<V2MetricSpec>): number | undefined {
  const source = metric.containerResource ?? metric.resource
  return source?.name === 'cpu' ? source.target.averageUtilization : undefined
}

function cpuNow(metric: Wire<V2MetricStatus>): number | undefined {
  const source = metric.containerResource ?? metric.resource
  return source?.name === 'cpu' ? source.current.averageUtilization : undefined
}

function isNumber(value: number | undefined): value is number {
  return value !== undefined
}

function hostsByNamespace(
  ingresses: readonly Ingress[],
  routes: readonly HttpRoute[],
): Map<string, string[]> {
  const hosts = new Map<string, string[]>()
  const add = (namespace: string | undefined, found: readonly string[]) => {
    if (namespace === undefined) return
    hosts.set(namespace, [...new Set([...(hosts.get(namespace) ?? []), ...found])])
  }
  for (const { metadata, spec } of ingresses)
    add(
      metadata?.namespace,
      (spec?.rules ?? []).flatMap(({ host }) => host ?? []),
    )
  for (const { metadata, spec } of routes) add(metadata.namespace, spec?.hostnames ?? [])
  return hosts
}

/** HTTPRoutes where the Gateway API is installed and may be read; hosts are not worth an error. */
async function httpRoutes(cluster: Cluster): Promise<HttpRoute[]> {
  const answer = await cluster.exchange({ path: '/apis/gateway.networking.k8s.io/v1/httproutes' })
  return answer.status === 200 ? ((JSON.parse(answer.text) as { items: HttpRoute[] | null }).items ?? []) : []
}

/**
 * All objects of a kind, in one request where the user may list across namespaces, otherwise from the namespace of
 * each of `countries`.
 */
export async function listEverywhere<T>(
  cluster: Cluster,
  group: string,
  resource: string,
  countries: readonly string[] | undefined,
): Promise<T[]> {
  try {
    return await cluster.list<T>({ path: `${group}/${resource}` })
  } catch (error) {
    if (countries === undefined || !isForbidden(error)) throw error
  }
  const parts = await Promise.all(
    countries.map(async (country) =>
      cluster.list<T>({ path: `${group}/namespaces/${countryNamespace(country)}/${resource}` }),
    ),
  )
  return parts.flat()
}
