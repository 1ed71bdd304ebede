import { expect } from 'chai'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import type { Cluster } from '../../src/cluster/cluster.js'
import Deploy from '../../src/commands/deploy.js'
import Loadtest from '../../src/commands/loadtest.js'
import Status from '../../src/commands/status.js'
import type { LoadtestResult } from '../../src/services/loadtest-result.js'
import type { StatusResult } from '../../src/services/status.js'
import { k8sflow, k8sflowJson, removeAll, suiteCluster } from './cli.js'
import { ingressLeadsTo } from './ingress.js'
import { installPython } from './machine/python.js'
import { waitFor } from './machine/wait.js'
import { endpointsSettled } from './service-endpoints.js'

/** Little CPU is asked for, so that few users are enough; the short windows are what takes minutes otherwise. */
const VALUES = {
  firstApp: {
    create: true,
    appName: 'app1',
    env: 'staging',
    countries: ['it'],
    resources: { requests: { cpu: '4m' } },
    autoscaling: {
      minReplicas: 1,
      maxReplicas: 5,
      behavior: {
        scaleUp: { stabilizationWindowSeconds: 0 },
        scaleDown: { stabilizationWindowSeconds: 5 },
      },
    },
  },
}

describe('k8sflow loadtest', function () {
  this.timeout(1_200_000)
  let cluster: Cluster
  let folder: string
  let env: Record<string, string>
  const ingress = () => `http://${process.env['K8SFLOW_TEST_INGRESS'] ?? ''}`

  before(async function () {
    if (process.env['K8SFLOW_TEST_CLUSTER'] !== 'own') this.skip()
    const modules = await installPython('locust')
    env = { K8SFLOW_LOCUST: join(modules, 'bin', 'locust'), PYTHONPATH: modules }
    folder = await mkdtemp(join(tmpdir(), 'k8sflow-loadtest-'))
    await writeFile(join(folder, 'values.yml'), JSON.stringify(VALUES))
    const { exitCode, stderr } = await k8sflow(Deploy, ['-f', join(folder, 'values.yml')])
    expect(exitCode, stderr).to.equal(0)
    cluster = await suiteCluster()
    // The CPU of its start may count for more than one pod, and is forgotten again.
    await waitFor({ what: 'the autoscaler to see one pod at rest', seconds: 300 }, async () => {
      const { result } = await k8sflowJson<StatusResult>(Status, ['-p', 'app1'])
      const [app] = result.apps
      const { currentCpu = Infinity, problem } = app?.autoscaling ?? {}
      if (currentCpu > 80 || problem !== undefined || app?.desired !== 1) throw new Error(JSON.stringify(app))
      return true
    })
    await endpointsSettled(cluster, 'we-road-it', 'app1-svc-it')
    await ingressLeadsTo('app1-it.info', '/ping')
  })
  after(async () => {
    if (folder === undefined) return
    await rm(folder, { recursive: true })
    await removeAll(['it'])
  })

  it('shows how replicas rise under load and fall again, in numbers and in one picture', async () => {
    const file = join(folder, 'report.html')
    const argv = [
      '--address',
      ingress(),
      '--users',
      '24',
      '--spawn-rate',
      '8',
      '--duration',
      '90s',
      '-o',
      file,
    ]
    const { result, exitCode, stderr } = await k8sflowJson<LoadtestResult>(
      Loadtest,
      [...argv, '--watch-scale-down', '8m', '--max-failures', '5%', '--max-p95', '30s'],
      env,
    )
    expect(exitCode, stderr).to.equal(0)
    expect(result.report).to.equal(file)
    const [app] = result.apps
    expect(app?.replicas.before).to.equal(1)
    expect(app?.replicas.most).to.be.at.least(3)
    expect(app?.replicas.after).to.equal(1)
    expect(app?.mostCpu).to.be.above(80)
    expect(result.total?.requests).to.be.above(500)
    expect(result.limits.map(({ flag, broken }) => [flag, broken])).to.deep.equal([
      ['--max-p95', false],
      ['--max-failures', false],
    ])
    expect(result.samples.some(({ apps }) => (apps[0]?.cpuMillicores ?? 0) > 4)).to.equal(true)

    const html = await readFile(file, 'utf8')
    expect(html)
      .to.match(/<svg [^>]*role="img"/)
      .and.not.match(/<script|<link|<img|https?:\/\/(?!www\.w3\.org|127)/)
    expect(html).to.include(`app1-it: replicas 1 before, ${String(app?.replicas.most)} at most, 1 at the end`)
  })

  it('goes through the API server without an ingress, and names the limit that was broken', async () => {
    // The API server would lead to a pod of before that is on its way out.
    await endpointsSettled(cluster, 'we-road-it', 'app1-svc-it')
    const argv = ['--via', 'service', '--users', '4', '--duration', '15s', '--max-p95', '0.001ms']
    const file = join(folder, 'service.html')
    const { result, exitCode } = await k8sflowJson<
      LoadtestResult & { error: { code: string; message: string } }
    >(Loadtest, [...argv, '-o', file], env)
    expect(exitCode).to.equal(1)
    expect(result.error.code).to.equal('LIMIT_BROKEN')
    expect(result.error.message).to.match(/p95 was [\d.]+ ms, over --max-p95 0\.001 ms/)
    expect(result.total?.requests).to.be.above(10)
    expect(result.total?.failures).to.equal(0)
  })

  it('makes no load on what is not deployed, or is not there', async () => {
    const missing = await k8sflow(Loadtest, ['-p', 'app2', '-c', 'it'], env)
    expect(missing.exitCode).to.equal(2)
    expect(missing.stderr).to.include('Not deployed: app2-it')
    // The registry's port answers, but not as the app.
    const registry = process.env['K8SFLOW_TEST_REGISTRY'] ?? ''
    const wrong = await k8sflow(Loadtest, ['--address', registry], env)
    expect(wrong.exitCode).to.equal(1)
    expect(wrong.stderr).to.include('app1-it: status 404').and.include('--address')
  })
})
