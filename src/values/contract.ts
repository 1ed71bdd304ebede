/** The fixed vocabulary of k8sflow: its apps, environments and names in the cluster (docs/decisions/0019). */

export const APPS = ['app1', 'app2'] as const
export type App = (typeof APPS)[number]

export const ENVIRONMENTS = ['production', 'staging'] as const
export type Environment = (typeof ENVIRONMENTS)[number]

/** The key of a values file that holds an app. */
export const APP_KEYS = { app1: 'firstApp', app2: 'secondApp' } as const satisfies Record<App, string>
export type AppKey = (typeof APP_KEYS)[App]

/** Two lower-case letters; upper case is accepted on the command line and lower-cased. */
export const COUNTRY_PATTERN = /^[a-z]{2}$/

/** Where release records live unless `--namespace` says otherwise. */
export const RELEASE_NAMESPACE = 'we-road'

/** The namespace that holds both apps of a country. */
export function countryNamespace(country: string): string {
  return `we-road-${country}`
}

/** The name of an app's Deployment, HPA and pods' `app` label in a country. */
export function deploymentName(app: string, country: string): string {
  return `${app}-${country}`
}

/** The name of an app's Service in a country. */
export function serviceName(app: string, country: string): string {
  return `${app}-svc-${country}`
}

/** The Secret with an app's certificate in a country, unless its values name another. */
export function tlsSecretName(app: string, country: string): string {
  return `${app}-${country}-tls`
}

/** The DNS domain in which all hosts of the apps are. */
export const HOST_DOMAIN = 'info'

/** The text `GET /ping` answers with. */
export function pingAnswer(app: string, environment: string, country: string): string {
  return `hello from ${app}-${environment}-${country}`
}
