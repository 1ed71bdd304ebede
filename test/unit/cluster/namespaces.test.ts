import { expect } from 'chai'

import { foreignObjects } from '../../../src/cluster/namespace-contents.js'
import {
  applyNamespaces,
  deleteNamespaces,
  keepNamespaces,
  namespaceOwners,
} from '../../../src/cluster/namespaces.js'
import { FailedError } from '../../../src/errors.js'
import { fakeCluster } from './fake-cluster.js'

const owned = {
  metadata: {
    name: 'we-road-it',
    annotations: { 'meta.helm.sh/release-name': 'old', 'meta.helm.sh/release-namespace': 'default' },
  },
}
const kept = {
  metadata: {
    name: 'we-road-es',
    labels: { 'pod-security.kubernetes.io/enforce': 'restricted' },
    annotations: { ...owned.metadata.annotations, 'helm.sh/resource-policy': 'keep' },
  },
}
const withNamespaces = (...items: { metadata: { name: string; [key: string]: unknown } }[]) =>
  fakeCluster(({ path, method }) => {
    if (method === 'PATCH') return {}
    if (path === '/api/v1/namespaces') return { items }
    return items.find(({ metadata }) => path === `/api/v1/namespaces/${metadata.name}`)
  })
const patches = (cluster: ReturnType<typeof fakeCluster>) =>
  cluster.requests.filter(({ method }) => method === 'PATCH')

describe('namespaces', () => {
  it('creates only those that are missing, with Pod Security, and warns of a lax one', async () => {
    const cluster = withNamespaces(owned, kept)
    const result = await applyNamespaces(cluster, ['we-road-it', 'we-road-es', 'we-road-uk', 'we-road-uk'])
    expect(result).to.deep.include({ created: ['we-road-uk'], existing: ['we-road-it', 'we-road-es'] })
    expect(result.warnings.join()).to.include('we-road-it').and.not.include('we-road-es')
    const [patch, ...others] = patches(cluster)
    expect(others).to.deep.equal([])
    expect(patch).to.deep.include({
      path: '/api/v1/namespaces/we-road-uk',
      contentType: 'application/apply-patch+yaml',
    })
    expect(patch?.query).to.deep.equal({ fieldManager: 'k8sflow', force: true })
    const { metadata } = patch?.body as { metadata: { labels: Record<string, string> } }
    expect(metadata.labels['pod-security.kubernetes.io/enforce']).to.equal('restricted')
  })

  it('changes nothing as a dry run, and tells the command', async () => {
    const cluster = withNamespaces(owned)
    const made = await applyNamespaces(cluster, ['we-road-uk', 'we-road-it'], { dryRun: true })
    expect(made.commands[0]).to.match(
      /^echo '\{.*"name":"we-road-uk".*\}' \| kubectl apply --server-side --field-manager=k8sflow -f -$/,
    )
    const keeping = await keepNamespaces(cluster, ['we-road-it'], { dryRun: true })
    expect(keeping.commands).to.deep.equal([
      'kubectl annotate --overwrite namespace we-road-it helm.sh/resource-policy=keep',
    ])
    expect(patches(cluster)).to.deep.equal([])
  })

  it('keeps those that a release owns and nothing keeps yet', async () => {
    const cluster = withNamespaces(owned, kept, { metadata: { name: 'we-road-uk' } })
    const { annotated } = await keepNamespaces(cluster, [
      'we-road-it',
      'we-road-es',
      'we-road-uk',
      'we-road-fr',
    ])
    expect(annotated).to.deep.equal(['we-road-it'])
    expect(patches(cluster).map(({ body }) => body)).to.deep.equal([
      { metadata: { annotations: { 'helm.sh/resource-policy': 'keep' } } },
    ])
  })

  it('refuses a namespace that is being deleted', async () => {
    const cluster = withNamespaces({
      metadata: { name: 'we-road-it', deletionTimestamp: '2026-11-24T08:00:00Z' },
    })
    const error = await applyNamespaces(cluster, ['we-road-it', 'we-road-es']).catch(
      (caught: unknown) => caught,
    )
    expect(error).to.be.instanceOf(FailedError).with.property('code', 'NAMESPACE_TERMINATING')
  })

  it('asks for each one where the user may not list them', async () => {
    const cluster = fakeCluster(({ path }) =>
      path === '/api/v1/namespaces' ? { status: 403, text: '{}' } : path.endsWith('-it') ? owned : undefined,
    )
    const infos = await namespaceOwners(cluster, ['we-road-it', 'we-road-es'])
    expect(infos.map(({ exists, release }) => [exists, release?.name])).to.deep.equal([
      [true, 'old'],
      [false, undefined],
    ])
  })

  it('waits for deletion, and says why it does not get on', async () => {
    let asked = 0
    const gone = fakeCluster(({ method }) => (method === 'DELETE' || (asked += 1) < 3 ? owned : undefined))
    expect(await deleteNamespaces(gone, ['we-road-it'], { timeoutMs: 60_000, pollMs: 1 })).to.deep.equal({
      remaining: [],
    })
    const stuck = fakeCluster(() => ({
      ...owned,
      status: {
        conditions: [
          { type: 'NamespaceDeletionDiscoveryFailure', status: 'True', message: 'Discovery failed' },
        ],
      },
    }))
    expect(await deleteNamespaces(stuck, ['we-road-it'], { timeoutMs: 5, pollMs: 1 })).to.deep.equal({
      remaining: ['we-road-it'],
      reason: 'Discovery failed',
    })
  })
})

describe('contents of a namespace', () => {
  const resource = (name: string, kind: string) => ({
    resource: name,
    scope: 'Namespaced',
    verbs: ['list', 'delete'],
    responseKind: { kind },
  })
  const core = {
    items: [
      {
        versions: [
          {
            version: 'v1',
            resources: [
              resource('configmaps', 'ConfigMap'),
              resource('secrets', 'Secret'),
              { ...resource('nodes', 'Node'), scope: 'Cluster' },
            ],
          },
        ],
      },
    ],
  }
  const groups = {
    items: [
      {
        metadata: { name: 'apps' },
        versions: [
          {
            version: 'v1',
            resources: [resource('deployments', 'Deployment'), resource('replicasets', 'ReplicaSet')],
          },
        ],
      },
    ],
  }
  const release = (name: string) => ({
    annotations: { 'meta.helm.sh/release-name': name, 'meta.helm.sh/release-namespace': 'we-road' },
  })

  it('leaves out its own furniture, what the releases hold, and what other objects own', async () => {
    const lists: Record<string, object> = {
      '/api': core,
      '/apis': groups,
      '/api/v1/namespaces/we-road-it/configmaps': {
        items: [{ metadata: { name: 'kube-root-ca.crt' } }, { metadata: { name: 'mine' } }],
      },
      // As Go writes an empty list of metadata.
      '/api/v1/namespaces/we-road-it/secrets': { items: null },
      '/apis/apps/v1/namespaces/we-road-it/deployments': {
        items: [
          { metadata: { name: 'app1-it', ...release('app1') } },
          { metadata: { name: 'app2-it', ...release('app2') } },
        ],
      },
      '/apis/apps/v1/namespaces/we-road-it/replicasets': {
        items: [
          { metadata: { name: 'app2-it-5c8', ownerReferences: [{ kind: 'Deployment', name: 'app2-it' }] } },
        ],
      },
    }
    const cluster = fakeCluster(({ path }) => lists[path])
    const found = await foreignObjects(cluster, 'we-road-it', [{ name: 'app1', namespace: 'we-road' }])
    expect(found).to.deep.equal([
      { namespace: 'we-road-it', kind: 'ConfigMap', name: 'mine' },
      { namespace: 'we-road-it', kind: 'Deployment', name: 'app2-it', release: 'app2' },
    ])
  })

  it('leaves out certificates that were made for the apps', async () => {
    const made = (key: string) => ({ annotations: { [key]: 'x' } })
    const items = [
      { metadata: { name: 'app1-it-tls', labels: { 'k8sflow.io/certificate': 'self-signed' } } },
      { metadata: { name: 'app2-it-tls', ...made('cert-manager.io/certificate-name') } },
      { metadata: { name: 'own' } },
    ]
    const lists: Record<string, object> = {
      '/api': core,
      '/apis': { items: [] },
      '/api/v1/namespaces/we-road-it/secrets': { items },
      '/api/v1/namespaces/we-road-it/configmaps': {
        items: [{ metadata: { name: 'x', labels: { 'k8sflow.io/certificate': 'self-signed' } } }],
      },
    }
    const found = await foreignObjects(
      fakeCluster(({ path }) => lists[path]),
      'we-road-it',
      [],
    )
    expect(found.map(({ kind, name }) => `${kind} ${name}`)).to.deep.equal(['ConfigMap x', 'Secret own'])
  })

  it('counts what it may not look at as foreign', async () => {
    const cluster = fakeCluster(({ path }) =>
      path === '/api' ? core : path === '/apis' ? { items: [] } : { status: 403, text: '{}' },
    )
    const found = await foreignObjects(cluster, 'we-road-it', [])
    expect(found.map(({ name }) => name)).to.deep.equal(['(not allowed to look)', '(not allowed to look)'])
  })
})
