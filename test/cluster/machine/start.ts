import { mkdir, readFile, rm } from 'node:fs/promises'
import { addonObjects, ingressPort, startAddons } from './addons.js'
import { Api } from './api.js'
import { createCertificates } from './certificates.js'
import { startApiServer, startControllers } from './control-plane.js'
import { engineAddress, startEngine } from './engine.js'
import { findFacts, writeFacts, type ClusterFacts } from './facts.js'
import { progress } from './failure.js'
import { pushLayout, pushStandardImages } from './images.js'
import { writeKubeconfig } from './kubeconfigs.js'
import { withLock } from './lock.js'
import {
  createNamespace,
  destroyNamespace,
  dnsAddress,
  inside,
  nodeAddress,
  start,
  type Ended,
  type Started,
} from './namespace.js'
import { startContainerd, startNode } from './node.js'
import { baseDir, bin, logsDir, netns, netnsFile, state, stateDir } from './paths.js'
import { registryAddress, startRegistry } from './registry.js'
import { waitFor, type Wait } from './wait.js'

/** Where the cluster is reached from the ordinary machine; another free port is taken where one of these is in use. */
const preferredPorts = { api: 26443, registry: 25000, ingress: 28080 }

/** What the base image is called in the registry. */
const baseImageName = 'nginx-base:1'

/** Starts the cluster, or finds it running, and waits until every part works. What a crashed run left is cleared first. */
export async function startCluster(): Promise<ClusterFacts> {
  return withLock('cluster', 3, async () => {
    const running = await findFacts()
    if (running) return running
    const begin = Date.now()
    await destroyNamespace()
    await rm(logsDir, { recursive: true, force: true })
    await mkdir(stateDir, { recursive: true, mode: 0o700 })
    const facts = await startParts()
    await writeFacts(facts)
    progress(`the cluster is up (${((Date.now() - begin) / 1000).toFixed(1)} s)`)
    return facts
  })
}

async function startParts(): Promise<ClusterFacts> {
  progress(`starting a Kubernetes cluster in network namespace ${netns}`)
  await Promise.all([createNamespace(), createCertificates()])
  const insideServer = 'https://127.0.0.1:6443'
  const admin = await writeKubeconfig('inside', { server: insideServer, user: 'admin' })
  const node = await writeKubeconfig('node', { server: insideServer, user: 'node' })

  // Takes longer than the API server needs to be there, and nothing but the end waits for it.
  const docker = startEngine({ name: 'docker', containerdStore: true })
  docker.catch(() => undefined)
  const [servers, registry, containerd, { relay, ports }] = await Promise.all([
    startApiServer(),
    startRegistry(),
    startContainerd(),
    startRelay(),
  ])
  const server = `https://127.0.0.1:${ports.api}`
  const registryOutside = `127.0.0.1:${ports.registry}`
  const images = pushImages(registryOutside, registry)
  // Not awaited before the API server is up; a failure must not count as unhandled until then.
  images.catch(() => undefined)

  const api = await Api.connect(server)
  try {
    await waitForApi(api, servers)
    const others = await Promise.all([
      startControllers(admin),
      startNode({ node, admin }),
      startAddons(admin),
      applyAll(api),
    ])
    const baseImage = await images
    const started = [...servers, registry, containerd, relay, await docker, ...others.flatMap((part) => part)]
    await waitForParts(api, started, `127.0.0.1:${ports.ingress}`)
    return {
      kubeconfig: await writeKubeconfig('admin', { server, user: 'admin' }),
      kubeconfigInside: admin,
      server,
      registry: registryOutside,
      ingress: `127.0.0.1:${ports.ingress}`,
      docker: engineAddress('docker'),
      baseImage,
      helm4: bin('helm4'),
      helm3: bin('helm3'),
      netns,
      netnsFile,
      pids: Object.fromEntries(started.map(({ name, pid }) => [name, pid])),
    }
  } finally {
    api.close()
  }
}

/** The relay from loopback ports of the ordinary machine into the namespace. */
async function startRelay() {
  const out = state('ports.json')
  const targets = {
    api: '127.0.0.1:6443',
    registry: '127.0.0.1:5000',
    ingress: `${nodeAddress}:${ingressPort}`,
  }
  const relays = Object.entries(targets).map(
    ([name, target]) => `${name}=${preferredPorts[name as keyof typeof preferredPorts]}:${target}`,
  )
  const relay = await start('relay', bin('relay'), [
    '-outer',
    `/proc/${process.pid}/ns/net`,
    '-out',
    out,
    ...relays,
  ])
  const ports = await waitFor(
    { what: 'the relay’s ports', log: 'relay', seconds: 60, intervalMs: 30, hopeless: relay.ended },
    async () => JSON.parse(await readFile(out, 'utf8')) as Record<keyof typeof preferredPorts, number>,
  )
  return { relay, ports }
}

/** Fills the registry; gives the base image's reference. */
async function pushImages(registry: string, process: Started): Promise<string> {
  const wait = { what: 'the image registry', log: 'registry', seconds: 120, hopeless: process.ended }
  await waitFor(wait, async () => (await fetch(`http://${registry}/v2/`)).ok)
  const [digest] = await Promise.all([
    pushLayout(registry, baseImageName, baseDir),
    pushStandardImages(registry),
  ])
  return `${registryAddress}/${baseImageName}@${digest}`
}

async function waitForApi(api: Api, servers: Started[]): Promise<void> {
  const wait = { what: 'the API server', log: 'apiserver', seconds: 240, hopeless: () => firstEnd(servers) }
  await waitFor(wait, async () => (await api.text('/readyz')) === 'ok')
  progress('the API server is ready')
}

/** The API server answers before it has made kube-system, so the first object may be refused for a moment. */
async function applyAll(api: Api): Promise<Started[]> {
  for (const object of addonObjects()) {
    const wait = {
      what: `the API server to take ${object.kind} ${object.metadata.name}`,
      log: 'apiserver',
      seconds: 120,
    }
    await waitFor(wait, async () => {
      await api.apply(object)
      return true
    })
  }
  return []
}

async function waitForParts(api: Api, started: Started[], ingress: string): Promise<void> {
  const part = (what: string, log: string, ask: () => Promise<boolean>) => {
    const wait: Wait = { what, log, seconds: 300, hopeless: () => firstEnd(started) }
    return waitFor(wait, ask).then(() => progress(`${what}: ok`))
  }
  const ready = (object: Conditions, type: string) =>
    object.status?.conditions?.some((condition) => condition.type === type && condition.status === 'True') ??
    false
  await Promise.all([
    part('the node', 'kubelet', async () => ready(await api.get<Conditions>('/api/v1/nodes/pi'), 'Ready')),
    part('the default service account', 'controllers', async () => {
      await api.get('/api/v1/namespaces/default/serviceaccounts/default')
      return true
    }),
    part('cluster DNS', 'coredns', resolvesInside),
    part('the ingress controller', 'traefik', async () => (await fetch(`http://${ingress}/`)).status === 404),
    part('metrics', 'metrics-server', async () => {
      const metrics = await api.get<{ items: unknown[] }>('/apis/metrics.k8s.io/v1beta1/nodes')
      return metrics.items.length > 0
    }),
  ])
}

interface Conditions {
  status?: { conditions?: { type: string; status: string }[] }
}

/** Asks cluster DNS at its Service address, and so tests kube-proxy as well. */
async function resolvesInside(): Promise<boolean> {
  const script = `
    const resolver = new (require('node:dns').promises.Resolver)({ timeout: 1000, tries: 1 })
    resolver.setServers(['${dnsAddress}'])
    resolver.resolve4('kubernetes.default.svc.cluster.local').then((found) => console.log(found[0]))`
  const { stdout } = await inside(process.execPath, ['-e', script])
  return stdout.trim() !== ''
}

function firstEnd(started: Started[]): Ended | undefined {
  for (const { ended } of started) {
    const end = ended()
    if (end) return end
  }
  return undefined
}
