import { expect } from 'chai'

import type { Cluster } from '../../src/cluster/cluster.js'
import Status from '../../src/commands/status.js'
import type { InstanceStatus, StatusResult } from '../../src/services/status.js'
import { deploy, k8sflow, k8sflowJson, removeAll, suiteCluster } from './cli.js'
import { waitFor } from './machine/wait.js'

const COUNTRIES = ['it', 'es']

describe('k8sflow status', () => {
  let cluster: Cluster
  const row = (result: StatusResult, app: string, country: string): InstanceStatus =>
    result.apps.find((candidate) => candidate.app === app && candidate.country === country)!

  before(async () => {
    cluster = await suiteCluster()
  })
  afterEach(async () => removeAll(COUNTRIES))

  it('says what is not deployed, and counts that as unhealthy only with --check', async () => {
    const plain = await k8sflow(Status, [])
    expect(plain.exitCode).to.equal(0)
    expect(plain.stdout)
      .to.match(/app1 .*not deployed/)
      .and.match(/app2 .*not deployed/)
    expect((await k8sflow(Status, ['--check'])).exitCode).to.equal(1)
  })

  it('shows release, pods, autoscaler, image and host of what runs', async () => {
    await deploy({ app1: { countries: COUNTRIES, env: 'production' } })
    const { result, exitCode } = await k8sflowJson<StatusResult>(Status, ['-p', 'app1', '--check'])
    expect(exitCode).to.equal(0)
    expect(result.healthy).to.equal(true)
    expect(result.apps.map(({ app, country }) => `${app}/${country ?? ''}`)).to.deep.equal([
      'app1/es',
      'app1/it',
    ])
    expect(row(result, 'app1', 'it')).to.include({
      state: 'deployed',
      environment: 'production',
      ready: 1,
      desired: 1,
      image: 'hecha00/app1:1.0.0',
    })
    expect(row(result, 'app1', 'it').hosts).to.deep.equal(['app1-it.info'])
    expect(row(result, 'app1', 'it').release).to.include({ name: 'app1', namespace: 'we-road', revision: 1 })
    expect(row(result, 'app1', 'it').autoscaling).to.include({
      minReplicas: 1,
      maxReplicas: 10,
      targetCpu: 80,
    })
    const { stdout } = await k8sflow(Status, ['-p', 'app1', '-c', 'it'])
    expect(stdout).to.match(
      /app1 +it +app1 +1 +deployed +1\/1 +(\d+|unknown)%?\/80% 1\.\.10 +hecha00\/app1:1\.0\.0 +app1-it\.info/,
    )
    expect(stdout).not.to.include('app1-es')
  })

  it('names the reason when a pod does not come up', async () => {
    await deploy({ app1: { countries: ['it'], tag: 'does-not-exist' } }, ['--no-wait', '--no-verify'])
    const problem = await waitFor({ what: 'the pull to fail', seconds: 180, intervalMs: 500 }, async () => {
      const { result } = await k8sflowJson<StatusResult>(Status, ['-p', 'app1'])
      const { problem: seen } = row(result, 'app1', 'it')
      return seen !== null && /Image/.test(seen.reason) && seen
    })
    expect(problem.reason).to.be.oneOf(['ErrImagePull', 'ImagePullBackOff'])
    const { stdout } = await k8sflow(Status, ['-p', 'app1'])
    expect(stdout).to.match(/✗ app1\/it (ErrImagePull|ImagePullBackOff): .*does-not-exist/)
  })

  it('shows a release whose Deployment was deleted as missing', async () => {
    await deploy({ app1: { countries: COUNTRIES } })
    await cluster.send({ method: 'DELETE', path: '/apis/apps/v1/namespaces/we-road-es/deployments/app1-es' })
    const { result } = await k8sflowJson<StatusResult>(Status, ['-p', 'app1'])
    expect(row(result, 'app1', 'es')).to.include({ state: 'missing', healthy: false })
    expect(row(result, 'app1', 'it')).to.include({ state: 'deployed', healthy: true })
  })

  it('shows a pending release, which helm 3 hides from its plain list', async () => {
    await deploy({ app1: { countries: ['it'] } })
    await markPending(cluster)
    const { result, exitCode } = await k8sflowJson<StatusResult>(Status, ['-p', 'app1'])
    expect(exitCode).to.equal(0)
    expect(row(result, 'app1', 'it')).to.include({ state: 'pending-upgrade', healthy: false })
    const { stdout } = await k8sflow(Status, ['-p', 'app1'])
    expect(stdout).to.include('release app1 is pending-upgrade')
  })

  it('shows what runs without a release as such', async () => {
    await deploy({ app1: { countries: ['it'] } })
    await cluster.send({
      method: 'PATCH',
      path: '/apis/apps/v1/namespaces/we-road-it/deployments/app1-it',
      contentType: 'application/merge-patch+json',
      body: {
        metadata: {
          annotations: {
            'meta.helm.sh/release-name': null,
            'meta.helm.sh/release-namespace': null,
            'argocd.argoproj.io/tracking-id': 'we-road:apps/Deployment:we-road-it/app1-it',
          },
        },
      },
    })
    const { deleteReleaseRecords } = await import('../../src/cluster/release-records.js')
    await deleteReleaseRecords(cluster, 'app1', 'we-road')
    const { result } = await k8sflowJson<StatusResult>(Status, ['-p', 'app1'])
    expect(row(result, 'app1', 'it')).to.include({ state: 'unmanaged', managedBy: 'Argo CD', release: null })
    const { stdout } = await k8sflow(Status, ['-p', 'app1'])
    expect(stdout).to.include('no release (Argo CD)').and.not.include('not deployed')
  })
})

/** As a killed helm leaves it; the state is in the record's labels and in its content, and lists go by the content. */
async function markPending(cluster: Cluster): Promise<void> {
  const { gunzipSync, gzipSync } = await import('node:zlib')
  const path = '/api/v1/namespaces/we-road/secrets/sh.helm.release.v1.app1.v1'
  const secret = await cluster.send<{ data: { release: string } }>({ path })
  const zipped = Buffer.from(Buffer.from(secret.data.release, 'base64').toString('utf8'), 'base64')
  const release = JSON.parse(gunzipSync(zipped).toString('utf8')) as { info: { status: string } }
  release.info.status = 'pending-upgrade'
  const content = Buffer.from(gzipSync(JSON.stringify(release)).toString('base64')).toString('base64')
  await cluster.send({
    method: 'PATCH',
    path,
    contentType: 'application/merge-patch+json',
    body: { metadata: { labels: { status: 'pending-upgrade' } }, data: { release: content } },
  })
}
