import { expect } from 'chai'

import type { Cluster } from '../../src/cluster/cluster.js'
import History from '../../src/commands/history.js'
import Rollback from '../../src/commands/rollback.js'
import type { HistoryResult } from '../../src/services/history.js'
import type { RollbackResult } from '../../src/services/rollback.js'
import { deploy, exists, failingTimeout, k8sflow, k8sflowJson, removeAll, suiteCluster } from './cli.js'
import { waitFor } from './machine/wait.js'

const COUNTRIES = ['it', 'es', 'uk']
const DEPLOYMENT = '/apis/apps/v1/namespaces/we-road-es/deployments/app1-es'

describe('k8sflow history and rollback', () => {
  let cluster: Cluster

  before(async () => {
    cluster = await suiteCluster()
  })
  afterEach(async () => removeAll(COUNTRIES))

  it('lists revisions with their state, oldest first', async () => {
    await deploy({ app1: { countries: ['it'] } })
    await deploy({ app1: { countries: ['it'], tag: '1.1.0' } })
    const { result } = await k8sflowJson<HistoryResult>(History, ['-p', 'app1'])
    const [release] = result.releases
    expect(release).to.include({ release: 'app1', namespace: 'we-road' })
    expect(release!.revisions.map(({ revision, status }) => [revision, status])).to.deep.equal([
      [1, 'superseded'],
      [2, 'deployed'],
    ])
    const { stdout } = await k8sflow(History, [])
    expect(stdout)
      .to.match(/app1 +1 .*superseded +k8sflow-/)
      .and.match(/app1 +2 .*deployed +k8sflow-/)
    expect((await k8sflow(History, ['-p', 'app2'])).exitCode).to.equal(1)
  })

  it('shows what changes, goes back, brings a country back, and asks for /ping', async () => {
    await deploy({ app1: { countries: ['it', 'es'], env: 'production' } })
    await deploy({ app1: { countries: ['it', 'uk'], env: 'staging', tag: '1.1.0' } })
    expect(await exists(cluster, DEPLOYMENT)).to.equal(false)
    // A namespace that has gone meanwhile must be made again before helm runs.
    const { deleteNamespaces } = await import('../../src/cluster/namespaces.js')
    await deleteNamespaces(cluster, ['we-road-es'], { timeoutMs: 300_000, pollMs: 300 })

    const { result, exitCode, stderr } = await k8sflowJson<RollbackResult>(Rollback, ['-p', 'app1', '--yes'])
    expect(exitCode, stderr).to.equal(0)
    expect(stderr).to.include('revision 2 back to 1')
    expect(stderr).to.include('app1/it staging → production, hecha00/app1:1.1.0 → hecha00/app1:1.0.0')
    expect(stderr).to.include('app1/es comes back').and.include('app1/uk goes; its namespace stays')
    expect(result.releases[0]).to.include({
      outcome: 'rolled-back',
      from: 2,
      to: 1,
      revision: 3,
      status: 'deployed',
    })
    expect(result.apps.map(({ country, ping }) => [country, ping.answer]).sort()).to.deep.equal([
      ['es', 'hello from app1-production-es'],
      ['it', 'hello from app1-production-it'],
    ])
    expect(await exists(cluster, DEPLOYMENT)).to.equal(true)
    expect(await exists(cluster, '/apis/apps/v1/namespaces/we-road-uk/deployments/app1-uk')).to.equal(false)
    expect(await exists(cluster, '/api/v1/namespaces/we-road-uk')).to.equal(true)
  })

  it('changes nothing with --dry-run, without a yes, and without an earlier good revision', async () => {
    await deploy({ app1: { countries: ['it'] } })
    const none = await k8sflow(Rollback, ['-p', 'app1', '--yes'])
    expect(none.exitCode).to.equal(2)
    expect(none.stderr).to.include('no earlier good revision')
    await deploy({ app1: { countries: ['it'], tag: '1.1.0' } })
    const dry = await k8sflow(Rollback, ['-p', 'app1', '--dry-run'])
    expect(dry.exitCode).to.equal(0)
    expect(dry.stdout).to.match(
      /rollback app1 1 --wait --timeout 5m --namespace we-road --kube-context \S+$/m,
    )
    const unasked = await k8sflow(Rollback, ['-p', 'app1'])
    expect(unasked.exitCode).to.equal(2)
    expect(unasked.stderr).to.include('--yes')
    const unknown = await k8sflow(Rollback, ['7', '-p', 'app1', '--yes'])
    expect(unknown.exitCode).to.equal(2)
    expect(unknown.stderr).to.include('has no revision 7: helm keeps 1, 2')
    const { result } = await k8sflowJson<HistoryResult>(History, ['-p', 'app1'])
    expect(result.releases[0]!.revisions).to.have.length(2)
  })

  it('shows why a rollback fails, and says where the release is', async () => {
    await deploy({ app1: { countries: ['it'], tag: 'crash' } }, ['--no-wait', '--no-verify'])
    await deploy({ app1: { countries: ['it'] } })
    const timeout = failingTimeout(15)
    const { exitCode, stderr } = await k8sflow(Rollback, ['1', '-p', 'app1', '--yes', '--timeout', timeout])
    expect(exitCode).to.equal(1)
    expect(stderr).to.include('this image always crashes')
    expect(stderr).to.match(
      /Rolling app1 back to revision 1 failed \(app1\/it .*\)\. Release app1 is at revision 3, state failed\./,
    )
    const again = await k8sflow(Rollback, ['-p', 'app1', '--yes'])
    expect(again.exitCode, again.stderr).to.equal(0)
    expect(again.stdout).to.include('hello from app1-staging-it')
  })

  it('survives an interruption: no locked release, exit 130, and the same command finishes it', async () => {
    await deploy({ app1: { countries: ['it'], tag: 'slow' } }, ['--no-wait', '--no-verify'])
    await deploy({ app1: { countries: ['it'] } })
    const running = k8sflow(Rollback, ['1', '-p', 'app1', '--yes'])
    await untilPending()
    interrupt()
    const { exitCode, stderr } = await running
    expect(exitCode, stderr).to.equal(130)
    expect(stderr).to.match(/Interrupted\. Release app1 is at revision 4, state deployed/)
    const after = await k8sflow(Rollback, ['2', '-p', 'app1', '--yes'])
    expect(after.exitCode, after.stderr).to.equal(0)
  })

  async function untilPending(): Promise<void> {
    const { releaseRecords } = await import('../../src/cluster/release-records.js')
    await waitFor({ what: 'the rollback to begin', seconds: 180, intervalMs: 100 }, async () => {
      const records = await releaseRecords(cluster, 'we-road', 'app1')
      return records.at(-1)?.status === 'pending-rollback'
    })
  }
})

/** What Ctrl-C does to this process, without mocha's own listeners. */
function interrupt(): void {
  const listener = process.listeners('SIGINT').at(-1) as (() => void) | undefined
  listener?.()
}
