import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { expect } from 'chai'
import { parse } from 'yaml'
import { CHART, helm, manifests, type Manifest, ofKind, one, render } from './chart-render.js'
import { helmBinaries } from './helm-binaries.js'

const italy = { create: true, appName: 'app1', env: 'staging', countries: ['it'] }
const firstApp = (more: object = {}): object => ({ firstApp: { ...italy, ...more } })

/** The app's container in the only Deployment, or the one of that name. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
function container(objects: Manifest[], name?: string): any {
  const containers = one(objects, 'Deployment', name).spec.template.spec.containers
  expect(containers).to.have.length(1)
  return containers[0]
}

const names = (objects: Manifest[], kind: string): string[] =>
  ofKind(objects, kind).map(({ metadata }) => `${metadata.namespace ?? ''}/${metadata.name}`)

describe('the chart: the contract', () => {
  it('creates nothing by default, nor with create: false', async () => {
    expect(await render({})).to.deep.equal([])
    expect(await render({ firstApp: { ...italy, create: false }, secondApp: null })).to.deep.equal([])
  })

  it('keeps the names of the first chart', async () => {
    const objects = await render({
      secondApp: { create: true, appName: 'app2', env: 'staging', countries: ['it', 'is'] },
    })
    expect(names(objects, 'Namespace')).to.have.members(['/we-road-it', '/we-road-is'])
    for (const kind of ['Deployment', 'HorizontalPodAutoscaler', 'PodDisruptionBudget', 'NetworkPolicy'])
      expect(names(objects, kind), kind).to.deep.equal(['we-road-it/app2-it', 'we-road-is/app2-is'])
    expect(names(objects, 'Service')).to.have.members(['we-road-it/app2-svc-it', 'we-road-is/app2-svc-is'])
    expect(names(objects, 'Ingress')).to.have.members([
      'we-road-it/ingress-it-app2',
      'we-road-is/ingress-is-app2',
    ])
    expect(names(objects, 'HTTPRoute')).to.deep.equal([])
  })

  it('selects pods by the label app alone, in every object that selects', async () => {
    const objects = await render(firstApp({ extraLabels: { team: 'web' } }))
    const expected = { app: 'app1-it' }
    const deployment = one(objects, 'Deployment')
    expect(deployment.spec.selector).to.deep.equal({ matchLabels: expected })
    expect(deployment.spec.template.metadata.labels).to.include(expected)
    expect(deployment.spec.template.spec.topologySpreadConstraints[0].labelSelector).to.deep.equal({
      matchLabels: expected,
    })
    expect(one(objects, 'Service').spec.selector).to.deep.equal(expected)
    expect(one(objects, 'PodDisruptionBudget').spec.selector).to.deep.equal({ matchLabels: expected })
    expect(one(objects, 'NetworkPolicy').spec.podSelector).to.deep.equal({ matchLabels: expected })
  })

  it('labels every object with app, country and environment, and pods without the chart version', async () => {
    const objects = await render(firstApp())
    for (const { kind, metadata } of objects.filter(({ kind }) => !['Namespace', 'Pod'].includes(kind)))
      expect(metadata.labels, kind).to.deep.equal({
        app: 'app1-it',
        'app.kubernetes.io/name': 'app1',
        'app.kubernetes.io/instance': 'release',
        'app.kubernetes.io/version': '1.0.0',
        'app.kubernetes.io/component': 'web',
        'app.kubernetes.io/part-of': 'we-road',
        'app.kubernetes.io/managed-by': 'Helm',
        'helm.sh/chart': 'k8sflow-1.0.0',
        'k8sflow.io/country': 'it',
        'k8sflow.io/environment': 'staging',
      })
    expect(one(objects, 'Deployment').spec.template.metadata.labels).not.to.have.any.keys('helm.sh/chart')
  })

  it('runs one container named after app and country, with APP_NAME and COUNTRY', async () => {
    const app = container(await render(firstApp({ extraEnv: [{ name: 'GREETING', value: 'ciao' }] })))
    expect(app.name).to.equal('app1-it')
    expect(app.image).to.equal('hecha00/app1:1.0.0')
    expect(app.ports).to.deep.equal([{ name: 'http', containerPort: 8080, protocol: 'TCP' }])
    expect(app.env).to.deep.equal([
      { name: 'APP_NAME', value: 'app1-staging' },
      { name: 'COUNTRY', value: 'it' },
      { name: 'GREETING', value: 'ciao' },
    ])
    expect(app.resources.requests).to.include({ cpu: '20m', memory: '20Mi' })
    expect(app.resources.limits).to.include({ cpu: '40m', memory: '40Mi' })
  })

  it('probes /ping in three ways that differ', async () => {
    const app = container(await render(firstApp()))
    const probes = [app.startupProbe, app.readinessProbe, app.livenessProbe]
    for (const probe of probes) expect(probe.httpGet).to.deep.equal({ path: '/ping', port: 'http' })
    expect(new Set(probes.map((probe) => JSON.stringify(probe)))).to.have.property('size', 3)
    const patience = (probe: { periodSeconds: number; failureThreshold: number }): number =>
      probe.periodSeconds * probe.failureThreshold
    expect(patience(app.readinessProbe)).to.be.below(patience(app.livenessProbe))
  })

  it('meets Pod Security restricted, with a read-only root and the folders nginx writes to', async () => {
    const objects = await render(firstApp())
    for (const pod of [one(objects, 'Deployment').spec.template.spec, one(objects, 'Pod').spec]) {
      expect(pod).to.include({ automountServiceAccountToken: false, enableServiceLinks: false })
      expect(pod.securityContext).to.deep.equal({
        runAsNonRoot: true,
        runAsUser: 10101,
        runAsGroup: 10101,
        seccompProfile: { type: 'RuntimeDefault' },
      })
      expect(pod.containers[0].securityContext).to.deep.equal({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        runAsNonRoot: true,
        runAsUser: 10101,
        runAsGroup: 10101,
        capabilities: { drop: ['ALL'] },
      })
    }
    const { volumes } = one(objects, 'Deployment').spec.template.spec
    const mounts = container(objects).volumeMounts
    expect(mounts.map((mount: { mountPath: string }) => mount.mountPath)).to.have.members([
      '/etc/nginx/conf.d',
      '/var/cache/nginx',
      '/run',
      '/tmp',
    ])
    expect(mounts.map((mount: { name: string }) => mount.name)).to.have.members(
      volumes.map((volume: { name: string }) => volume.name),
    )
    for (const volume of volumes) expect(volume.emptyDir.sizeLimit, volume.name).to.match(/^\d+Mi$/)
  })

  it('routes <app>-<country>.info through Service port 80 to the http port', async () => {
    const objects = await render(firstApp())
    expect(one(objects, 'Service').spec).to.deep.include({
      type: 'ClusterIP',
      ports: [{ name: 'http', port: 80, targetPort: 'http', protocol: 'TCP' }],
    })
    expect(one(objects, 'Ingress').spec).to.deep.equal({
      rules: [
        {
          host: 'app1-it.info',
          http: {
            paths: [
              {
                path: '/',
                pathType: 'Prefix',
                backend: { service: { name: 'app1-svc-it', port: { name: 'http' } } },
              },
            ],
          },
        },
      ],
    })
  })

  it('scales 1 to 10 at 80 % of the container’s CPU, and then names no replicas', async () => {
    const objects = await render(firstApp({ replicas: 3 }))
    expect(one(objects, 'Deployment').spec).not.to.have.property('replicas')
    expect(one(objects, 'HorizontalPodAutoscaler').spec).to.deep.equal({
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'app1-it' },
      minReplicas: 1,
      maxReplicas: 10,
      metrics: [
        {
          type: 'ContainerResource',
          containerResource: {
            name: 'cpu',
            container: 'app1-it',
            target: { type: 'Utilization', averageUtilization: 80 },
          },
        },
      ],
    })
  })

  it('names replicas while autoscaling is off, zero included', async () => {
    for (const replicas of [0, 1, 4]) {
      const objects = await render(firstApp({ replicas, autoscaling: { enabled: false } }))
      expect(one(objects, 'Deployment').spec.replicas).to.equal(replicas)
      expect(ofKind(objects, 'HorizontalPodAutoscaler')).to.deep.equal([])
    }
  })

  it('lets in the http port from anywhere and nothing out', async () => {
    const { spec } = one(await render(firstApp()), 'NetworkPolicy')
    expect(spec.policyTypes).to.deep.equal(['Ingress', 'Egress'])
    expect(spec.ingress).to.deep.equal([{ ports: [{ port: 'http', protocol: 'TCP' }] }])
    expect(spec.egress).to.deep.equal([])
  })

  it('never blocks a drain', async () => {
    expect(one(await render(firstApp()), 'PodDisruptionBudget').spec).to.include({
      maxUnavailable: 1,
      unhealthyPodEvictionPolicy: 'AlwaysAllow',
    })
  })
})

describe('the chart: values', () => {
  it('quotes Norway everywhere', async () => {
    const objects = await render(firstApp({ countries: ['no', 'on'] }))
    expect(names(objects, 'Namespace')).to.deep.equal(['/we-road-no', '/we-road-on'])
    expect(container(objects, 'app1-no').env[1]).to.deep.equal({ name: 'COUNTRY', value: 'no' })
    const texts = JSON.stringify(
      objects.map(({ metadata, spec }) => [metadata.labels, spec?.template?.metadata]),
    )
    expect(texts).not.to.match(/:(true|false|null|[0-9])/)
  })

  it('renders the namespaces of both apps once each, kept, with Pod Security', async () => {
    const objects = await render({
      firstApp: { ...italy, countries: ['it', 'es'] },
      secondApp: { create: true, countries: ['is', 'it'] },
    })
    expect(names(objects, 'Namespace')).to.deep.equal(['/we-road-es', '/we-road-is', '/we-road-it'])
    for (const { metadata } of ofKind(objects, 'Namespace')) {
      expect(metadata.annotations).to.deep.equal({
        'helm.sh/resource-policy': 'keep',
        'argocd.argoproj.io/sync-options': 'Prune=false,Delete=false',
      })
      for (const mode of ['enforce', 'audit', 'warn'])
        expect(metadata.labels).to.include({ [`pod-security.kubernetes.io/${mode}`]: 'restricted' })
    }
  })

  it('renders exactly the namespaces, whatever else is on, with namespaces.only', async () => {
    const everything = await readFile(
      path.join(CHART, '../test/fixtures/valid/per-country-all-keys.yml'),
      'utf8',
    )
    const countries = { ...italy, countries: ['it', 'es'], logs: { enabled: true, public: true } }
    for (const values of [
      everything,
      { firstApp: countries, secondApp: { create: true, countries: ['is'] } },
    ]) {
      const all = await render(values)
      const objects = await render(values, '--set', 'namespaces.only=true')
      expect(objects.map(({ kind }) => kind)).to.deep.equal(names(all, 'Namespace').map(() => 'Namespace'))
      expect(names(objects, 'Namespace')).to.deep.equal(names(all, 'Namespace')).and.not.deep.equal([])
      for (const { metadata } of objects)
        expect(metadata.annotations).to.include({
          'argocd.argoproj.io/compare-options': 'IgnoreExtraneous',
          'argocd.argoproj.io/sync-options': 'Prune=false,Delete=false',
          'helm.sh/resource-policy': 'keep',
        })
    }
    expect(await render(firstApp(), '--set', 'namespaces.only=true,namespaces.create=false')).to.deep.equal(
      [],
    )
  })

  it('has no dashboard among them: the release of the apps brings it', async () => {
    const values = { ...firstApp(), dashboard: { enabled: true } }
    const objects = await render(values, '--set', 'namespaces.only=true')
    expect(objects.map(({ kind }) => kind)).to.deep.equal(['Namespace'])
  })

  it('leaves out namespaces, and single Pod Security modes, when told so', async () => {
    expect(ofKind(await render({ ...firstApp(), namespaces: { create: false } }), 'Namespace')).to.deep.equal(
      [],
    )
    const podSecurity = { enforce: null, audit: '', warn: 'baseline' }
    const { labels } = one(await render({ ...firstApp(), namespaces: { podSecurity } }), 'Namespace').metadata
    expect(labels).to.include({ 'pod-security.kubernetes.io/warn': 'baseline' })
    expect(Object.keys(labels).filter((label) => label.startsWith('pod-security'))).to.have.length(1)
  })

  it('survives null in place of every optional key', async () => {
    const values = await readFile(path.join(CHART, '../test/fixtures/valid/null-everything.yml'), 'utf8')
    const objects = await render(values)
    expect(new Set(objects.map(({ kind }) => kind))).to.deep.equal(
      new Set((await render(firstApp())).map(({ kind }) => kind)),
    )
    expect(container(objects).env[0]).to.deep.equal({ name: 'APP_NAME', value: 'app1-production' })
  })

  it('takes a digest before a tag, a repository as it is', async () => {
    const digest = `sha256:${'0'.repeat(64)}`
    const image = async (value: object): Promise<string> =>
      container(await render(firstApp({ image: value }))).image
    expect(await image({ tag: '2.0' })).to.equal('hecha00/app1:2.0')
    expect(await image({ tag: '2.0', digest })).to.equal(`hecha00/app1@${digest}`)
    expect(await image({ repository: 'localhost:5000/app1', tag: '2.0' })).to.equal('localhost:5000/app1:2.0')
  })

  it('starts no pod again for another tag of the same digest', async () => {
    const digest = `sha256:${'0'.repeat(64)}`
    const deployment = async (tag: string) =>
      one(await render(firstApp({ image: { tag, digest } })), 'Deployment')
    const [first, second] = [await deployment('1.0'), await deployment('2.0')]
    expect(second.spec.template).to.deep.equal(first.spec.template)
    expect(second.metadata.labels).to.include({ 'app.kubernetes.io/version': '2.0' })
  })

  it('merges perCountry over the app, for that country and app alone', async () => {
    const app = {
      create: true,
      countries: ['it', 'es'],
      resources: { limits: { memory: '50Mi' } },
      podAnnotations: { keep: 'x', drop: 'x' },
    }
    const it_ = {
      replicas: 0,
      autoscaling: { enabled: false },
      resources: { limits: { cpu: null } },
      podAnnotations: { drop: null, add: 'x' },
      networkPolicy: { enabled: false },
      nodeSelector: { zone: 'south' },
    }
    const objects = await render({ firstApp: { ...app, perCountry: { it: it_ } }, secondApp: app })
    const untouched = await render({ firstApp: app, secondApp: app })
    const others = (all: Manifest[]): Manifest[] =>
      all.filter(({ metadata }) => !/app1-(svc-)?it|it-app1/.test(metadata.name))
    expect(others(objects)).to.deep.equal(others(untouched))

    const { spec } = one(objects, 'Deployment', 'app1-it')
    expect(spec.replicas).to.equal(0)
    expect(spec.template.metadata.annotations).to.deep.equal({ keep: 'x', add: 'x' })
    expect(spec.template.spec.nodeSelector).to.deep.equal({ zone: 'south' })
    expect(container(objects, 'app1-it').resources.limits).to.deep.equal({
      memory: '50Mi',
      'ephemeral-storage': '128Mi',
    })
    expect(names(objects, 'NetworkPolicy')).not.to.include('we-road-it/app1-it')
  })

  it('sets up TLS with a Secret per app and country unless named', async () => {
    const tls = async (value: object): Promise<object> =>
      one(await render(firstApp({ ingress: { ingressClassName: 'traefik', tls: value } })), 'Ingress').spec
    expect(await tls({ enabled: true })).to.deep.include({
      ingressClassName: 'traefik',
      tls: [{ hosts: ['app1-it.info'], secretName: 'app1-it-tls' }],
    })
    expect(await tls({ enabled: true, secretName: 'own' })).to.deep.include({
      tls: [{ hosts: ['app1-it.info'], secretName: 'own' }],
    })
  })

  it('names the issuer of the certificate to cert-manager, unless somebody else makes it', async () => {
    const annotations = async (tls: object, own?: object): Promise<object | undefined> =>
      one(await render(firstApp({ ingress: { tls, annotations: own } })), 'Ingress').metadata.annotations
    const issuer = (name: string) => ({ 'cert-manager.io/cluster-issuer': name })
    expect(await annotations({ enabled: true })).to.deep.equal(issuer('k8sflow-ca'))
    expect(await annotations({ enabled: true, issuer: null })).to.deep.equal(issuer('k8sflow-ca'))
    for (const name of ['ca', 'letsencrypt-staging', 'letsencrypt'])
      expect(await annotations({ enabled: true, issuer: name, secretName: 'x' })).to.deep.equal(
        issuer(`k8sflow-${name}`),
      )
    for (const tls of [
      { enabled: true, issuer: 'none' },
      { enabled: true, secretName: 'own' },
      { enabled: false, issuer: 'ca' },
    ])
      expect(await annotations(tls), JSON.stringify(tls)).to.equal(undefined)
    expect(await annotations({ enabled: true }, { a: 'b' })).to.deep.equal({
      a: 'b',
      ...issuer('k8sflow-ca'),
    })
    for (const own of [issuer('homelab'), { 'cert-manager.io/issuer': 'homelab' }])
      expect(await annotations({ enabled: true, issuer: 'ca' }, own)).to.deep.equal(own)
  })

  it('offers an HTTPRoute in place of the Ingress', async () => {
    const parentRefs = [{ name: 'traefik-gateway', namespace: 'kube-system' }]
    const objects = await render(
      firstApp({ ingress: { enabled: false }, httpRoute: { enabled: true, parentRefs } }),
    )
    expect(ofKind(objects, 'Ingress')).to.deep.equal([])
    const route = one(objects, 'HTTPRoute')
    expect(route.metadata.name).to.equal('app1-it')
    expect(route.spec).to.deep.include({ parentRefs, hostnames: ['app1-it.info'] })
    expect(route.spec.rules[0].backendRefs).to.deep.equal([{ name: 'app1-svc-it', port: 80 }])
  })

  it('raises maxReplicas to minReplicas, and takes memory and behavior', async () => {
    const behavior = { scaleDown: { stabilizationWindowSeconds: 60 } }
    const autoscaling = { minReplicas: 12, targetMemoryUtilizationPercentage: 70, behavior }
    const { spec } = one(await render(firstApp({ autoscaling })), 'HorizontalPodAutoscaler')
    expect(spec).to.deep.include({ minReplicas: 12, maxReplicas: 12, behavior })
    expect(spec.metrics.map((metric: Manifest['spec']) => metric.containerResource.name)).to.deep.equal([
      'cpu',
      'memory',
    ])
  })

  it('keeps the test pods out of the Service, and gives them an image of their own on request', async () => {
    const pod = one(
      await render({ ...firstApp(), tests: { image: { repository: 'busybox', tag: '1.37' } } }),
      'Pod',
    )
    expect(pod.metadata.labels).to.include({ app: 'app1-it-test' })
    expect(pod.metadata.annotations).to.include({ 'helm.sh/hook': 'test' })
    expect(pod.spec.containers[0].image).to.equal('busybox:1.37')
    expect(pod.spec.containers[0].env).to.deep.include({
      name: 'EXPECTED',
      value: 'hello from app1-staging-it',
    })
    expect(one(await render(firstApp()), 'Pod').spec.containers[0].image).to.equal('hecha00/app1:1.0.0')
    expect(ofKind(await render({ ...firstApp(), tests: { enabled: false } }), 'Pod')).to.deep.equal([])
  })

  it('ships values-prod.yaml: both apps, production, three countries, rendered alike by helm 3 and 4', async () => {
    const outputs = await Promise.all(
      (await helmBinaries()).map(async ({ path: program }) => {
        const { stdout } = await helm(program, [
          'template',
          'release',
          CHART,
          '-f',
          path.join(CHART, 'values-prod.yaml'),
        ])
        return stdout
      }),
    )
    expect(new Set(outputs)).to.have.property('size', 1)
    const objects = manifests(outputs[0]!)
    expect(ofKind(objects, 'Namespace')).to.have.length(3)
    expect(names(objects, 'Deployment')).to.have.length(6)
    for (const deployment of ofKind(objects, 'Deployment'))
      expect(deployment.metadata.labels).to.include({ 'k8sflow.io/environment': 'production' })
  })
})

describe('the chart: notes', () => {
  before(async function () {
    // helm 3 asks a cluster even for a client-side dry run, and `template` prints no notes.
    if ((await helmBinaries()).at(-1)!.version === 3) this.skip()
  })

  it('say how to reach each app', async () => {
    const text = await notes(
      firstApp({ countries: ['it', 'es'], perCountry: { es: { ingress: { tls: { enabled: true } } } } }),
    )
    expect(text).to.include('http://app1-it.info/ping')
    expect(text).to.include('https://app1-es.info/ping')
    expect(text).to.include('kubectl --namespace we-road-es port-forward service/app1-svc-es 8080:80')
  })

  it('name a perCountry that is ignored because its country is not deployed', async () => {
    const values = firstApp({ perCountry: { es: { replicas: 2 } } })
    expect(await render(values)).to.deep.equal(await render(firstApp()))
    expect(await notes(values)).to.include('firstApp.perCountry.es is ignored')
  })

  it('say that maxReplicas was raised', async () => {
    expect(await notes(firstApp({ autoscaling: { minReplicas: 12 } }))).to.include(
      'raised to minReplicas (12)',
    )
  })

  it('say how to begin when nothing is created', async () => {
    expect(await notes({}))
      .to.include('Nothing is created')
      .and.to.include('create: true')
  })

  it('warn of the top-level keys the first chart never read', async () => {
    expect(await notes({ ...firstApp(), replicaCount: 3, ingress: { enabled: false } })).to.include(
      'ignored at the top level of the values, as in the first chart: replicaCount, ingress.',
    )
  })
})

describe('the chart: schema', () => {
  it('states the defaults that values.yaml sets', async () => {
    const schema = JSON.parse(await readFile(path.join(CHART, 'values.schema.json'), 'utf8')) as Schema
    const values = parse(await readFile(path.join(CHART, 'values.yaml'), 'utf8'), { merge: true }) as Record<
      string,
      unknown
    >
    expect(Object.keys(values)).to.have.members(['firstApp', 'secondApp', 'namespaces', 'dashboard', 'tests'])
    for (const key of Object.keys(values)) compareDefaults(schema, schema.properties![key]!, values[key], key)
  })

  it('has nothing beside $ref and no keyword newer than draft-07', async () => {
    const schema = JSON.parse(await readFile(path.join(CHART, 'values.schema.json'), 'utf8')) as Schema
    expect(schema.$schema).to.equal('http://json-schema.org/draft-07/schema#')
    everySchema(schema, (part, where) => {
      if (part.$ref !== undefined) expect(Object.keys(part), where).to.deep.equal(['$ref'])
      // helm 3.17 reads past what it does not know; `deprecated` is a note to editors only.
      expect(DRAFT_07, where).to.include.members(Object.keys(part))
    })
  })

  it('describes every property', async () => {
    const schema = JSON.parse(await readFile(path.join(CHART, 'values.schema.json'), 'utf8')) as Schema
    everySchema(schema, (part, where) => {
      if (where.includes('/allOf')) return
      for (const [name, property] of Object.entries(part.properties ?? {})) {
        const described = property.$ref === undefined ? property : definition(schema, property.$ref)
        expect(described.description, `${where}/${name}`).to.be.a('string')
      }
    })
  })
})

interface Schema {
  $schema?: string
  $ref?: string
  description?: string
  default?: unknown
  properties?: Record<string, Schema>
  definitions?: Record<string, Schema>
  allOf?: Schema[]
  [keyword: string]: unknown
}

const DRAFT_07 = (
  '$schema $ref title description default deprecated type enum properties additionalProperties propertyNames required items ' +
  'uniqueItems minItems minLength maxLength minimum maximum pattern allOf if then not definitions'
).split(' ')

function definition(schema: Schema, reference: string): Schema {
  return schema.definitions![reference.replace('#/definitions/', '')]!
}

/** Call `visit` for a schema and every schema inside it. */
function everySchema(schema: Schema, visit: (part: Schema, where: string) => void, where = '#'): void {
  visit(schema, where)
  for (const [keyword, value] of Object.entries(schema)) {
    const inside =
      keyword === 'properties' || keyword === 'definitions' || keyword === 'allOf'
        ? Object.entries(value as Record<string, Schema>)
        : ['items', 'additionalProperties', 'propertyNames', 'if', 'then', 'not'].includes(keyword) &&
            typeof value === 'object'
          ? [['', value as Schema] as const]
          : []
    for (const [name, part] of inside) everySchema(part, visit, `${where}/${keyword}/${name}`)
  }
}

/** Every value that values.yaml sets is the schema's default, and every default of the schema is in values.yaml. */
function compareDefaults(root: Schema, schema: Schema, value: unknown, where: string): void {
  const resolved = [schema, ...(schema.allOf ?? [])].map((part) =>
    part.$ref === undefined ? part : definition(root, part.$ref),
  )
  const properties = resolved.find((part) => part.additionalProperties === false)?.properties
  if (
    properties === undefined ||
    (typeof value === 'object' && value !== null && Object.keys(value).length === 0)
  ) {
    if (!where.endsWith('.appName')) expect(resolved[0]!.default, where).to.deep.equal(value)
    return
  }
  for (const [name, property] of Object.entries(properties)) {
    const inner = property.$ref === undefined ? property : definition(root, property.$ref)
    const child = (value as Record<string, unknown>)[name]
    if (child !== undefined || inner.default !== undefined)
      compareDefaults(root, inner, child, `${where}.${name}`)
  }
}

/** What the chart's notes say, rendered without a cluster by helm 4. */
async function notes(values: object): Promise<string> {
  const { code, stdout, stderr } = await helm(
    (await helmBinaries()).at(-1)!.path,
    ['install', 'release', CHART, '--dry-run=client', '-f', '-'],
    JSON.stringify(values),
  )
  if (code !== 0) throw new Error(stderr)
  return stdout.slice(stdout.indexOf('NOTES:'))
}
