import { listed } from '../cluster/access.js'
import type { TlsSecret } from '../cluster/tls-secrets.js'
import { InvalidInputError } from '../errors.js'
import { RELEASE_NAMESPACE } from '../values/contract.js'
import { checkNamespace } from './namespace.js'

/** Where `k8sflow tls self-signed` keeps its authority. */
export const AUTHORITY_SECRET = { namespace: RELEASE_NAMESPACE, name: 'k8sflow-ca' } as const

/** cert-manager's objects for its own authority: the Certificate, its Secret and the ClusterIssuer have this name. */
export const CERT_MANAGER_AUTHORITY = 'k8sflow-ca'

/** Where cert-manager looks for the Secrets of ClusterIssuers unless told otherwise. */
export const CERT_MANAGER_NAMESPACE = 'cert-manager'

/** On Secrets that `k8sflow tls self-signed` makes: `authority` or `self-signed`. */
export const CERTIFICATE_LABEL = 'k8sflow.io/certificate'

export const MANAGED_LABELS = {
  'app.kubernetes.io/managed-by': 'k8sflow',
  'app.kubernetes.io/part-of': 'we-road',
} as const

/** Who makes a certificate: `k8sflow tls self-signed`, cert-manager, or somebody else. */
export type CertificateSource = 'k8sflow' | 'cert-manager' | 'other'

/** Whose a Secret is, by what its maker has written on it. */
export function secretSource({ labels, annotations }: TlsSecret): CertificateSource {
  if (annotations['cert-manager.io/certificate-name'] !== undefined) return 'cert-manager'
  return labels[CERTIFICATE_LABEL] === undefined ? 'other' : 'k8sflow'
}

/** Says of apps (`app1/it`) that their Ingress leaves their certificate unused, and what to `set`; nothing of none. */
export function unusedNotes(names: readonly string[], set: string): string[] {
  if (names.length === 0) return []
  return [
    `The Ingress of ${listed(names, 4)} does not use its certificate yet: set ${set} in the values, and deploy.`,
  ]
}

/**
 * Checks the namespace of cert-manager: in k8sflow's own, both authorities would be one Secret.
 * @throws InvalidInputError
 */
export function checkCertManagerNamespace(namespace: string): void {
  checkNamespace(namespace)
  if (namespace !== AUTHORITY_SECRET.namespace) return
  throw new InvalidInputError(
    `--cert-manager-namespace ${namespace} is where k8sflow tls self-signed keeps its authority: cert-manager's would be the same Secret, ${namespace}/${CERT_MANAGER_AUTHORITY}. Nothing was changed.`,
    {
      code: 'AUTHORITY_NAMESPACE',
      suggestions: [
        `Name the one cert-manager runs in, ${CERT_MANAGER_NAMESPACE} as a rule.`,
        `If that is ${namespace}, install it in one of its own first.`,
      ],
      data: { namespace },
    },
  )
}
