import { expect } from 'chai'

import { planReleases } from '../../../src/services/deploy-plan.js'
import { type ArgoObject, gitopsManifests } from '../../../src/services/gitops-manifests.js'

type Values = Parameters<typeof planReleases>[0][number]['values']
// eslint-disable-next-line @typescript-eslint/no-explicit-any
type Spec = any

const app1 = { create: true, appName: 'app1', env: 'production', countries: ['it', 'es'] }
const app2 = { create: true, appName: 'app2', env: 'production', countries: ['is'] }

function make(files: Record<string, object>, release?: string): Record<string, ArgoObject & { spec: Spec }> {
  const read = Object.entries(files).map(([path, values]) => ({ path, values: values as Values }))
  const manifests = gitopsManifests({
    repo: 'https://example.org/me/homelab.git',
    revision: 'main',
    chart: 'helm',
    argocdNamespace: 'argocd',
    namespace: 'we-road',
    releases: planReleases(read, {}, release).releases,
    single: release !== undefined,
    inRepository: (path) => `/deploy/${path}`,
  })
  return Object.fromEntries(manifests.map(({ file, object }) => [file, object]))
}

describe('gitopsManifests', () => {
  it('makes a project, an owner of the namespaces and an Application per app, under the names deploy uses', () => {
    const files = make({ 'app1.yml': { firstApp: app1 }, 'app2.yml': { secondApp: app2 } })
    expect(Object.keys(files)).to.deep.equal(['project.yaml', 'namespaces.yaml', 'app1.yaml', 'app2.yaml'])
    const { metadata, spec } = files['app1.yaml']!
    expect(metadata.name).to.equal('we-road-app1')
    expect(metadata.namespace).to.equal('argocd')
    expect(spec.source.helm).to.deep.equal({
      releaseName: 'app1',
      valueFiles: ['/deploy/app1.yml'],
      valuesObject: { namespaces: { create: false } },
      skipTests: true,
    })
    expect(spec.destination.namespace).to.equal('we-road')
    expect(spec.syncPolicy.automated).to.deep.equal({ prune: true, selfHeal: true })
    expect(spec.syncPolicy.syncOptions).to.have.members([
      'CreateNamespace=true',
      'ServerSideApply=true',
      'RespectIgnoreDifferences=true',
    ])
  })

  it('restricts the project to the repository, the namespaces of the apps, and objects of kind Namespace', () => {
    const { spec } = make({ 'app1.yml': { firstApp: app1 } })['project.yaml']!
    expect(spec.sourceRepos).to.deep.equal(['https://example.org/me/homelab.git'])
    expect(spec.destinations.map(({ namespace }: { namespace: string }) => namespace)).to.deep.equal([
      'we-road',
      'we-road-*',
    ])
    expect(spec.clusterResourceWhitelist).to.deep.equal([{ group: '', kind: 'Namespace' }])
  })

  it('lets one Application own the namespaces of all files, and never prune them', () => {
    const { spec } = make({ 'app1.yml': { firstApp: app1 }, 'app2.yml': { secondApp: app2 } })[
      'namespaces.yaml'
    ]!
    expect(spec.source.helm.valueFiles).to.deep.equal(['/deploy/app1.yml', '/deploy/app2.yml'])
    expect(spec.source.helm.valuesObject).to.deep.equal({ namespaces: { create: true, only: true } })
    expect(spec.syncPolicy.automated.prune).to.equal(false)
    expect(spec.syncPolicy.syncOptions).to.include('Delete=false')
  })

  it('switches the other app off where one file holds both', () => {
    const files = make({ 'both.yml': { firstApp: app1, secondApp: app2 } })
    const values = (file: string) => files[file]!.spec.source.helm.valuesObject
    expect(values('app1.yaml')).to.deep.equal({ namespaces: { create: false }, secondApp: { create: false } })
    expect(values('app2.yaml')).to.deep.equal({ namespaces: { create: false }, firstApp: { create: false } })
  })

  it('makes one Application of a single release', () => {
    const files = make({ 'both.yml': { firstApp: app1, secondApp: app2 } }, 'home')
    expect(Object.keys(files)).to.deep.equal(['project.yaml', 'namespaces.yaml', 'apps.yaml'])
    expect(files['apps.yaml']!.metadata.name).to.equal('we-road-apps')
    expect(files['apps.yaml']!.spec.source.helm).to.deep.include({
      releaseName: 'home',
      valuesObject: { namespaces: { create: false } },
    })
  })

  it('ignores the replicas of exactly the Deployments that an autoscaler scales', () => {
    const ignored = (section: object) =>
      make({ 'app1.yml': { firstApp: { ...app1, ...section } } })['app1.yaml']!.spec.ignoreDifferences
    const entry = { group: 'apps', kind: 'Deployment', jsonPointers: ['/spec/replicas'] }
    expect(ignored({})).to.deep.equal([entry])
    expect(ignored({ autoscaling: null })).to.deep.equal([entry])
    expect(ignored({ autoscaling: { enabled: false } })).to.equal(undefined)
    expect(ignored({ perCountry: { es: { autoscaling: { enabled: false } } } })).to.deep.equal([
      { ...entry, name: 'app1-it', namespace: 'we-road-it' },
    ])
    expect(
      ignored({ autoscaling: { enabled: false }, perCountry: { es: { autoscaling: { enabled: true } } } }),
    ).to.deep.equal([{ ...entry, name: 'app1-es', namespace: 'we-road-es' }])
  })
})
