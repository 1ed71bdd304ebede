import { expect } from 'chai'

import { labelledServer } from '../../../src/cluster/argocd.js'
import { fakeCluster } from './fake-cluster.js'

const service = (name: string, port: number) => ({ metadata: { name }, spec: { ports: [{ port }] } })

describe('labelledServer', () => {
  it('finds the Service of a release of the Helm chart, not the one for metrics', async () => {
    const items = [service('home-argocd-server-metrics', 8083), service('home-argocd-server', 443)]
    const cluster = fakeCluster(() => ({ items }))
    expect(await labelledServer(cluster, 'gitops')).to.equal('home-argocd-server')
    expect(cluster.requests[0]).to.deep.include({ path: '/api/v1/namespaces/gitops/services' })
    expect(cluster.requests[0]?.query).to.include({ labelSelector: 'app.kubernetes.io/name=argocd-server' })
    expect(
      await labelledServer(
        fakeCluster(() => ({ items: [] })),
        'gitops',
      ),
    ).to.equal(undefined)
  })
})
