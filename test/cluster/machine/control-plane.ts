import { bin, state } from './paths.js'
import { pki } from './certificates.js'
import { podCidr, nodeAddress, serviceCidr, start, type Started } from './namespace.js'

/** etcd and the API server, which retries until etcd answers. Nothing is synced to disk: the data is thrown away. */
export async function startApiServer(): Promise<Started[]> {
  const etcd = await start('etcd', bin('kube'), [
    'etcd',
    `--data-dir=${state('etcd')}`,
    '--unsafe-no-fsync',
    '--listen-client-urls=http://127.0.0.1:2379',
    '--advertise-client-urls=http://127.0.0.1:2379',
    '--listen-peer-urls=http://127.0.0.1:2380',
  ])
  const api = await start('apiserver', bin('kube'), [
    'kube-apiserver',
    '--etcd-servers=http://127.0.0.1:2379',
    `--service-cluster-ip-range=${serviceCidr}`,
    '--bind-address=0.0.0.0',
    '--secure-port=6443',
    // On loopback alone the `kubernetes` Service would have no endpoint that a pod can reach.
    `--advertise-address=${nodeAddress}`,
    `--tls-cert-file=${pki('apiserver.crt')}`,
    `--tls-private-key-file=${pki('apiserver.key')}`,
    `--client-ca-file=${pki('ca.crt')}`,
    `--service-account-key-file=${pki('sa.key')}`,
    `--service-account-signing-key-file=${pki('sa.key')}`,
    '--service-account-issuer=https://kubernetes.default.svc',
    '--authorization-mode=Node,RBAC',
    '--enable-admission-plugins=NodeRestriction',
    '--allow-privileged=true',
    '--kubelet-preferred-address-types=InternalIP',
    `--kubelet-certificate-authority=${pki('ca.crt')}`,
    `--kubelet-client-certificate=${pki('admin.crt')}`,
    `--kubelet-client-key=${pki('admin.key')}`,
    `--requestheader-client-ca-file=${pki('ca.crt')}`,
    '--requestheader-allowed-names=front-proxy',
    '--requestheader-username-headers=X-Remote-User',
    '--requestheader-group-headers=X-Remote-Group',
    '--requestheader-extra-headers-prefix=X-Remote-Extra-',
    `--proxy-client-cert-file=${pki('front-proxy.crt')}`,
    `--proxy-client-key-file=${pki('front-proxy.key')}`,
    // Aggregated APIs (metrics) are called at their endpoint, without waiting for kube-proxy's rules.
    '--enable-aggregator-routing=true',
  ])
  return [etcd, api]
}

/** The controllers and the scheduler. */
export async function startControllers(kubeconfig: string): Promise<Started[]> {
  const controllers = await start('controllers', bin('kube'), [
    'kube-controller-manager',
    `--kubeconfig=${kubeconfig}`,
    '--leader-elect=false',
    `--service-account-private-key-file=${pki('sa.key')}`,
    `--root-ca-file=${pki('ca.crt')}`,
    '--use-service-account-credentials=true',
    `--cluster-cidr=${podCidr}`,
    '--allocate-node-cidrs=true',
    `--service-cluster-ip-range=${serviceCidr}`,
    // Three times as often as by default, so that a test need not wait long for an autoscaler's first look.
    '--horizontal-pod-autoscaler-sync-period=5s',
  ])
  const scheduler = await start('scheduler', bin('kube'), [
    'kube-scheduler',
    `--kubeconfig=${kubeconfig}`,
    '--leader-elect=false',
  ])
  return [controllers, scheduler]
}
