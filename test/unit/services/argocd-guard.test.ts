import { expect } from 'chai'

import type { ApiRequest } from '../../../src/cluster/cluster.js'
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

async function guard(
  reply: Reply | ((request: ApiRequest) => Reply),
  { allowed = false, dryRun = false, workloads = tracked as typeof tracked } = {},
) {
  const cluster = fakeCluster((request) => (typeof reply === 'function' ? reply(request) : reply))
  const intended = { what: 'this deployment', instead: 'Commit and push the values.', allowed, dryRun }
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
      "app1-it, app1-es are managed by Argo CD's Application we-road-app1, which follows main of https://example.org/me/homelab: it would undo this deployment. Nothing was changed.",
    )
    const [first, second, third] = error!.suggestions
    expect(first).to.equal('Commit and push the values.')
    expect(second).to.include('kubectl -n gitops patch application we-road-app1 --type merge')
    expect(third).to.include('--allow-argocd')
    expect(requests).to.have.length(1)
  })

  it('says how to suspend every Application there is, each where it is', async () => {
    const both = [...tracked.slice(0, 2), { app: 'app2', country: 'it', application: 'we-road-app2' }]
    const named = ({ query = {} }: ApiRequest) => {
      const name = String(query['fieldSelector']).replace('metadata.name=', '')
      const [item] = automated.items
      const suspended = { ...item, metadata: { name, namespace: 'other' }, spec: { syncPolicy: {} } }
      return { items: [suspended, { ...item, metadata: { name, namespace: `of-${name}` } }] }
    }
    const { error } = await guard(named, { workloads: both })
    for (const name of ['we-road-app1', 'we-road-app2'])
      expect(error!.suggestions[1]).to.include(`kubectl -n of-${name} patch application ${name} --type merge`)
  })

  it('lets a dry run go on, and says what would be refused', async () => {
    const { notes } = await guard(automated, { dryRun: true })
    expect(notes?.[0]).to.include('may undo this')
    expect(notes?.[1]).to.include('Without --allow-argocd this is refused')
    expect((await guard(automated, { dryRun: true, allowed: true })).notes).to.have.length(1)
  })

  it('names the source of an Application with several, and the branch where none is said', async () => {
    const several = structuredClone(automated) as { items: { spec: object }[] }
    several.items[0]!.spec = {
      sources: [{ repoURL: 'https://example.org/me/homelab' }, { repoURL: 'https://example.org/charts' }],
      syncPolicy: { automated: {} },
    }
    const { error } = await guard(several)
    expect(error?.message).to.include('which follows HEAD of https://example.org/me/homelab: it')
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
