import type { KubernetesObject } from '../cluster/apply.js'
import { HOST_DOMAIN } from '../values/contract.js'
import { CERT_MANAGER_AUTHORITY, MANAGED_LABELS } from './tls-names.js'

export interface IssuerChoice {
  /** Where cert-manager keeps the Secrets of ClusterIssuers: its own namespace, as a rule. */
  namespace: string
  /** Account at Let's Encrypt; without it there are no issuers for that. */
  email?: string | undefined
  /** Ingress class that answers Let's Encrypt's challenges; the cluster's default if not given. */
  ingressClass?: string | undefined
}

const API = 'cert-manager.io/v1'
const SELF_SIGNED = 'k8sflow-selfsigned'
/** Let's Encrypt's two directories (letsencrypt.org/docs/staging-environment, /docs/acme-protocol-updates). */
const DIRECTORIES = {
  'k8sflow-letsencrypt-staging': 'https://acme-staging-v02.api.letsencrypt.org/directory',
  'k8sflow-letsencrypt': 'https://acme-v02.api.letsencrypt.org/directory',
} as const

/**
 * The issuers that the chart's `ingress.tls.issuer` names: an own authority, as cert-manager's documentation makes it
 * out of a self-signed certificate, and Let's Encrypt's two where there is an account for them.
 */
export function issuerObjects(choice: IssuerChoice): KubernetesObject[] {
  return [
    clusterIssuer(SELF_SIGNED, { selfSigned: {} }),
    authorityCertificate(choice.namespace),
    clusterIssuer(CERT_MANAGER_AUTHORITY, { ca: { secretName: CERT_MANAGER_AUTHORITY } }),
    ...(choice.email === undefined
      ? []
      : Object.entries(DIRECTORIES).map(([name, server]) =>
          clusterIssuer(name, {
            acme: {
              server,
              email: choice.email,
              privateKeySecretRef: { name: `${name}-account` },
              solvers: [
                {
                  http01: {
                    ingress:
                      choice.ingressClass === undefined ? {} : { ingressClassName: choice.ingressClass },
                  },
                },
              ],
            },
          }),
        )),
  ]
}

/**
 * Renewed two years before it ends and with its key kept: what it has signed is then valid under the certificate that
 * devices trust, and under the new one.
 */
function authorityCertificate(namespace: string): KubernetesObject {
  return {
    apiVersion: API,
    kind: 'Certificate',
    metadata: { name: CERT_MANAGER_AUTHORITY, namespace, labels: MANAGED_LABELS },
    spec: {
      isCA: true,
      commonName: 'k8sflow CA (cert-manager)',
      secretName: CERT_MANAGER_AUTHORITY,
      duration: '87600h',
      renewBefore: '17520h',
      privateKey: { algorithm: 'ECDSA', size: 256, rotationPolicy: 'Never' },
      usages: ['cert sign', 'crl sign', 'server auth'],
      // Whoever trusts it trusts it for these hosts, not for the whole Internet.
      nameConstraints: {
        critical: true,
        permitted: { dnsDomains: [HOST_DOMAIN] },
        excluded: { ipRanges: ['0.0.0.0/0', '::/0'] },
      },
      issuerRef: { group: 'cert-manager.io', kind: 'ClusterIssuer', name: SELF_SIGNED },
    },
  }
}

function clusterIssuer(name: string, spec: object): KubernetesObject {
  return { apiVersion: API, kind: 'ClusterIssuer', metadata: { name, labels: MANAGED_LABELS }, spec }
}
