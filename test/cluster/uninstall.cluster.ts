import { expect } from 'chai'

import type { Cluster } from '../../src/cluster/cluster.js'
import Uninstall from '../../src/commands/uninstall.js'
import type { UninstallResult } from '../../src/services/uninstall.js'
import { deploy, exists, helm, k8sflow, k8sflowJson, removeAll, suiteCluster, withFile } from './cli.js'
import { oldChart } from './old-chart.js'

const COUNTRIES = ['it', 'es']

describe('k8sflow uninstall', () => {
  let cluster: Cluster
  const there = async (path: string) => exists(cluster, path)
  const configMap = async (namespace: string) =>
    cluster.send({
      method: 'POST',
      path: `/api/v1/namespaces/${namespace}/configmaps`,
      body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'foreign' } },
    })

  before(async () => {
    cluster = await suiteCluster()
  })
  afterEach(async () => removeAll(COUNTRIES))

  it('removes one app and keeps the other, the namespaces and what is in them', async () => {
    await deploy({ app1: { countries: COUNTRIES }, app2: { countries: ['it'] } })
    await configMap('we-road-it')
    const { result, exitCode, stderr } = await k8sflowJson<UninstallResult>(Uninstall, [
      '-p',
      'app1',
      '--yes',
    ])
    expect(exitCode, stderr).to.equal(0)
    expect(result.releases.map(({ release, outcome }) => [release, outcome])).to.deep.equal([
      ['app1', 'uninstalled'],
    ])
    expect(result.namespaces).to.deep.equal({
      kept: ['we-road-es', 'we-road-it'],
      deleted: [],
      remaining: [],
    })
    expect(await there('/apis/apps/v1/namespaces/we-road-it/deployments/app1-it')).to.equal(false)
    expect(await there('/apis/apps/v1/namespaces/we-road-it/deployments/app2-it')).to.equal(true)
    expect(await there('/api/v1/namespaces/we-road-it/configmaps/foreign')).to.equal(true)
    expect(await there('/api/v1/namespaces/we-road-es')).to.equal(true)
    await deploy({ app1: { countries: COUNTRIES } })
  })

  it('needs a yes, a release that is there, and names what is meant', async () => {
    const unnamed = await k8sflow(Uninstall, ['--yes'])
    expect(unnamed.exitCode).to.equal(2)
    const missing = await k8sflow(Uninstall, ['-p', 'app1', '--yes'])
    expect(missing.exitCode).to.equal(1)
    expect(missing.stderr).to.include('There is no release app1')
    expect((await k8sflow(Uninstall, ['-p', 'app1', '--yes', '--ignore-not-found'])).exitCode).to.equal(0)
    await deploy({ app1: { countries: ['it'] } })
    const unasked = await k8sflow(Uninstall, ['-p', 'app1'])
    expect(unasked.exitCode).to.equal(2)
    expect(unasked.stderr).to.include('we-road-it:').and.include('Deployment app1-it')
    const dry = await k8sflow(Uninstall, ['-p', 'app1', '--dry-run', '--delete-namespaces'])
    expect(dry.stdout).to.match(
      /uninstall app1 --wait --timeout 5m --namespace we-road --kube-context \S+\nkubectl delete namespace we-road-it$/m,
    )
    expect(await there('/apis/apps/v1/namespaces/we-road-it/deployments/app1-it')).to.equal(true)
  })

  it('deletes namespaces only where nothing else lives, else does nothing at all', async () => {
    await deploy({ app1: { countries: COUNTRIES }, app2: { countries: ['it'] } })
    await configMap('we-road-es')
    const refused = await k8sflow(Uninstall, ['-p', 'app1', '--yes', '--delete-namespaces'])
    expect(refused.exitCode).to.equal(2)
    expect(refused.stderr).to.include('we-road-es: ConfigMap foreign')
    expect(refused.stderr).to.include('we-road-it: Deployment app2-it (release app2)')
    expect(await there('/apis/apps/v1/namespaces/we-road-it/deployments/app1-it')).to.equal(true)
    await cluster.send({ method: 'DELETE', path: '/api/v1/namespaces/we-road-es/configmaps/foreign' })
    const done = await k8sflowJson<UninstallResult>(Uninstall, [
      '-p',
      'app1,app2',
      '--yes',
      '--delete-namespaces',
    ])
    expect(done.exitCode, done.stderr).to.equal(0)
    expect(done.result.namespaces).to.deep.equal({
      kept: [],
      deleted: ['we-road-es', 'we-road-it'],
      remaining: [],
    })
    expect(await there('/api/v1/namespaces/we-road-it')).to.equal(false)
  })

  it('keeps the namespaces that an old release owns, with what others put there', async () => {
    const values = JSON.stringify({
      firstApp: { create: true, appName: 'app1', env: 'production', countries: ['it'] },
      secondApp: { create: true, appName: 'app2', env: 'production', countries: COUNTRIES },
    })
    await oldChart(async (chart) =>
      withFile(values, async (file) => helm('install', 'old', chart, '-f', file, '--namespace', 'default')),
    )
    await configMap('we-road-it')
    const shared = await k8sflow(Uninstall, ['-p', 'app1', '--yes'])
    expect(shared.exitCode).to.equal(1)
    expect(shared.stderr).to.include('part of release old in namespace default, which holds app1 and app2')
    const { exitCode, stderr, stdout } = await k8sflow(Uninstall, ['--release', 'old', '--yes'])
    expect(exitCode, stderr).to.equal(0)
    expect(stderr).to.include('found in namespace default')
    expect(stdout).to.include('Namespaces kept: we-road-es, we-road-it.')
    expect(await there('/api/v1/namespaces/we-road-it/configmaps/foreign')).to.equal(true)
    expect(await there('/api/v1/namespaces/we-road-es')).to.equal(true)
    expect(await there('/apis/apps/v1/namespaces/we-road-it/deployments/app1-it')).to.equal(false)
    expect(JSON.parse(await helm('list', '--namespace', 'default', '-o', 'json'))).to.deep.equal([])
  })
})
