import { expect } from 'chai'

import { workloads } from '../../../src/cluster/workloads.js'
import { ClusterAccessError } from '../../../src/errors.js'
import { type ApiRequest, ApiStatusError } from '../../../src/cluster/cluster.js'
import { fakeCluster } from './fake-cluster.js'

const deployment = (name: string, namespace: string, more: { metadata?: object; status?: object } = {}) => ({
  metadata: { name, namespace, generation: 2, creationTimestamp: '2026-11-24T08:00:00Z', ...more.metadata },
  spec: {
    replicas: 2,
    template: {
      spec: {
        containers: [{ image: 'hecha00/app1:1.0.0', env: [{ name: 'APP_NAME', value: 'app1-staging' }] }],
      },
    },
  },
  status: { observedGeneration: 2, replicas: 2, updatedReplicas: 2, readyReplicas: 1, ...more.status },
})
const autoscaler = {
  metadata: { name: 'app1-it', namespace: 'we-road-it' },
  spec: {
    minReplicas: 1,
    maxReplicas: 10,
    scaleTargetRef: { name: 'app1-it' },
    metrics: [{ containerResource: { name: 'cpu', target: { averageUtilization: 80 } } }],
  },
  status: {
    currentReplicas: 2,
    currentMetrics: [{ containerResource: { name: 'cpu', current: { averageUtilization: 12 } } }],
  },
}
const ingress = {
  metadata: { namespace: 'we-road-it' },
  spec: { rules: [{ host: 'app1-it.info' }, { host: 'app2-it.info' }] },
}
const cluster = (deployments: object[], autoscalers: object[] = [autoscaler]) =>
  fakeCluster(({ path }: ApiRequest) => {
    if (path.endsWith('/deployments')) return { items: deployments }
    if (path.endsWith('/horizontalpodautoscalers')) return { items: autoscalers }
    return path.endsWith('/ingresses') ? { items: [ingress] } : undefined
  })

describe('workloads', () => {
  it('reads app, country, environment, pods, autoscaler, host and release', async () => {
    const annotations = { 'meta.helm.sh/release-name': 'app1', 'meta.helm.sh/release-namespace': 'we-road' }
    const fake = cluster([deployment('app1-it', 'we-road-it', { metadata: { annotations } })])
    expect(await workloads(fake)).to.deep.equal([
      {
        app: 'app1',
        country: 'it',
        namespace: 'we-road-it',
        environment: 'staging',
        image: 'hecha00/app1:1.0.0',
        replicas: 2,
        ready: 1,
        upToDate: true,
        autoscaling: { minReplicas: 1, maxReplicas: 10, currentReplicas: 2, targetCpu: 80, currentCpu: 12 },
        hosts: ['app1-it.info'],
        createdAt: '2026-11-24T08:00:00Z',
        release: { name: 'app1', namespace: 'we-road' },
      },
    ])
    expect(fake.requests).to.have.length(4)
  })

  it('leaves out what is not an app in its country, and what was not asked for', async () => {
    const all = [
      deployment('app1-it', 'we-road-it'),
      deployment('app1-it', 'we-road-es'),
      deployment('app2-es', 'we-road-es'),
      deployment('app1-it', 'elsewhere'),
      deployment('redis', 'we-road-it'),
    ]
    const names = async (filter = {}) =>
      (await workloads(cluster(all), filter)).map(({ app, country }) => `${app}/${country}`)
    expect(await names()).to.deep.equal(['app1/it', 'app2/es'])
    expect(await names({ apps: ['app2'] })).to.deep.equal(['app2/es'])
    expect(await names({ countries: ['it'] })).to.deep.equal(['app1/it'])
  })

  it('does not ask twice where a country is named and listing everything is allowed', async () => {
    const fake = cluster([deployment('app1-it', 'we-road-it')])
    expect(await workloads(fake, { countries: ['it'] })).to.have.length(1)
    expect(fake.requests).to.have.length(4)
  })

  it('fails for what is not about rights, also where a country is named', async () => {
    const broken = fakeCluster(() => ({ status: 500, text: '{"kind":"Status","message":"etcd"}' }))
    const error = await workloads(broken, { countries: ['it'] }).catch((caught: unknown) => caught)
    expect(error).to.be.instanceOf(ApiStatusError)
    expect(broken.requests.every(({ path }) => !path.includes('/namespaces/'))).to.equal(true)
  })

  it('names Argo CD and plain manifests as what made it, and its Application', async () => {
    const annotated = (name: string, annotations: object, labels = {}) =>
      deployment(name, 'we-road-it', { metadata: { annotations, labels } })
    const id = (application: string, object = 'we-road-it/app1-it') => ({
      'argocd.argoproj.io/tracking-id': `${application}:apps/Deployment:${object}`,
    })
    const owner = async (annotations: object, labels = {}) => {
      const [found] = await workloads(cluster([annotated('app1-it', annotations, labels)]))
      const { release, managedBy, application } = found!
      return { release: release?.name, managedBy, application }
    }
    const none = { release: undefined, managedBy: 'manifests', application: undefined }
    const argo = { ...none, managedBy: 'Argo CD', application: 'we-road-app1' }
    expect(await owner({})).to.deep.equal(none)
    expect(await owner(id('we-road-app1'))).to.deep.equal(argo)
    expect(await owner(id('team_we-road-app1'))).to.deep.equal(argo)
    expect(await owner({}, { 'argocd.argoproj.io/instance': 'we-road-app1' })).to.deep.equal(argo)
    // Copied from another object along with everything else.
    expect(await owner(id('we-road-app1', 'elsewhere/app1-it'))).to.deep.equal(none)
    expect(await owner({ ...id('we-road-app1'), 'meta.helm.sh/release-name': 'app1' })).to.deep.equal({
      release: 'app1',
      managedBy: undefined,
      application: 'we-road-app1',
    })
  })

  it('is not up to date while an old pod covers for a new one that does not come up', async () => {
    const status = { replicas: 3, updatedReplicas: 2, readyReplicas: 2 }
    const [found] = await workloads(cluster([deployment('app1-it', 'we-road-it', { status })]))
    expect(found).to.include({ ready: 2, upToDate: false })
  })

  it('says why the CPU is unknown', async () => {
    const conditions = [
      { type: 'ScalingActive', status: 'False', reason: 'FailedGetResourceMetric', message: 'no metrics' },
    ]
    const [found] = await workloads(
      cluster([deployment('app1-it', 'we-road-it')], [{ ...autoscaler, status: { conditions } }]),
    )
    expect(found?.autoscaling)
      .to.include({ problem: 'FailedGetResourceMetric: no metrics' })
      .and.not.have.property('currentCpu')
  })

  it('asks country by country where listing everything is forbidden, and fails where no country is named', async () => {
    const refusing = fakeCluster(({ path }) => {
      if (!path.includes('/namespaces/')) return { status: 403, text: '{"kind":"Status","message":"no"}' }
      return {
        items:
          path === '/apis/apps/v1/namespaces/we-road-it/deployments'
            ? [deployment('app1-it', 'we-road-it')]
            : [],
      }
    })
    expect(await workloads(refusing, { countries: ['it', 'es'] })).to.have.length(1)
    // Each kind once everywhere, then in both countries; and the HTTPRoutes, which are not worth more.
    expect(refusing.requests).to.have.length(3 * 3 + 1)
    const error = await workloads(refusing).catch((caught: unknown) => caught)
    expect(error).to.be.instanceOf(ClusterAccessError)
  })
})
