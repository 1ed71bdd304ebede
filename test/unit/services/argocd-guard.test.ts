import { expect } from 'chai'

import type { K8sflowError } from '../../../src/errors.js'
import { refuseArgocd } from '../../../src/services/argocd-guard.js'
import { fakeCluster, type Reply } from '../cluster/fake-cluster.js'

const tracked = [
  { app: 'app1', country: 'it', application: 'we-road-app1' },
  { app: 'app1', country: 'es', application: 'we-road-app1' },
  { app: 'app2', country: 'it' },
]
const application = (syncPolicy: object) => ({
  items: [
    {
      metadata: { name: 'we-road-app1', namespace: 'gitops' },
      spec: { source: { repoURL: 'https://example.org/me/homelab', targetRevision: 'main' }, syncPolicy },
    },
  ],
})
const automated = application({ automated: { prune: true } })

async function guard(reply: Reply, { allowed = false, workloads = tracked as typeof tracked } = {}) {
  const cluster = fakeCluster(() => reply)
  const intended = { what: 'this deployment', instead: 'Commit and push the values instead', allowed }
  try {
    return { notes: await refuseArgocd(cluster, workloads, intended), requests: cluster.requests }
  } catch (error) {
    return { error: error as K8sflowError, requests: cluster.requests }
  }
}

describe('refuseArgocd', () => {
  it('asks nothing where nothing is tracked', async () => {
    const { notes, requests } = await guard(undefined, { workloads: tracked.slice(2) })
    expect(notes).to.deep.equal([])
    expect(requests).to.deep.equal([])
  })

  it('refuses what an Application would undo, and says how to go on', async () => {
    const { error, requests } = await guard(automated)
    expect(error).to.include({ code: 'MANAGED_BY_ARGOCD', exitCode: 2 })
    expect(error?.message).to.equal(
      "app1-it, app1-es are managed by Argo CD's Application we-road-app1: it would undo this deployment. Nothing was changed.",
    )
    const [first, second, third] = error!.suggestions
    expect(first).to.equal(
      'Commit and push the values instead (Argo CD follows main of https://example.org/me/homelab).',
    )
    expect(second).to.include('kubectl -n gitops patch application we-road-app1 --type merge')
    expect(third).to.include('--allow-argocd')
    expect(requests).to.have.length(1)
  })

  it('takes an Application that may not be read for one that would', async () => {
    const forbidden = { status: 403, text: '{"message":"no"}' }
    expect((await guard(forbidden)).error).to.include({ code: 'MANAGED_BY_ARGOCD' })
    expect((await guard(forbidden, { allowed: true })).notes?.[0]).to.include('may undo this')
  })

  it('goes on, with a warning, where it was allowed, is not automatic, or the Application is gone', async () => {
    expect((await guard(automated, { allowed: true })).notes).to.deep.equal([
      "Argo CD's Application we-road-app1 manages app1-it, app1-es and may undo this.",
    ])
    for (const policy of [{}, { automated: null }, { automated: { enabled: false } }])
      expect((await guard(application(policy))).notes?.[0]).to.include('which is not automatic')
    for (const gone of [undefined, { items: [] }, { items: null }])
      expect((await guard(gone)).notes?.[0]).to.include('which does not exist any more')
  })
})
