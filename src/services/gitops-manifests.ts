import { APP_KEYS, APPS, countryNamespace, deploymentName, RELEASE_NAMESPACE } from '../values/contract.js'
import { mapping, mergeValues, type PlannedRelease, type ValuesMap } from './deploy-plan.js'

/** Name of the AppProject, and start of the Applications' names. */
export const PROJECT = 'we-road'
/** Where Argo CD's own installation puts it. */
export const ARGOCD_NAMESPACE = 'argocd'

const API_VERSION = 'argoproj.io/v1alpha1'
/** The cluster that Argo CD itself runs in. */
const OWN_CLUSTER = 'https://kubernetes.default.svc'

/** What the manifests are made of. */
export interface GitopsPlan {
  /** Where Argo CD fetches from. */
  repo: string
  /** Branch, tag or commit. */
  revision: string
  /** The chart's folder, from the top of the repository. */
  chart: string
  /** Argo CD's own namespace. */
  argocdNamespace: string
  /** Where release records would be: what templates see as the release's namespace. */
  namespace: string
  releases: PlannedRelease[]
  /** One release for all apps, rather than one per app. */
  single: boolean
  /** A values file as Argo CD takes it: from the top of the repository, with a leading slash. */
  inRepository: (path: string) => string
}

/** An object of Argo CD's, as far as k8sflow writes it. */
export interface ArgoObject {
  apiVersion: string
  kind: 'AppProject' | 'Application'
  metadata: {
    name: string
    namespace: string
    labels: Record<string, string>
    annotations?: Record<string, string>
  }
  spec: Record<string, unknown>
}

/** One file to write. */
export interface GitopsManifest {
  /** Its name in the folder. */
  file: string
  object: ArgoObject
}

/**
 * The AppProject, the Application that owns the namespaces, and one Application per release. What Argo CD renders
 * for a release is what `deploy` applies: the same chart, values, release name and namespace.
 */
export function gitopsManifests(plan: GitopsPlan): GitopsManifest[] {
  return [
    { file: 'project.yaml', object: project(plan) },
    { file: 'namespaces.yaml', object: namespacesApplication(plan) },
    ...plan.releases.map((release) => ({
      file: `${releaseLabel(plan, release)}.yaml`,
      object: releaseApplication(plan, release),
    })),
  ]
}

/** Named after the one app, so that the file of the other layout is recognised; `apps` where one release holds all. */
export const RELEASE_FILES = [...APPS, 'apps'] as const

function releaseLabel({ single }: GitopsPlan, release: PlannedRelease): string {
  return single ? 'apps' : release.release
}

/** Only this repository, only the countries' namespaces, and of what belongs to no namespace only namespaces. */
function project(plan: GitopsPlan): ArgoObject {
  return {
    apiVersion: API_VERSION,
    kind: 'AppProject',
    metadata: metadata(plan, PROJECT),
    spec: {
      description: 'app1 and app2, one namespace per country',
      sourceRepos: [plan.repo],
      destinations: [plan.namespace, countryNamespace('*')].map((namespace) => ({
        server: OWN_CLUSTER,
        namespace,
      })),
      clusterResourceWhitelist: [{ group: '', kind: 'Namespace' }],
    },
  }
}

/**
 * The one owner of all namespaces: both apps share them, and two owners would fight for ever. They are never
 * pruned and stay when the Application goes: so say their own annotations, and once more this.
 */
function namespacesApplication(plan: GitopsPlan): ArgoObject {
  const files = [...new Set(plan.releases.flatMap(({ sources }) => sources.map(({ path }) => path)))]
  return application(plan, {
    name: `${PROJECT}-namespaces`,
    wave: '-1',
    releaseName: `${PROJECT}-namespaces`,
    files,
    values: { namespaces: { create: true, only: true } },
    syncPolicy: {
      automated: { prune: false, selfHeal: true },
      syncOptions: ['ServerSideApply=true', 'Delete=false'],
    },
  })
}

function releaseApplication(plan: GitopsPlan, release: PlannedRelease): ArgoObject {
  const ignored = scaledDeployments(release)
  return application(plan, {
    name: `${PROJECT}-${releaseLabel(plan, release)}`,
    wave: '0',
    releaseName: release.release,
    files: release.sources.map(({ path }) => path),
    values: { namespaces: { create: false }, ...othersOff(release) },
    syncPolicy: {
      automated: { prune: true, selfHeal: true },
      syncOptions: ['CreateNamespace=true', 'ServerSideApply=true', 'RespectIgnoreDifferences=true'],
      // Applied all at once, the apps may come before their namespaces.
      retry: { limit: 10, backoff: { duration: '10s', factor: 2, maxDuration: '3m' } },
    },
    ...(ignored.length === 0 ? {} : { ignoreDifferences: ignored }),
  })
}

interface ApplicationParts {
  name: string
  /** Order within an Application of Applications; elsewhere it says nothing. */
  wave: string
  releaseName: string
  files: readonly string[]
  values: ValuesMap
  syncPolicy: object
  ignoreDifferences?: readonly object[]
}

function application(
  plan: GitopsPlan,
  { name, wave, releaseName, files, values, syncPolicy, ignoreDifferences }: ApplicationParts,
): ArgoObject {
  return {
    apiVersion: API_VERSION,
    kind: 'Application',
    metadata: { ...metadata(plan, name), annotations: { 'argocd.argoproj.io/sync-wave': wave } },
    spec: {
      project: PROJECT,
      source: {
        repoURL: plan.repo,
        targetRevision: plan.revision,
        path: plan.chart,
        helm: {
          releaseName,
          valueFiles: files.map((file) => plan.inRepository(file)),
          valuesObject: values,
          skipTests: true,
        },
      },
      destination: { server: OWN_CLUSTER, namespace: plan.namespace },
      syncPolicy,
      ...(ignoreDifferences === undefined ? {} : { ignoreDifferences }),
    },
  }
}

function metadata({ argocdNamespace }: GitopsPlan, name: string) {
  return { name, namespace: argocdNamespace, labels: { 'app.kubernetes.io/part-of': RELEASE_NAMESPACE } }
}

/** Switches off the app that stands in the same file and has a release of its own, as `deploy` leaves it out. */
function othersOff({ apps, sources }: PlannedRelease): ValuesMap {
  const keys = APPS.filter((app) => !apps.includes(app))
    .map((app) => APP_KEYS[app])
    .filter((key) => sources.some(({ values }) => Object.keys(mapping(values[key])).length > 0))
  return Object.fromEntries(keys.map((key) => [key, { create: false }]))
}

/**
 * The Deployments whose replicas an autoscaler sets: all of them in one entry, or each by name where some have none,
 * since there the number in Git must count.
 */
function scaledDeployments({ instances, values }: PlannedRelease): object[] {
  const scaled = instances.filter(({ app, country }) => isScaled(mapping(values[APP_KEYS[app]]), country))
  const deployment = { group: 'apps', kind: 'Deployment' }
  const jsonPointers = ['/spec/replicas']
  if (scaled.length === instances.length) return scaled.length === 0 ? [] : [{ ...deployment, jsonPointers }]
  return scaled.map(({ app, country }) => ({
    ...deployment,
    name: deploymentName(app, country),
    namespace: countryNamespace(country),
    jsonPointers,
  }))
}

function isScaled(section: ValuesMap, country: string): boolean {
  const { autoscaling } = mergeValues(section, mapping(mapping(section['perCountry'])[country]))
  return mapping(autoscaling)['enabled'] !== false
}
