import { expect } from 'chai'
import {
  AppsV1Api,
  AutoscalingV2Api,
  CoreV1Api,
  CustomObjectsApi,
  KubeConfig,
  NetworkingV1Api,
} from '@kubernetes/client-node'
import http from 'node:http'
import {
  expiredKubeconfig,
  unauthorisedKubeconfig,
  unreachableKubeconfig,
  wrongAuthorityKubeconfig,
} from './machine/kubeconfigs.js'
import { waitFor } from './machine/wait.js'

const namespace = 'machine-test'
const app = 'app1-it'

/** Pod Security `restricted` admits this and nothing looser. */
const restricted = {
  runAsNonRoot: true,
  runAsUser: 10101,
  readOnlyRootFilesystem: true,
  allowPrivilegeEscalation: false,
  capabilities: { drop: ['ALL'] },
  seccompProfile: { type: 'RuntimeDefault' },
}

function container(image: string) {
  return {
    name: 'app',
    image,
    imagePullPolicy: 'Always',
    env: [
      { name: 'APP_NAME', value: 'app1-staging' },
      { name: 'COUNTRY', value: 'it' },
    ],
    ports: [{ name: 'http', containerPort: 8080 }],
    resources: { requests: { cpu: '20m', memory: '20Mi' }, limits: { cpu: '40m', memory: '40Mi' } },
    readinessProbe: { httpGet: { path: '/ping', port: 'http' }, periodSeconds: 1 },
    securityContext: restricted,
  }
}

describe('the test cluster itself', function () {
  const config = new KubeConfig()
  let core: CoreV1Api
  const until = <T>(what: string, ask: () => Promise<T | undefined | false>) =>
    waitFor({ what, seconds: 240, intervalMs: 300 }, ask)

  before(async function () {
    if (process.env['K8SFLOW_TEST_CLUSTER'] !== 'own') this.skip()
    config.loadFromFile(process.env['KUBECONFIG']!)
    core = config.makeApiClient(CoreV1Api)
    await createNamespace(core)
    await createApp(config)
    await until('the stand-in to be ready', async () => {
      const { status } = await config
        .makeApiClient(AppsV1Api)
        .readNamespacedDeployment({ name: app, namespace })
      return status?.readyReplicas === 1
    })
  })

  after(async () => {
    if (!core) return
    await core.deleteNamespace({ name: namespace })
    await until('the test namespace to go', async () => {
      const found = await core.listNamespace({ fieldSelector: `metadata.name=${namespace}` })
      return found.items.length === 0
    })
  })

  const proxied = (path: string) =>
    core.connectGetNamespacedServiceProxyWithPath({ name: `${app}:http`, namespace, path }) as Promise<string>

  it('has one node, which is ready', async () => {
    const { items } = await core.listNode()
    expect(items.map((node) => node.metadata?.name)).to.deep.equal(['pi'])
    expect(items[0]?.status?.conditions?.find(({ type }) => type === 'Ready')?.status).to.equal('True')
  })

  it('runs the image docker.io/hecha00/app1, which the local registry serves, and proxies to it', async () => {
    expect(await proxied('ping')).to.equal('hello from app1-staging-it')
  })

  it('gives pods a cluster DNS', async () => {
    expect(await proxied('resolve/kubernetes.default.svc')).to.equal('10.43.0.1\n')
  })

  it('keeps the logs of a pod', async () => {
    const { items } = await core.listNamespacedPod({ namespace, labelSelector: `app=${app}` })
    // What a program prints reaches the log a moment after its answer reaches the one who asked.
    const log = await until('the answers of /ping in the log', async () => {
      const text = await core.readNamespacedPodLog({ name: items[0]!.metadata!.name!, namespace })
      return text.includes('"GET /ping" 200') && text
    })
    expect(log).to.contain('listening on :8080')
  })

  it('leads http://app1-it.info through Traefik', async () => {
    const answer = await until('Traefik to know the route', async () => {
      const response = await getThroughIngress('app1-it.info', '/ping')
      return response.status === 200 && response
    })
    expect(answer.body).to.equal('hello from app1-staging-it')
    expect((await getThroughIngress('app9-it.info', '/ping')).status).to.equal(404)
  })

  it('measures pods and feeds the autoscaler', async () => {
    await until('metrics of the pod', async () => {
      const metrics = (await config.makeApiClient(CustomObjectsApi).listNamespacedCustomObject({
        group: 'metrics.k8s.io',
        version: 'v1beta1',
        namespace,
        plural: 'pods',
      })) as { items: unknown[] }
      return metrics.items.length > 0
    })
    const current = await until('the autoscaler to see a utilisation', async () => {
      const scaler = await config
        .makeApiClient(AutoscalingV2Api)
        .readNamespacedHorizontalPodAutoscaler({ name: app, namespace })
      return scaler.status?.currentMetrics?.[0]?.resource?.current.averageUtilization?.toString()
    })
    expect(Number(current)).to.be.within(0, 200)
  })

  it('refuses a pod that Pod Security `restricted` forbids', async () => {
    const spec = { containers: [{ name: 'app', image: 'hecha00/app1:1.0.0' }] }
    const refused = await core
      .createNamespacedPod({ namespace, body: { metadata: { name: 'loose' }, spec } })
      .then(() => undefined, String)
    expect(refused).to.contain('violates PodSecurity').and.to.contain('restricted:latest')
  })

  it('issues kubeconfigs that fail, each in its own way', async () => {
    const failure = async (file: string) => {
      const other = new KubeConfig()
      other.loadFromFile(file)
      return other
        .makeApiClient(CoreV1Api)
        .listNamespace()
        .then(() => 'no failure', String)
    }
    expect(await failure(await unauthorisedKubeconfig()))
      .to.contain('nobody')
      .and.to.contain('cannot list resource')
    expect(await failure(await expiredKubeconfig())).to.contain('HTTP-Code: 401')
    expect(await failure(await wrongAuthorityKubeconfig())).to.match(
      /self-signed|unable to verify|signature failure/,
    )
    expect(await failure(await unreachableKubeconfig())).to.contain('ECONNREFUSED')
  })

  it('shows why a bad pod does not come up: crash, out of memory, no such image', async () => {
    // By the time it is looked at, the kubelet may already wait before it pulls again.
    const expected = {
      crash: ['Error'],
      oom: ['OOMKilled'],
      'no-such-tag': ['ErrImagePull', 'ImagePullBackOff'],
    }
    for (const tag of Object.keys(expected)) {
      const spec = { restartPolicy: 'Never', containers: [container(`hecha00/app2:${tag}`)] }
      await core.createNamespacedPod({ namespace, body: { metadata: { name: tag }, spec } })
    }
    for (const [tag, reasons] of Object.entries(expected)) {
      const seen = await until(`pod ${tag} to fail`, async () => {
        const pod = await core.readNamespacedPod({ name: tag, namespace })
        const status = pod.status?.containerStatuses?.[0]?.state
        return status?.terminated?.reason ?? (status?.waiting?.message && status.waiting.reason)
      })
      expect(seen, tag).to.be.oneOf(reasons)
    }
    const log = await core.readNamespacedPodLog({ name: 'crash', namespace })
    expect(log).to.contain('standin: fatal')
  })
})

async function createNamespace(core: CoreV1Api): Promise<void> {
  const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' }
  await core.createNamespace({ body: { metadata: { name: namespace, labels } } })
}

async function createApp(config: KubeConfig): Promise<void> {
  const metadata = { name: app, labels: { app } }
  await config.makeApiClient(AppsV1Api).createNamespacedDeployment({
    namespace,
    body: {
      metadata,
      spec: {
        selector: { matchLabels: { app } },
        template: { metadata: { labels: { app } }, spec: { containers: [container('hecha00/app1:1.0.0')] } },
      },
    },
  })
  await config.makeApiClient(CoreV1Api).createNamespacedService({
    namespace,
    body: { metadata, spec: { selector: { app }, ports: [{ name: 'http', port: 80, targetPort: 'http' }] } },
  })
  const backend = { service: { name: app, port: { name: 'http' } } }
  await config.makeApiClient(NetworkingV1Api).createNamespacedIngress({
    namespace,
    body: {
      metadata,
      spec: {
        rules: [{ host: 'app1-it.info', http: { paths: [{ path: '/', pathType: 'Prefix', backend }] } }],
      },
    },
  })
  await config.makeApiClient(AutoscalingV2Api).createNamespacedHorizontalPodAutoscaler({
    namespace,
    body: {
      metadata,
      spec: {
        scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: app },
        minReplicas: 1,
        maxReplicas: 2,
        metrics: [
          {
            type: 'Resource',
            resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } },
          },
        ],
      },
    },
  })
}

/** Asks Traefik, as a browser would whose machine resolves the name to it. */
async function getThroughIngress(host: string, path: string): Promise<{ status: number; body: string }> {
  const [address, port] = process.env['K8SFLOW_TEST_INGRESS']!.split(':')
  return new Promise((resolve, reject) => {
    const request = http.get({ host: address, port, path, headers: { host } }, (response) => {
      let body = ''
      response.setEncoding('utf8').on('data', (chunk: string) => (body += chunk))
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }))
    })
    request.on('error', reject)
  })
}
