import type { KubernetesObject } from '../cluster/apply.js'
import type { Cluster } from '../cluster/cluster.js'
import type { TlsSecret } from '../cluster/tls-secrets.js'
import type { Workload } from '../cluster/workloads.js'
import { FailedError, InvalidInputError } from '../errors.js'
import { RELEASE_NAMESPACE, tlsSecretName } from '../values/contract.js'
import { checkSelection, type RawSelection } from './selection.js'
import {
  type Authority,
  type AuthorityChange,
  leafValidity,
  nextAuthority,
  signedByOneOf,
} from './tls-authority.js'
import {
  certificateFacts,
  certificatesIn,
  dnsNames,
  hasNotBegun,
  keyFits,
  lifetime,
  timeLeft,
} from './tls-certificate.js'
import {
  AUTHORITY_SECRET,
  CERTIFICATE_LABEL,
  MANAGED_LABELS,
  secretSource,
  unusedNotes,
} from './tls-names.js'

export interface SelfSignedOptions extends RawSelection {
  kubeconfig?: string | undefined
  context?: string | undefined
  /** Make every leaf anew, however long it still lives. */
  renew?: boolean | undefined
  dryRun?: boolean | undefined
}

/** A certificate of an app in a country. */
export interface SelfSignedCertificate {
  app: string
  country: string
  namespace: string
  secret: string
  hosts: string[]
  /** What was done, with `dryRun` what would be. */
  change: 'created' | 'renewed' | 'unchanged' | 'skipped'
  /** Why. */
  reason: string
  /** ISO 8601, UTC; null where it was skipped. */
  notAfter: string | null
}

export interface SelfSignedResult {
  context: string
  dryRun: boolean
  authority: {
    namespace: string
    secret: string
    change: AuthorityChange
    subject: string
    /** SHA-256. */
    fingerprint: string
    /** ISO 8601, UTC. */
    notAfter: string
    /** How many certificates are to be trusted; more than one around the change of an authority. */
    trusted: number
  } | null
  certificates: SelfSignedCertificate[]
  warnings: string[]
  notes: string[]
}

/** What is known of one app's certificate before anything is done. */
interface Wanted {
  workload: Workload
  secretName: string
  /** The Secret that the app's Ingress asks for, where it has TLS. */
  asked: string | undefined
  /** Whether the app has an Ingress, and that has no TLS. */
  unused: boolean
  found: TlsSecret | undefined
}

/**
 * Makes the authority where there is none, and for every deployed app a certificate signed by it, as the Secret
 * `<app>-<country>-tls`. Those that are good for long enough stay, so that it can be run at any time.
 * @throws InvalidInputError when a Secret of that name was made by somebody else; nothing is changed then
 * @throws FailedError when the authority's Secret is damaged or was changed meanwhile, or the API server refuses a Secret
 */
export async function selfSigned(options: SelfSignedOptions, now = new Date()): Promise<SelfSignedResult> {
  const selection = await checkSelection(options)
  const { connect } = await import('../cluster/client.js')
  const { checkAccess } = await import('../cluster/access.js')
  const { findTlsSecret } = await import('../cluster/tls-secrets.js')
  const cluster = await connect(options)
  await checkAccess(cluster, [{ verb: 'patch', resource: 'secrets', namespace: RELEASE_NAMESPACE }])
  const wanted = await wantedCertificates(cluster, selection)
  const stored = await findTlsSecret(cluster, AUTHORITY_SECRET)
  refuseForeign([...wanted.filter(isOursToMake).map(({ found }) => found), stored])
  const result: SelfSignedResult = {
    context: cluster.context,
    dryRun: options.dryRun ?? false,
    authority: null,
    certificates: [],
    warnings: [],
    notes: [],
  }
  if (wanted.length === 0) return { ...result, notes: ['No app is deployed: there is nothing to certify.'] }
  const authority = result.dryRun
    ? await nextAuthority(stored, now)
    : await keptAuthority(cluster, stored, now)
  const [signer] = authority.trusted.flatMap(certificatesIn)
  if (signer === undefined) throw new Error('an authority has a certificate')
  const certificates: SelfSignedCertificate[] = []
  for (const each of wanted)
    certificates.push(await certified(cluster, each, { authority, options, now, dryRun: result.dryRun }))
  const { subject, fingerprint, notAfter } = certificateFacts(signer)
  return {
    ...result,
    authority: {
      ...AUTHORITY_SECRET,
      secret: AUTHORITY_SECRET.name,
      change: authority.change,
      subject,
      fingerprint,
      notAfter,
      trusted: authority.trusted.length,
    },
    certificates,
    warnings: warningsOn(authority, now),
    notes: notesOn(wanted),
  }
}

async function wantedCertificates(
  cluster: Cluster,
  { apps, countries }: { apps?: readonly string[]; countries?: readonly string[] },
): Promise<Wanted[]> {
  const { workloads } = await import('../cluster/workloads.js')
  const { findTlsSecret, ingressTls } = await import('../cluster/tls-secrets.js')
  const [deployed, asked] = await Promise.all([
    workloads(cluster, { apps, countries }),
    ingressTls(cluster, countries),
  ])
  return Promise.all(
    deployed.map(async (workload) => {
      const { app, country, namespace, hosts } = workload
      const secretName = tlsSecretName(app, country)
      const own = asked.filter(
        (item) => item.namespace === namespace && item.hosts.some((host) => hosts.includes(host)),
      )
      const tls = own.find(({ secret }) => secret !== undefined)
      return {
        workload,
        secretName,
        asked: tls?.secret,
        unused: tls === undefined && own.length > 0,
        found: await findTlsSecret(cluster, { namespace, name: secretName }),
      }
    }),
  )
}

/** Whether a certificate is made for it at all. */
function isOursToMake(wanted: Wanted): boolean {
  return skipped(wanted) === undefined
}

function skipped({ workload, secretName, asked, found }: Wanted): string | undefined {
  if (workload.hosts.length === 0) return 'it has no host'
  if (asked !== undefined && asked !== secretName)
    return `its Ingress takes Secret ${asked}, which is not k8sflow's`
  return found !== undefined && secretSource(found) === 'cert-manager'
    ? 'cert-manager made it and renews it'
    : undefined
}

function refuseForeign(secrets: readonly (TlsSecret | undefined)[]): void {
  const foreign = secrets.filter((secret) => secret !== undefined && secretSource(secret) !== 'k8sflow')
  if (foreign.length === 0) return
  const names = foreign.map((secret) => `${secret?.namespace ?? ''}/${secret?.name ?? ''}`)
  const [first] = foreign
  throw new InvalidInputError(
    `Made by somebody else, and not overwritten: Secret ${names.join(', ')}. Nothing was changed.`,
    {
      code: 'FOREIGN_SECRET',
      suggestions: [
        'To keep such a certificate of your own, give it another name and set ingress.tls.secretName to that.',
        `To have one made in its place: kubectl delete secret -n ${first?.namespace ?? ''} ${first?.name ?? ''}`,
      ],
      data: { secrets: names },
    },
  )
}

/**
 * The authority once it is in its Secret. The API server decides between runs at once: the second of two first ones goes
 * on with what the other has made, and a change is made only to what was read.
 */
async function keptAuthority(cluster: Cluster, stored: TlsSecret | undefined, now: Date): Promise<Authority> {
  const authority = await nextAuthority(stored, now)
  if (authority.change === 'unchanged') return authority
  if (stored !== undefined) {
    if (await changeAuthority(cluster, stored, authority)) return authority
    throw changedMeanwhile()
  }
  if (await createAuthority(cluster, authority)) return authority
  const { findTlsSecret } = await import('../cluster/tls-secrets.js')
  const made = await findTlsSecret(cluster, AUTHORITY_SECRET)
  refuseForeign([made])
  const other = await nextAuthority(made, now)
  if (other.change !== 'unchanged') throw changedMeanwhile()
  return other
}

async function createAuthority(cluster: Cluster, { entries }: Authority): Promise<boolean> {
  const { applyNamespaces } = await import('../cluster/namespaces.js')
  const { createObject } = await import('../cluster/apply.js')
  await applyNamespaces(cluster, [AUTHORITY_SECRET.namespace])
  const labels = { [CERTIFICATE_LABEL]: 'authority' }
  return createObject(cluster, 'secrets', secretObject({ ...AUTHORITY_SECRET, labels, entries }))
}

async function changeAuthority(
  cluster: Cluster,
  { resourceVersion = '' }: TlsSecret,
  { entries }: Authority,
): Promise<boolean> {
  const { changeObject } = await import('../cluster/apply.js')
  return changeObject(cluster, 'secrets', {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { ...AUTHORITY_SECRET, resourceVersion },
    data: { 'next.crt': null, 'next.key': null, ...encoded(entries) },
  })
}

function changedMeanwhile(): FailedError {
  const { namespace, name } = AUTHORITY_SECRET
  return new FailedError(
    `Secret ${namespace}/${name} was changed by somebody else while this ran. It was left as it is, and no certificate was made.`,
    {
      code: 'AUTHORITY_CHANGED',
      suggestions: ['Run it again: it goes on with what is there now.'],
      data: { namespace, secret: name },
    },
  )
}

async function certified(
  cluster: Cluster,
  wanted: Wanted,
  {
    authority,
    options,
    now,
    dryRun,
  }: { authority: Authority; options: SelfSignedOptions; now: Date; dryRun: boolean },
): Promise<SelfSignedCertificate> {
  const { app, country, namespace, hosts } = wanted.workload
  const about = { app, country, namespace, secret: wanted.secretName, hosts: [...hosts] }
  const why = skipped(wanted)
  if (why !== undefined) return { ...about, change: 'skipped', reason: why, notAfter: null }
  const [leaf] = certificatesIn(wanted.found?.entry('tls.crt') ?? '')
  const reason = options.renew ? 'asked for' : staleness(wanted, authority, now)
  if (reason === undefined && leaf !== undefined)
    return { ...about, change: 'unchanged', reason: 'good', notAfter: certificateFacts(leaf).notAfter }
  const change = wanted.found === undefined ? ('created' as const) : ('renewed' as const)
  const validity = leafValidity(authority.signer, now)
  if (!dryRun) {
    const { certificatePem, issue, privateKeyPem } = await import('../pki/certificates.js')
    const issued = await issue({
      authority: authority.signer,
      commonName: hosts[0] ?? '',
      dnsNames: hosts,
      use: 'server',
      ...validity,
    })
    await writeSecret(cluster, {
      namespace,
      name: wanted.secretName,
      labels: {
        [CERTIFICATE_LABEL]: 'self-signed',
        'app.kubernetes.io/name': app,
        'k8sflow.io/country': country,
      },
      entries: {
        'tls.crt': certificatePem(issued.certificate),
        'tls.key': privateKeyPem(issued.keys),
        'ca.crt': authority.trusted.join(''),
      },
    })
  }
  return {
    ...about,
    change,
    reason: reason ?? 'there is none',
    // Certificates know whole seconds.
    notAfter: `${validity.notAfter.toISOString().slice(0, 19)}.000Z`,
  }
}

/** Why a leaf has to be made anew; undefined where it is good. */
function staleness({ workload, found }: Wanted, authority: Authority, now: Date): string | undefined {
  if (found === undefined) return 'there is none'
  const [leaf] = certificatesIn(found.entry('tls.crt') ?? '')
  if (leaf === undefined || !keyFits(leaf, found.entry('tls.key'))) return 'what is there cannot be read'
  if (dnsNames(leaf).join() !== [...workload.hosts].sort().join()) return 'its hosts have changed'
  if (!signedByOneOf(authority.trusted, leaf)) return 'its authority is gone'
  // One made now would be no better while the authority itself is not valid.
  if (hasNotBegun(leaf, now) && leafValidity(authority.signer, now).notBefore <= now)
    return 'it is not valid yet'
  return timeLeft(leaf, now) < lifetime(leaf) / 3 ? 'less than a third of its life is left' : undefined
}

/** A Secret as it is to be. */
interface SecretContents {
  namespace: string
  name: string
  labels: Record<string, string>
  entries: Readonly<Record<string, string>>
}

async function writeSecret(cluster: Cluster, secret: SecretContents): Promise<void> {
  const { applyObject } = await import('../cluster/apply.js')
  // A conflict with whoever has made or changed it meanwhile is an error, not to be won.
  await applyObject(cluster, 'secrets', secretObject(secret), { force: false })
}

function secretObject({ namespace, name, labels, entries }: SecretContents): KubernetesObject {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'kubernetes.io/tls',
    metadata: { name, namespace, labels: { ...MANAGED_LABELS, ...labels } },
    data: encoded(entries),
  }
}

function encoded(entries: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(entries).map(([key, text]) => [key, Buffer.from(text).toString('base64')]),
  )
}

function warningsOn({ change, abrupt, signer }: Authority, now: Date): string[] {
  if (signer.certificate.notBefore > now)
    return [
      `The authority is not valid before ${signer.certificate.notBefore.toISOString()}, and nothing it signs is: a clock is wrong here, or was where it was made.`,
    ]
  if (abrupt)
    return [
      'The authority was too old to sign and there was no successor: the new one has to be trusted now, with k8sflow tls ca.',
    ]
  if (change === 'successor made')
    return [
      'The authority ends in about two years, and its successor is made: export both with k8sflow tls ca, and trust it within a year.',
    ]
  return []
}

function notesOn(wanted: readonly Wanted[]): string[] {
  const names = wanted
    .filter(({ unused }) => unused)
    .map(({ workload }) => `${workload.app}/${workload.country}`)
  return unusedNotes(names, 'ingress.tls.enabled and ingress.tls.issuer: none')
}
