import type { KubernetesObject } from '../cluster/apply.js'
import type { Cluster } from '../cluster/cluster.js'
import { FailedError, InvalidInputError } from '../errors.js'
import { type Change, editFile } from '../tools/atomic-file.js'
import { issuerObjects } from './tls-issuer-objects.js'
import { CERT_MANAGER_NAMESPACE, checkCertManagerNamespace } from './tls-names.js'

export interface IssuersOptions {
  kubeconfig?: string | undefined
  context?: string | undefined
  email?: string | undefined
  ingressClass?: string | undefined
  certManagerNamespace?: string | undefined
  /** Write them to this file, `-` for stdout, and leave the cluster alone. */
  output?: string | undefined
  /** Print them and leave the cluster alone. */
  dryRun?: boolean | undefined
}

export interface TlsIssuersResult {
  /** Null where the cluster was left alone. */
  context: string | null
  action: 'apply' | 'print' | 'write'
  file: string | null
  /** What became of the file. */
  change: Change | null
  issuers: { kind: string; name: string; namespace: string | null }[]
  /** The objects as YAML. */
  yaml: string
  notes: string[]
}

const EMAIL = /^[^\s@<>,;"]+@[^\s@<>,;"]+\.[^\s@<>,;"]+$/

/**
 * Makes cert-manager's issuers, and applies them, or prints or writes them for others to apply.
 * @throws InvalidInputError for an e-mail address or a name that cannot be one; nothing is changed
 * @throws FailedError where cert-manager is not installed, or the API server refuses an object
 */
export async function issuers(options: IssuersOptions): Promise<TlsIssuersResult> {
  const namespace = options.certManagerNamespace ?? CERT_MANAGER_NAMESPACE
  checkOptions(options, namespace)
  const objects = issuerObjects({ namespace, email: options.email, ingressClass: options.ingressClass })
  const { stringify } = await import('yaml')
  const yaml = objects.map((object) => stringify(object, { lineWidth: 0 })).join('---\n')
  const result: TlsIssuersResult = {
    context: null,
    action: 'print',
    file: null,
    change: null,
    issuers: objects.map(({ kind, metadata }) => ({
      kind,
      name: metadata.name,
      namespace: metadata.namespace ?? null,
    })),
    yaml,
    notes: notesOn(options),
  }
  if (options.output !== undefined && options.output !== '-' && !options.dryRun)
    return { ...result, ...(await written(options.output, yaml)) }
  if (options.output !== undefined || options.dryRun) return result
  const { connect } = await import('../cluster/client.js')
  const { checkAccess } = await import('../cluster/access.js')
  const cluster = await connect(options)
  await checkAccess(cluster, [
    { verb: 'patch', group: 'cert-manager.io', resource: 'clusterissuers' },
    { verb: 'patch', group: 'cert-manager.io', resource: 'certificates', namespace },
  ])
  await requireCertManager(cluster, namespace)
  await applyAll(cluster, objects)
  return { ...result, context: cluster.context, action: 'apply' }
}

function checkOptions({ email, ingressClass }: IssuersOptions, namespace: string): void {
  checkCertManagerNamespace(namespace)
  if (email !== undefined && !EMAIL.test(email))
    throw new InvalidInputError(`--email ${JSON.stringify(email)} is not an e-mail address.`, {
      code: 'INVALID_EMAIL',
      suggestions: ["Let's Encrypt takes an ordinary one, such as me@example.org, and warns it of trouble."],
    })
  if (ingressClass !== undefined && !/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(ingressClass))
    throw new InvalidInputError(
      `--ingress-class ${JSON.stringify(ingressClass)} cannot be the name of a class.`,
      {
        code: 'INVALID_INGRESS_CLASS',
        suggestions: ["Leave it out for the cluster's default, which is traefik on K3s."],
      },
    )
}

async function written(
  file: string,
  yaml: string,
): Promise<Pick<TlsIssuersResult, 'action' | 'file' | 'change'>> {
  const { readFile } = await import('node:fs/promises')
  const change = await editFile(
    file,
    () => yaml,
    (path) => readFile(path, 'utf8'),
  )
  return { action: 'write', file, change }
}

async function requireCertManager(cluster: Cluster, namespace: string): Promise<void> {
  const [api, place] = await Promise.all([
    cluster.find({ path: '/apis/cert-manager.io/v1' }),
    cluster.exchange({ path: `/api/v1/namespaces/${namespace}` }),
  ])
  if (api === undefined)
    throw new FailedError('cert-manager is not installed in this cluster. Nothing was changed.', {
      code: 'NO_CERT_MANAGER',
      suggestions: [
        'Without it: k8sflow tls self-signed',
        'Or install cert-manager first, as cert-manager.io/docs/installation/helm shows.',
      ],
    })
  if (place.status === 404)
    throw new FailedError(`There is no namespace ${namespace}. Nothing was changed.`, {
      code: 'NO_CERT_MANAGER_NAMESPACE',
      suggestions: ['Name the one cert-manager runs in with --cert-manager-namespace.'],
      data: { namespace },
    })
}

/** One after the other: what the next one names is there then. */
async function applyAll(cluster: Cluster, objects: readonly KubernetesObject[]): Promise<void> {
  const { applyObject } = await import('../cluster/apply.js')
  for (const object of objects)
    await applyObject(cluster, `${object.kind.toLowerCase()}s`, object, { force: true })
}

function notesOn({ email }: IssuersOptions): string[] {
  if (email === undefined)
    return ["There are issuers for Let's Encrypt, too, with --email: for hosts that are your own."]
  return [
    "Let's Encrypt certifies domains that are yours and reachable from the Internet; <app>-<country>.info is as a rule neither.",
  ]
}
