import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** An app as the stand-in has it running. */
export interface FakeApp {
  app: string
  country: string
  environment?: string
  tag?: string
  ready?: boolean
  /** What it answers to /ping; otherwise what it should. */
  ping?: string
  release?: { name: string; namespace: string }
  /** The Application of Argo CD that tracks it. */
  application?: string
  /** Host of its Ingress; without one it has none. */
  host?: string
  /** IP address in that Ingress's status. */
  address?: string
}

/** A node, ready and without taints unless its spec says otherwise. */
export interface FakeNode {
  name: string
  architecture: string
  labels?: Record<string, string>
  spec?: object
  /** Its InternalIP addresses. */
  addresses?: string[]
}

export interface FakeApi {
  url: string
  apps: FakeApp[]
  /** Undefined where the user may not list them. */
  nodes: FakeNode[] | undefined
  namespaces: Map<string, { annotations?: Record<string, string>; labels?: Record<string, string> }>
  /** Every request that changes something, `METHOD path`. */
  changes: string[]
  /** Argo CD's Applications; undefined where it is not installed, `forbidden` where the user may not read them. */
  applications: object[] | 'forbidden' | undefined
  /** The first password of Argo CD's admin. */
  argocdPassword?: string
  /** Secrets that hold release records. */
  records: string[]
  close(): Promise<void>
}

/** The few answers of an API server that a deployment needs, over plain HTTP. */
export async function startFakeApi(): Promise<FakeApi> {
  const api: Omit<FakeApi, 'url' | 'close'> = {
    apps: [],
    nodes: [{ name: 'pi', architecture: 'arm64' }],
    namespaces: new Map(),
    changes: [],
    applications: undefined,
    records: [],
  }
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => (body += chunk.toString()))
    request.on('end', () => {
      const url = new URL(request.url ?? '/', 'http://fake')
      const method = request.method ?? 'GET'
      if (method !== 'GET' && !url.pathname.includes('selfsubjectaccessreviews'))
        api.changes.push(`${method} ${url.pathname}`)
      const forbidden =
        (url.pathname === '/api/v1/nodes' && api.nodes === undefined) ||
        (url.pathname.endsWith('/applications') && api.applications === 'forbidden')
      if (forbidden)
        return void response.writeHead(403).end('{"reason":"Forbidden","message":"this is forbidden"}')
      const reply = answer(api, { method, path: url.pathname, query: url.searchParams, body })
      response.writeHead(reply === undefined ? 404 : 200, { 'content-type': 'application/json' })
      if (reply === undefined) response.end(JSON.stringify({ kind: 'Status', message: 'not found' }))
      else response.end(typeof reply === 'string' ? reply : JSON.stringify(reply))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return Object.assign(api, {
    url: `http://127.0.0.1:${String(port)}`,
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  })
}

interface Asked {
  method: string
  path: string
  query: URLSearchParams
  body: string
}

function answer(api: Omit<FakeApi, 'url' | 'close'>, asked: Asked): object | string | undefined {
  const { method, path, query } = asked
  if (path === '/version') return { gitVersion: 'v1.37.2' }
  if (path.endsWith('selfsubjectaccessreviews')) return { status: { allowed: true } }
  if (path === '/api/v1/nodes') return { items: (api.nodes ?? []).map(node) }
  if (path === '/api/v1/namespaces')
    return { items: [...api.namespaces].map(([name, metadata]) => ({ metadata: { name, ...metadata } })) }
  const namespace = /^\/api\/v1\/namespaces\/([^/]+)$/.exec(path)?.[1]
  if (namespace !== undefined) return namespaceAnswer(api, namespace, asked)
  if (path === '/apis/apps/v1/deployments') return { items: api.apps.map(deployment) }
  if (path.endsWith('/ingresses')) return { items: api.apps.flatMap(ingress) }
  if (/(horizontalpodautoscalers|httproutes|endpointslices|\/services)$/.test(path)) return { items: [] }
  if (path.endsWith('/applications')) return api.applications && { items: api.applications }
  if (path.endsWith('/secrets/argocd-initial-admin-secret'))
    return api.argocdPassword === undefined
      ? undefined
      : { data: { password: Buffer.from(api.argocdPassword).toString('base64') } }
  if (path.endsWith('/log')) return 'nginx: something is wrong\n'
  if (path.endsWith('/events'))
    return {
      items: api.apps.map(({ app, country }) => ({
        type: 'Warning',
        reason: 'Failed',
        message: 'no such image',
        involvedObject: { kind: 'Pod', name: `${app}-${country}-1` },
        metadata: {},
      })),
    }
  if (path.endsWith('/pods'))
    return {
      items: api.apps
        .filter((app) => query.get('labelSelector')?.includes(`${app.app}-${app.country}`))
        .map(pod),
    }
  const ping = /services\/http:(app\d)-svc-(\w\w):http\/proxy\/ping$/.exec(path)
  if (ping) {
    const found = api.apps.find(({ app, country }) => app === ping[1] && country === ping[2])
    return (
      found && (found.ping ?? `hello from ${found.app}-${found.environment ?? 'staging'}-${found.country}`)
    )
  }
  if (path.endsWith('/secrets')) return { items: api.records.map((name) => ({ metadata: { name } })) }
  if (method === 'DELETE' && path.includes('/secrets/')) {
    api.records = api.records.filter((name) => !path.endsWith(`/${name}`))
    return {}
  }
  return undefined
}

function namespaceAnswer(
  api: Omit<FakeApi, 'url' | 'close'>,
  name: string,
  { method, body }: Asked,
): object | undefined {
  const known = api.namespaces.get(name)
  if (method === 'PATCH') {
    const { metadata = {} } = JSON.parse(body) as { metadata?: Record<string, Record<string, string>> }
    api.namespaces.set(name, {
      labels: { ...known?.labels, ...metadata['labels'] },
      annotations: { ...known?.annotations, ...metadata['annotations'] },
    })
    return {}
  }
  return known && { metadata: { name, ...known } }
}

function deployment({
  app,
  country,
  environment = 'staging',
  tag = '1.0.0',
  ready = true,
  release,
  application,
}: FakeApp) {
  const owner = release ?? { name: app, namespace: 'we-road' }
  return {
    metadata: {
      name: `${app}-${country}`,
      namespace: `we-road-${country}`,
      annotations: {
        'meta.helm.sh/release-name': owner.name,
        'meta.helm.sh/release-namespace': owner.namespace,
        ...(application === undefined
          ? {}
          : {
              'argocd.argoproj.io/tracking-id': `${application}:apps/Deployment:we-road-${country}/${app}-${country}`,
            }),
      },
    },
    spec: {
      replicas: 1,
      template: {
        spec: {
          containers: [
            { image: `hecha00/${app}:${tag}`, env: [{ name: 'APP_NAME', value: `${app}-${environment}` }] },
          ],
        },
      },
    },
    status: { readyReplicas: ready ? 1 : 0, updatedReplicas: 1 },
  }
}

function ingress({ country, host, address }: FakeApp) {
  if (host === undefined) return []
  return [
    {
      metadata: { namespace: `we-road-${country}` },
      spec: { rules: [{ host }] },
      status: address === undefined ? {} : { loadBalancer: { ingress: [{ ip: address }] } },
    },
  ]
}

function node({ name, architecture, labels = {}, spec = {}, addresses = [] }: FakeNode) {
  return {
    metadata: { name, labels: { 'kubernetes.io/arch': architecture, ...labels } },
    spec,
    status: {
      nodeInfo: { operatingSystem: 'linux', architecture },
      conditions: [{ type: 'Ready', status: 'True' }],
      addresses: addresses.map((address) => ({ type: 'InternalIP', address })),
    },
  }
}

function pod({ app, country, ready = true }: FakeApp) {
  const name = `${app}-${country}`
  return {
    metadata: { name: `${name}-1`, namespace: `we-road-${country}`, labels: { app: name } },
    spec: { containers: [{ name, image: `hecha00/${app}:1.0.0` }] },
    status: {
      phase: ready ? 'Running' : 'Pending',
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
      containerStatuses: [
        {
          name,
          restartCount: 0,
          state: ready
            ? { running: {} }
            : { waiting: { reason: 'ImagePullBackOff', message: 'no such image' } },
        },
      ],
    },
  }
}
