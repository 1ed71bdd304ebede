import type { Cluster } from '../cluster/cluster.js'
import { FailedError } from '../errors.js'
import { type Change, editFile } from '../tools/atomic-file.js'
import { type CertificateFacts, certificateFacts, certificatesIn } from './tls-certificate.js'
import {
  AUTHORITY_SECRET,
  CERT_MANAGER_AUTHORITY,
  CERT_MANAGER_NAMESPACE,
  checkCertManagerNamespace,
} from './tls-names.js'

export interface AuthorityOptions {
  kubeconfig?: string | undefined
  context?: string | undefined
  certManagerNamespace?: string | undefined
  /** Write them to this file; `-` and none are stdout. */
  output?: string | undefined
}

export interface TrustedCertificate extends CertificateFacts {
  /** Who keeps it: `k8sflow tls self-signed`, or cert-manager. */
  source: 'k8sflow' | 'cert-manager'
  namespace: string
  secret: string
}

export interface AuthoritiesResult {
  context: string
  file: string | null
  /** What became of the file. */
  change: Change | null
  authorities: TrustedCertificate[]
  /** All of them as PEM. Never a key. */
  pem: string
}

/**
 * Finds the certificates of the authorities that k8sflow and cert-manager keep, for others to trust.
 * @throws FailedError where there is none
 */
export async function exportAuthorities(options: AuthorityOptions): Promise<AuthoritiesResult> {
  const { certManagerNamespace = CERT_MANAGER_NAMESPACE, output } = options
  checkCertManagerNamespace(certManagerNamespace)
  const { connect } = await import('../cluster/client.js')
  const { checkAccess } = await import('../cluster/access.js')
  const cluster = await connect(options)
  await checkAccess(cluster)
  const found = [
    ...(await authoritiesIn(cluster, 'k8sflow', { ...AUTHORITY_SECRET })),
    ...(await authoritiesIn(cluster, 'cert-manager', {
      namespace: certManagerNamespace,
      name: CERT_MANAGER_AUTHORITY,
    })),
  ]
  if (found.length === 0) throw none(certManagerNamespace)
  const result: AuthoritiesResult = {
    context: cluster.context,
    file: null,
    change: null,
    authorities: found.map(({ facts }) => facts),
    pem: found.map(({ pem }) => pem).join(''),
  }
  if (output === undefined || output === '-') return result
  const { readFile } = await import('node:fs/promises')
  const change = await editFile(
    output,
    () => result.pem,
    (path) => readFile(path, 'utf8'),
  )
  return { ...result, file: output, change }
}

async function authoritiesIn(
  cluster: Cluster,
  source: TrustedCertificate['source'],
  place: { namespace: string; name: string },
): Promise<{ facts: TrustedCertificate; pem: string }[]> {
  const { findTlsSecret } = await import('../cluster/tls-secrets.js')
  const secret = await findTlsSecret(cluster, place)
  // For itself cert-manager keeps the authority's own certificate in tls.crt.
  const entry = source === 'k8sflow' ? 'ca.crt' : 'tls.crt'
  const now = Date.now()
  return certificatesIn(secret?.entry(entry) ?? '')
    .filter((certificate) => certificate.ca && Date.parse(certificate.validTo) > now)
    .map((certificate) => ({
      facts: { ...certificateFacts(certificate), source, namespace: place.namespace, secret: place.name },
      pem: certificate.toString(),
    }))
}

function none(namespace: string): FailedError {
  return new FailedError(
    `There is no authority yet: neither Secret ${AUTHORITY_SECRET.namespace}/${AUTHORITY_SECRET.name} nor ${namespace}/${CERT_MANAGER_AUTHORITY} holds a certificate.`,
    {
      code: 'NO_AUTHORITY',
      suggestions: [
        'With cert-manager: k8sflow tls issuers',
        'Without it: k8sflow tls self-signed',
        "Certificates of Let's Encrypt need no authority of your own.",
      ],
    },
  )
}
