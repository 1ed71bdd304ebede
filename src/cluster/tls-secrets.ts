import type { V1Ingress, V1Secret } from '@kubernetes/client-node'

import type { Cluster, ObjectMeta, Wire } from './cluster.js'
import { listEverywhere } from './workloads.js'

type Ingress = Wire<V1Ingress>

/** What of cert-manager's Certificate is looked at. */
interface Certificate {
  metadata: ObjectMeta
  spec?: { secretName?: string }
  status?: { conditions?: { type: string; status: string; message?: string }[] }
}

/** A Secret with a certificate; the private key is decoded only where it is asked for. */
export interface TlsSecret {
  name: string
  namespace: string
  /** Changes with the object. */
  resourceVersion: string | undefined
  labels: Readonly<Record<string, string>>
  annotations: Readonly<Record<string, string>>
  /** An entry as text, such as `tls.crt` in PEM; undefined where there is none. */
  entry(key: string): string | undefined
}

/** A Secret with a certificate, or undefined where there is none of that name. */
export async function findTlsSecret(
  cluster: Cluster,
  { namespace, name }: { namespace: string; name: string },
): Promise<TlsSecret | undefined> {
  const found = await cluster.find<Wire<V1Secret>>({
    path: `/api/v1/namespaces/${namespace}/secrets/${name}`,
  })
  if (found === undefined) return undefined
  const { metadata = {}, data = {} } = found
  return {
    name,
    namespace,
    resourceVersion: metadata.resourceVersion,
    labels: metadata.labels ?? {},
    annotations: metadata.annotations ?? {},
    entry: (key) => {
      const value = data[key]
      return value === undefined ? undefined : Buffer.from(value, 'base64').toString('utf8')
    },
  }
}

/** The certificate that an Ingress asks for; no Secret for the hosts it has without TLS. */
export interface IngressTls {
  namespace: string
  secret: string | undefined
  hosts: readonly string[]
}

/** What the Ingresses of the countries ask for. */
export async function ingressTls(
  cluster: Cluster,
  countries: readonly string[] | undefined,
): Promise<IngressTls[]> {
  const ingresses = await listEverywhere<Ingress>(
    cluster,
    '/apis/networking.k8s.io/v1',
    'ingresses',
    countries,
  )
  return ingresses.flatMap(({ metadata, spec }) => {
    const namespace = metadata?.namespace ?? ''
    const tls = (spec?.tls ?? []).flatMap(({ hosts = [], secretName }) =>
      secretName === undefined ? [] : [{ namespace, secret: secretName, hosts }],
    )
    const covered = new Set(tls.flatMap(({ hosts }) => hosts))
    const plain = (spec?.rules ?? []).flatMap(({ host = '' }) => (covered.has(host) ? [] : [host]))
    return [...tls, { namespace, secret: undefined, hosts: plain }]
  })
}

/**
 * Why cert-manager has not made a certificate, by `namespace/secret`; empty where it is not installed or may not be
 * asked.
 */
export async function certificateProblems(cluster: Cluster): Promise<ReadonlyMap<string, string>> {
  const answer = await cluster.exchange({ path: '/apis/cert-manager.io/v1/certificates' })
  if (answer.status !== 200) return new Map()
  const { items } = JSON.parse(answer.text) as { items: Certificate[] | null }
  return new Map(
    (items ?? []).flatMap(({ metadata, spec, status }) => {
      const ready = status?.conditions?.find(({ type }) => type === 'Ready')
      if (ready?.status === 'True') return []
      const key = `${metadata.namespace ?? ''}/${spec?.secretName ?? ''}`
      return [[key, ready?.message ?? 'cert-manager has not looked at it yet'] as const]
    }),
  )
}
