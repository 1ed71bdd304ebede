import type { X509Certificate } from 'node:crypto'

import type { Cluster } from '../cluster/cluster.js'
import type { IngressTls, TlsSecret } from '../cluster/tls-secrets.js'
import type { Workload } from '../cluster/workloads.js'
import { FailedError, InvalidInputError } from '../errors.js'
import { tlsSecretName } from '../values/contract.js'
import { checkSelection, type RawSelection } from './selection.js'
import {
  certificateFacts,
  certificatesIn,
  DAY_MS,
  hasNotBegun,
  keyFits,
  timeLeft,
} from './tls-certificate.js'
import { type CertificateSource, secretSource, unusedNotes } from './tls-names.js'

export interface TlsStatusOptions extends RawSelection {
  kubeconfig?: string | undefined
  context?: string | undefined
  /** How long before its end a certificate counts as expiring, such as `21d`. */
  within?: string | undefined
}

/**
 * `no TLS`: nobody asks for a certificate; `missing`: the Secret is not there, and the ingress controller shows one of
 * its own; `unusable`: the Secret holds no certificate with its key; `wrong host`: the certificate is for others.
 */
export type TlsState =
  'valid' | 'expiring' | 'expired' | 'not yet valid' | 'missing' | 'unusable' | 'wrong host' | 'no TLS'

/** The certificate of one host. */
export interface HostCertificate {
  app: string
  country: string
  host: string
  state: TlsState
  namespace: string
  /** Null where there is no TLS. */
  secret: string | null
  source: CertificateSource | null
  /** Common name of the issuer. */
  issuer: string | null
  /** ISO 8601, UTC. */
  notBefore: string | null
  /** ISO 8601, UTC. */
  notAfter: string | null
  /** SHA-256. */
  fingerprint: string | null
  /** Why cert-manager has not made it; null where there is nothing to say. */
  problem: string | null
}

export interface TlsStatusResult {
  context: string
  /** What counted as expiring. */
  within: string
  certificates: HostCertificate[]
  /** Whether no certificate is expiring, expired, not valid yet or otherwise wrong. */
  good: boolean
  notes: string[]
}

const UNITS: Readonly<Record<string, number>> = { d: DAY_MS, h: DAY_MS / 24, w: 7 * DAY_MS }

/**
 * Looks at the certificate of every host of every deployed app.
 * @throws InvalidInputError when `within` is not a time
 */
export async function tlsStatus(options: TlsStatusOptions, now = new Date()): Promise<TlsStatusResult> {
  const { within = '21d' } = options
  const withinMs = timeOf(within)
  const { apps, countries } = await checkSelection(options)
  const { connect } = await import('../cluster/client.js')
  const { checkAccess } = await import('../cluster/access.js')
  const { workloads } = await import('../cluster/workloads.js')
  const { certificateProblems, ingressTls } = await import('../cluster/tls-secrets.js')
  const cluster = await connect(options)
  await checkAccess(cluster)
  const [deployed, asked, problems] = await Promise.all([
    workloads(cluster, { apps, countries }),
    ingressTls(cluster, countries),
    certificateProblems(cluster),
  ])
  const certificates = await Promise.all(
    deployed.flatMap((workload) =>
      workload.hosts.map(async (host) => {
        const seen = await secretOf(cluster, { workload, host, asked })
        const problem = problems.get(`${workload.namespace}/${seen.name}`)
        return judged(workload, host, { ...seen, problem, withinMs, now })
      }),
    ),
  )
  return {
    context: cluster.context,
    within,
    certificates,
    good: certificates.every(({ state }) => state === 'valid' || state === 'no TLS'),
    notes: certificates.length === 0 ? ['No app that is deployed has a host.'] : unused(certificates, asked),
  }
}

/** What `--check` ends with: undefined where every certificate is good. */
export function tlsStatusError({ certificates, good, within }: TlsStatusResult): FailedError | undefined {
  if (good) return undefined
  const bad = certificates.filter(({ state }) => state !== 'valid' && state !== 'no TLS')
  return new FailedError(
    `Not good for ${within} more: ${bad.map(({ host, state }) => `${host} (${state})`).join(', ')}.`,
    {
      code: 'CERTIFICATE_NOT_GOOD',
      suggestions: bad.some(({ source }) => source === 'cert-manager')
        ? ['Ask cert-manager why it has not renewed it: kubectl describe certificate -A']
        : ['Make it anew: k8sflow tls self-signed'],
    },
  )
}

interface Seen {
  /** Of the Secret. */
  name: string
  secret: TlsSecret | undefined
  /** Whether an Ingress asks for it. */
  asked: boolean
}

/** The Secret that the Ingress of a host names; without TLS there, the one a Gateway may use. */
async function secretOf(
  cluster: Cluster,
  { workload, host, asked }: { workload: Workload; host: string; asked: readonly IngressTls[] },
): Promise<Seen> {
  const { findTlsSecret } = await import('../cluster/tls-secrets.js')
  const { app, country, namespace } = workload
  const tls = ingressOf(asked, namespace, host).find(({ secret }) => secret !== undefined)
  const name = tls?.secret ?? tlsSecretName(app, country)
  return { name, secret: await findTlsSecret(cluster, { namespace, name }), asked: tls !== undefined }
}

function ingressOf(asked: readonly IngressTls[], namespace: string, host: string): IngressTls[] {
  return asked.filter((item) => item.namespace === namespace && item.hosts.includes(host))
}

/** Of certificates that are there while the Ingress shows the ingress controller's own. */
function unused(certificates: readonly HostCertificate[], asked: readonly IngressTls[]): string[] {
  const idle = certificates.filter(({ namespace, host, secret: has }) => {
    const own = ingressOf(asked, namespace, host)
    return has !== null && own.length > 0 && own.every(({ secret }) => secret === undefined)
  })
  const names = idle.map(({ app, country }) => `${app}/${country}`)
  return unusedNotes([...new Set(names)], 'ingress.tls.enabled')
}

function judged(
  { app, country, namespace }: Workload,
  host: string,
  seen: Seen & { problem: string | undefined; withinMs: number; now: Date },
): HostCertificate {
  const { name, secret, asked, problem } = seen
  const nothing = {
    source: null,
    issuer: null,
    notBefore: null,
    notAfter: null,
    fingerprint: null,
    problem: problem ?? null,
  }
  const about = { app, country, host, namespace }
  if (secret === undefined)
    return asked
      ? { ...about, ...nothing, state: 'missing', secret: name }
      : { ...about, ...nothing, state: 'no TLS', secret: null }
  const source = secretSource(secret)
  const [leaf] = certificatesIn(secret.entry('tls.crt') ?? '')
  if (leaf === undefined || !keyFits(leaf, secret.entry('tls.key')))
    return { ...about, ...nothing, state: 'unusable', secret: name, source }
  const { issuer, notBefore, notAfter, fingerprint } = certificateFacts(leaf)
  const state = stateOf(leaf, host, seen)
  return { ...about, ...nothing, state, secret: name, source, issuer, notBefore, notAfter, fingerprint }
}

function stateOf(
  leaf: X509Certificate,
  host: string,
  { now, withinMs }: { now: Date; withinMs: number },
): TlsState {
  const left = timeLeft(leaf, now)
  if (left <= 0) return 'expired'
  if (hasNotBegun(leaf, now)) return 'not yet valid'
  if (leaf.checkHost(host) === undefined) return 'wrong host'
  return left < withinMs ? 'expiring' : 'valid'
}

function timeOf(within: string): number {
  const [, amount, unit = ''] = /^(\d{1,4})([dhw])$/.exec(within) ?? []
  if (amount === undefined)
    throw new InvalidInputError(`--within ${JSON.stringify(within)} is not a time.`, {
      code: 'INVALID_DURATION',
      suggestions: ['Write it in days, weeks or hours: 21d, 3w or 48h.'],
    })
  return Number(amount) * (UNITS[unit] ?? 0)
}
