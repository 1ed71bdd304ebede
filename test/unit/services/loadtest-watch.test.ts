import { expect } from 'chai'

import type { LoadtestTarget } from '../../../src/services/loadtest-targets.js'
import { sampleApps } from '../../../src/services/loadtest-watch.js'
import { fakeCluster } from '../cluster/fake-cluster.js'

const target: LoadtestTarget = {
  ...{ name: 'app1-it', app: 'app1', country: 'it', namespace: 'we-road-it', environment: 'staging' },
  ...{ service: 'app1-svc-it', url: 'http://pi', host: 'app1-it.info', ping: 'hello' },
  autoscaling: undefined,
}
const deployment = {
  metadata: { name: 'app1-it', namespace: 'we-road-it' },
  spec: { replicas: 3, template: { spec: { containers: [{}] } } },
  status: { readyReplicas: 2 },
}

describe('a look at the apps under load', () => {
  it('has the replicas also where metrics-server does not answer', async () => {
    const cluster = fakeCluster(({ path }) => {
      if (path.startsWith('/apis/metrics.k8s.io/')) throw new Error('no complete answer')
      return { items: path.endsWith('/deployments') ? [deployment] : [] }
    })
    expect(await sampleApps(cluster, [target])).to.deep.equal([
      { name: 'app1-it', replicas: 3, ready: 2, cpu: null, cpuMillicores: null },
    ])
  })

  it('asks the API server three things, whatever the number of apps', async () => {
    const cluster = fakeCluster(({ path }) => ({
      items: path.endsWith('/deployments') ? [deployment] : [],
    }))
    const other = { ...target, name: 'app2-es', app: 'app2', country: 'es', namespace: 'we-road-es' }
    expect(await sampleApps(cluster, [target, other])).to.have.length(2)
    expect(cluster.requests.map(({ path }) => path).sort()).to.deep.equal([
      '/apis/apps/v1/deployments',
      '/apis/autoscaling/v2/horizontalpodautoscalers',
      '/apis/metrics.k8s.io/v1beta1/pods',
    ])
  })
})
