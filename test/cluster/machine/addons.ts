import { writeFile } from 'node:fs/promises'
import type { KubeObject } from './api.js'
import { pki } from './certificates.js'
import { dnsAddress, nodeAddress, start, type Started } from './namespace.js'
import { bin, state } from './paths.js'

/** Ports on the bridge's address. Traefik's are a web server's own, so that URLs look as on a Pi. */
const metricsPort = 4443
export const ingressPort = 80
const ingressTlsPort = 443

/**
 * What K3s brings along: cluster DNS, metrics and the ingress controller. They run as processes beside the pods rather
 * than as pods, which needs no images; Services without selector lead to them.
 */
export async function startAddons(kubeconfig: string): Promise<Started[]> {
  return Promise.all([startCoreDns(kubeconfig), startMetricsServer(kubeconfig), startTraefik(kubeconfig)])
}

async function startCoreDns(kubeconfig: string): Promise<Started> {
  await writeFile(
    state('Corefile'),
    `.:53 {
  bind ${nodeAddress}
  errors
  health 127.0.0.1:8054
  ready 127.0.0.1:8055
  kubernetes cluster.local in-addr.arpa {
    kubeconfig ${kubeconfig} default
  }
  cache 5
}
`,
  )
  return start('coredns', bin('coredns'), ['-conf', state('Corefile')])
}

async function startMetricsServer(kubeconfig: string): Promise<Started> {
  return start('metrics-server', bin('kube'), [
    'metrics-server',
    `--kubeconfig=${kubeconfig}`,
    `--authentication-kubeconfig=${kubeconfig}`,
    `--authorization-kubeconfig=${kubeconfig}`,
    `--tls-cert-file=${pki('metrics-server.crt')}`,
    `--tls-private-key-file=${pki('metrics-server.key')}`,
    `--kubelet-certificate-authority=${pki('ca.crt')}`,
    '--kubelet-preferred-address-types=InternalIP',
    // The shortest that it accepts; a tick is also the time in which a new pod gets no figure.
    '--metric-resolution=10s',
    '--kubelet-request-timeout=5s',
    `--secure-port=${metricsPort}`,
  ])
}

async function startTraefik(kubeconfig: string): Promise<Started> {
  const args = [
    '--global.checknewversion=false',
    '--global.sendanonymoususage=false',
    `--entrypoints.web.address=:${ingressPort}`,
    // As K3s's chart sets it up: what comes in here is TLS, whatever the route says.
    `--entrypoints.websecure.address=:${ingressTlsPort}`,
    '--entrypoints.websecure.http.tls=true',
    '--entrypoints.traefik.address=127.0.0.1:8056',
    '--ping=true',
    '--providers.kubernetesingress=true',
    `--providers.kubernetesingress.ingressendpoint.ip=${nodeAddress}`,
    '--providers.kubernetesingress.throttleduration=200ms',
    '--accesslog=true',
    // As K3s has it: counters by service, at the inner port.
    '--metrics.prometheus=true',
  ]
  return start('traefik', bin('traefik'), args, { KUBECONFIG: kubeconfig })
}

/** The objects that make the add-ons known to the cluster, under the names that K3s gives them. */
export function addonObjects(): KubeObject[] {
  return [
    ...service('kube-dns', dnsAddress, [
      { name: 'dns', port: 53, targetPort: 53, protocol: 'UDP' },
      { name: 'dns-tcp', port: 53, targetPort: 53, protocol: 'TCP' },
    ]),
    ...service('metrics-server', undefined, [
      { name: 'https', port: 443, targetPort: metricsPort, protocol: 'TCP' },
    ]),
    {
      apiVersion: 'apiregistration.k8s.io/v1',
      kind: 'APIService',
      metadata: { name: 'v1beta1.metrics.k8s.io' },
      spec: {
        group: 'metrics.k8s.io',
        version: 'v1beta1',
        groupPriorityMinimum: 100,
        versionPriority: 100,
        insecureSkipTLSVerify: true,
        service: { name: 'metrics-server', namespace: 'kube-system' },
      },
    },
    {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'IngressClass',
      metadata: { name: 'traefik', annotations: { 'ingressclass.kubernetes.io/is-default-class': 'true' } },
      spec: { controller: 'traefik.io/ingress-controller' },
    },
  ]
}

interface Port {
  name: string
  port: number
  targetPort: number
  protocol: 'TCP' | 'UDP'
}

/** A Service without selector in kube-system, and the endpoint on the node that it leads to. */
function service(name: string, clusterIP: string | undefined, ports: Port[]): KubeObject[] {
  return [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, namespace: 'kube-system' },
      spec: { ...(clusterIP ? { clusterIP } : {}), ports },
    },
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name, namespace: 'kube-system', labels: { 'kubernetes.io/service-name': name } },
      addressType: 'IPv4',
      endpoints: [{ addresses: [nodeAddress], conditions: { ready: true } }],
      ports: ports.map(({ name: portName, targetPort, protocol }) => ({
        name: portName,
        port: targetPort,
        protocol,
      })),
    },
  ]
}
