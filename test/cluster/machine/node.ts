import { mkdir, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { stringify } from 'yaml'
import { pki } from './certificates.js'
import { cgroupRoots, dnsAddress, nodeAddress, podCidr, podSubnet, start, type Started } from './namespace.js'
import { bin, binDir, netns, state } from './paths.js'
import { registryAddress } from './registry.js'
import { waitFor } from './wait.js'

/** containerd, which runs the pods; ready when its socket is there. */
export async function startContainerd(): Promise<Started> {
  const folder = state('containerd')
  await Promise.all([
    mkdir(path.join(folder, 'certs.d', 'docker.io'), { recursive: true }),
    mkdir(state('cni'), { recursive: true }),
  ])
  await mkdir(path.join(folder, 'certs.d', '_default'), { recursive: true })
  await writeFile(path.join(folder, 'certs.d', 'docker.io', 'hosts.toml'), hosts)
  await writeFile(path.join(folder, 'certs.d', '_default', 'hosts.toml'), hosts)
  await writeFile(path.join(folder, 'config.toml'), containerdConfig(folder))
  await writeFile(state('cni', '10-bridge.conflist'), JSON.stringify(podNetwork()))
  const args = ['-c', path.join(folder, 'config.toml')]
  // The shim is found on PATH.
  const started = await start('containerd', bin('containerd'), args, {
    PATH: `${binDir}:${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`,
  })
  await waitFor(
    { what: "containerd's socket", log: 'containerd', seconds: 120, hopeless: started.ended },
    async () => (await stat(path.join(folder, 'containerd.sock'))).isSocket(),
  )
  return started
}

/** The kubelet and kube-proxy of the only node, `pi`. */
export async function startNode(kubeconfigs: { node: string; admin: string }): Promise<Started[]> {
  for (const root of await cgroupRoots()) await mkdir(root, { recursive: true })
  await mkdir(state('kubelet'), { recursive: true })
  // A file of its own: the machine's resolv.conf names servers that pods cannot reach.
  await writeFile(state('kubelet', 'resolv.conf'), '')
  await writeFile(state('kubelet', 'config.yaml'), stringify(kubeletConfig()))
  const kubelet = await start('kubelet', bin('kube'), [
    'kubelet',
    `--config=${state('kubelet', 'config.yaml')}`,
    `--kubeconfig=${kubeconfigs.node}`,
    `--root-dir=${state('kubelet', 'root')}`,
    `--cert-dir=${state('kubelet', 'pki')}`,
    '--hostname-override=pi',
    `--node-ip=${nodeAddress}`,
  ])
  const proxy = await start('proxy', bin('kube'), [
    'kube-proxy',
    `--kubeconfig=${kubeconfigs.admin}`,
    '--proxy-mode=nftables',
    '--hostname-override=pi',
    `--cluster-cidr=${podCidr}`,
    '--conntrack-max-per-core=0',
  ])
  return [kubelet, proxy]
}

/** Every image, wherever its name says it lives, comes from the local registry: there is no other one to reach. */
const hosts = `server = "http://127.0.0.1:5000"
[host."http://127.0.0.1:5000"]
capabilities = ["pull", "resolve"]
`

function containerdConfig(folder: string): string {
  return `version = 3
root = "${folder}/root"
state = "${folder}/state"
[grpc]
address = "${folder}/containerd.sock"
[plugins."io.containerd.cri.v1.images".pinned_images]
sandbox = "${registryAddress}/pause:1"
[plugins."io.containerd.cri.v1.images".registry]
config_path = "${folder}/certs.d"
[plugins."io.containerd.cri.v1.runtime"]
# Without CAP_SYS_RESOURCE no score can be lowered, and runc dies with "EOF".
restrict_oom_score_adj = true
# Where a stop finds them; elsewhere they would mix with those of a real cluster of this machine.
netns_mounts_under_state_dir = true
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
Root = "${folder}/runc"
[plugins."io.containerd.cri.v1.runtime".cni]
bin_dirs = ["${binDir}"]
conf_dir = "${state('cni')}"
`
}

function podNetwork() {
  return {
    cniVersion: '1.0.0',
    name: 'pods',
    plugins: [
      {
        type: 'bridge',
        bridge: 'cni0',
        isGateway: true,
        hairpinMode: true,
        ipam: {
          type: 'host-local',
          dataDir: state('cni', 'ipam'),
          ranges: [[{ subnet: podSubnet }]],
          routes: [{ dst: '0.0.0.0/0' }],
        },
      },
      { type: 'portmap', capabilities: { portMappings: true } },
    ],
  }
}

function kubeletConfig() {
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    cgroupDriver: 'cgroupfs',
    cgroupRoot: `/${netns}`,
    failCgroupV1: false,
    failSwapOn: false,
    enforceNodeAllocatable: [],
    containerRuntimeEndpoint: `unix://${state('containerd', 'containerd.sock')}`,
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: pki('ca.crt') },
    },
    authorization: { mode: 'Webhook' },
    tlsCertFile: pki('node.crt'),
    tlsPrivateKeyFile: pki('node.key'),
    clusterDNS: [dnsAddress],
    clusterDomain: 'cluster.local',
    resolvConf: state('kubelet', 'resolv.conf'),
    podLogsDir: state('podlogs'),
    volumePluginDir: state('kubelet', 'plugins'),
    serializeImagePulls: false,
    registryPullQPS: 50,
    registryBurst: 100,
    // The machine's disk is not this cluster's business until it is nearly full.
    imageGCHighThresholdPercent: 100,
    evictionHard: { 'memory.available': '100Mi', 'nodefs.available': '1%', 'imagefs.available': '1%' },
  }
}
