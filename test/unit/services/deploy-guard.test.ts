import { expect } from 'chai'

import type { Workload } from '../../../src/cluster/workloads.js'
import {
  describeChanges,
  findChanges,
  foreignOwners,
  refuseChanges,
  refuseForeign,
} from '../../../src/services/deploy-guard.js'
import { planReleases } from '../../../src/services/deploy-plan.js'

const planned = planReleases([
  { path: 'f', values: { firstApp: { create: true, env: 'staging', countries: ['it', 'es'] } } },
]).releases[0]!

function workload(country: string, more: Partial<Workload> = {}): Workload {
  return {
    app: 'app1',
    country,
    namespace: `we-road-${country}`,
    environment: 'staging',
    image: 'hecha00/app1:1.0.0',
    replicas: 1,
    ready: 1,
    upToDate: true,
    hosts: [],
    createdAt: '',
    release: { name: 'app1', namespace: 'we-road' },
    ...more,
  } as Workload
}
const deployment = (country: string) => ({
  kind: 'Deployment',
  name: `app1-${country}`,
  namespace: `we-road-${country}`,
})
const live = (countries: string[]) => ({
  name: 'app1',
  namespace: 'we-road',
  objects: countries.map(deployment),
})

describe('the guards of a deployment', () => {
  it('find nothing in a first deployment, nor in one more country', () => {
    expect(findChanges(planned, live([]), [])).to.deep.equal({ environmentChanges: [], removals: [] })
    expect(findChanges(planned, live(['it']), [workload('it')])).to.deep.equal({
      environmentChanges: [],
      removals: [],
    })
  })

  it('find countries that disappear, from the manifest and from what runs, each once', () => {
    const changes = findChanges(planned, live(['it', 'uk', 'fr']), [workload('uk'), workload('de')])
    expect(changes.removals.map(({ name }) => name)).to.deep.equal(['app1-uk', 'app1-fr', 'app1-de'])
    expect(refuseChanges(changes)).to.include({ code: 'REMOVAL', exitCode: 2 })
    expect(refuseChanges(changes).message).to.include(
      'app1-uk, app1-fr, app1-de of release app1 would be deleted',
    )
    expect(refuseChanges(changes).suggestions.join())
      .to.include('--allow-removal')
      .and.not.include('environment')
  })

  it('take no notice of what other releases run elsewhere', () => {
    const others = workload('uk', { release: { name: 'app1', namespace: 'default' } })
    expect(findChanges(planned, live(['it']), [others]).removals).to.deep.equal([])
  })

  it('find an environment that changes', () => {
    const changes = findChanges(planned, live(['it', 'es']), [
      workload('it', { environment: 'production' }),
      workload('es', { environment: 'production' }),
    ])
    expect(describeChanges(changes)).to.deep.equal([
      'app1 runs production in it, es; this would replace it by staging.',
    ])
    expect(refuseChanges(changes)).to.include({ code: 'ENVIRONMENT_CHANGE', exitCode: 2 })
  })

  it('find other owners, one entry each', () => {
    const other = { name: 'old', namespace: 'default' }
    const owners = foreignOwners(planned, 'we-road', [
      workload('it', { release: other }),
      workload('es', { release: other }),
    ])
    expect(owners).to.have.length(1)
    const error = refuseForeign(planned, owners)
    expect(error.message).to.include('app1-it, app1-es belong to release old in namespace default')
    expect(error.suggestions.join('\n'))
      .to.include('--adopt')
      .and.include('--release old --namespace default')
    expect(foreignOwners(planned, 'we-road', [workload('it')])).to.deep.equal([])
  })

  it('know a release of the same name in another namespace, and objects without one, as foreign', () => {
    const elsewhere = workload('it', { release: { name: 'app1', namespace: 'default' } })
    const bare = workload('es', { managedBy: 'manifests' })
    delete bare.release
    const owners = foreignOwners(planned, 'we-road', [elsewhere, bare])
    expect(owners).to.have.length(2)
    expect(refuseForeign(planned, owners).message).to.include('app1-es was not made by helm')
  })
})
