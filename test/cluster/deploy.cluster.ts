import { expect } from 'chai'
import { execa } from 'execa'
import * as pty from '@lydell/node-pty'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import type { Cluster } from '../../src/cluster/cluster.js'
import { namespaceOwners } from '../../src/cluster/namespaces.js'
import { releaseRecords } from '../../src/cluster/release-records.js'
import Deploy from '../../src/commands/deploy.js'
import Install from '../../src/commands/install.js'
import Uninstall from '../../src/commands/uninstall.js'
import Upgrade from '../../src/commands/upgrade.js'
import type { DeployResult } from '../../src/services/deploy-result.js'
import { ROOT } from '../commands/harness.js'
import {
  deploy,
  exists,
  failingTimeout,
  helm,
  k8sflow,
  k8sflowJson,
  removeAll,
  suiteCluster,
  timed,
  type TwoApps,
  valuesText,
  withFile,
} from './cli.js'
import { unreachableKubeconfig, wrongContextKubeconfig } from './machine/kubeconfigs.js'
import { oldChart } from './old-chart.js'

const COUNTRIES = ['it', 'es', 'uk']

describe('k8sflow deploy', () => {
  let cluster: Cluster

  before(async () => {
    cluster = await suiteCluster()
  })
  afterEach(async () => {
    await helm('uninstall', 'old', '--ignore-not-found', '--wait')
    await removeAll(COUNTRIES)
  })

  const runs = async (app: string, country: string) =>
    exists(cluster, `/apis/apps/v1/namespaces/we-road-${country}/deployments/${app}-${country}`)

  it('takes both apps to three countries, and shows that each answers', async () => {
    const argv = ['-c', 'it,es,uk', '-p', 'app1,app2', '-e', 'production']
    const { exitCode, stdout, stderr } = await k8sflow(Deploy, argv)
    expect(exitCode, stderr).to.equal(0)
    for (const app of ['app1', 'app2'])
      for (const country of COUNTRIES)
        expect(stdout).to.match(
          new RegExp(
            `^${app} +${country} +1 +1/1 +hecha00/${app}:1\\.0\\.0 +http://${app}-${country}\\.info +hello from ${app}-production-${country}$`,
            'm',
          ),
        )
    expect(stderr).to.include('created namespace we-road-it, we-road-es, we-road-uk')

    const again = await k8sflowJson<DeployResult>(Deploy, argv)
    expect(again.exitCode).to.equal(0)
    expect(
      again.result.releases.map(({ release, outcome, revision }) => [release, outcome, revision]),
    ).to.deep.equal([
      ['app1', 'deployed', 2],
      ['app2', 'deployed', 2],
    ])
    expect(again.result.apps.every(({ ping }) => ping?.ok === true)).to.equal(true)
  })

  it('adds a country at once, removes one only when told to, and leaves the other app alone', async () => {
    await deploy({ app1: { countries: ['it', 'es'] }, app2: { countries: ['it'] } })
    const refused = await k8sflow(Deploy, ['-c', 'it,uk', '-p', 'app1', '-e', 'staging', '-y'])
    expect(refused.exitCode).to.equal(2)
    expect(refused.stderr)
      .to.include('app1-es of release app1 would be deleted')
      .and.include('--allow-removal')
    expect(await runs('app1', 'uk')).to.equal(false)

    const allowed = await k8sflow(Deploy, ['-c', 'it,uk', '-p', 'app1', '-e', 'staging', '--allow-removal'])
    expect(allowed.exitCode, allowed.stderr).to.equal(0)
    expect(allowed.stdout).to.include('hello from app1-staging-uk')
    expect(await runs('app1', 'es')).to.equal(false)
    expect(await exists(cluster, '/api/v1/namespaces/we-road-es')).to.equal(true)

    const other = await k8sflowJson<DeployResult>(Deploy, [
      '-c',
      'es',
      '-p',
      'app2',
      '-e',
      'staging',
      '--allow-removal',
    ])
    expect(other.exitCode, other.stderr).to.equal(0)
    expect([await runs('app1', 'it'), await runs('app1', 'uk'), await runs('app2', 'it')]).to.deep.equal([
      true,
      true,
      false,
    ])
  })

  it('changes an environment only when told to', async () => {
    await deploy({ app2: { countries: ['it'], env: 'production' } })
    const refused = await k8sflow(Deploy, ['-c', 'it', '-p', 'app2', '-e', 'staging', '-y'])
    expect(refused.exitCode).to.equal(2)
    expect(refused.stderr).to.include('app2 runs production in it').and.include('--allow-environment-change')
    const allowed = await k8sflow(Deploy, [
      ...['-c', 'it', '-p', 'app2', '-e', 'staging'],
      '--allow-environment-change',
    ])
    expect(allowed.exitCode, allowed.stderr).to.equal(0)
    expect(allowed.stdout).to.include('hello from app2-staging-it')
  })

  it('says why an image fails, rolls that app back, and deploys the other', async () => {
    await deploy({ app1: { countries: ['it'] } })
    const { result, exitCode, stderr } = await deployValues(
      { app1: { countries: ['it'], tag: 'no-such-tag' }, app2: { countries: ['it'] } },
      ['--timeout', failingTimeout(25)],
    )
    expect(exitCode).to.equal(6)
    expect(
      result.releases.map(({ release, outcome, revision }) => [release, outcome, revision]),
    ).to.deep.equal([
      ['app1', 'rolled-back', 3],
      ['app2', 'deployed', 1],
    ])
    expect(result.releases[0]!.pods![0]!.reason).to.match(/ImagePull/)
    expect(result.error).to.include({ code: 'DEPLOY_FAILED', exit: 6 })
    expect(stderr).to.match(/app1\/it 1\/2 pods ready, (ErrImagePull|ImagePullBackOff)/)
    expect(stderr.indexOf('Failed to pull image')).to.be.within(0, stderr.indexOf('rolling back'))
    expect(result.apps.map(({ app, image, ready }) => [app, image, ready])).to.deep.equal([
      ['app1', 'hecha00/app1:1.0.0', 1],
      ['app2', 'hecha00/app2:1.0.0', 1],
    ])
  })

  for (const [tag, reason, log] of [
    ['crash', /CrashLoopBackOff|Error/, /cannot read its configuration/],
    ['oom', /OOMKilled/, /filling the memory/],
    ['never-ready', /NotReady/, /GET \/ping/],
  ] as const)
    it(`leaves a failed first install (${tag}) as it is, and repairs it with the next`, async () => {
      const { result, exitCode } = await deployValues({ app1: { countries: ['it'], tag } }, [
        '--timeout',
        failingTimeout(20),
      ])
      expect(exitCode).to.equal(6)
      const [release] = result.releases
      expect(release).to.include({ outcome: 'failed', revision: 1, status: 'failed' })
      expect(release!.pods![0]!.reason).to.match(reason)
      expect(release!.pods![0]!.log.join('\n')).to.match(log)
      expect(release!.summary).to.include('left as it is')
      await deploy({ app1: { countries: ['it'] } })
    })

  it('exits with 7 when an app answers wrongly, and rolls back only when told to', async () => {
    await deploy({ app1: { countries: ['it'] } })
    const wrong = await deployValues({ app1: { countries: ['it'], tag: 'wrong-ping' } })
    expect(wrong.exitCode).to.equal(7)
    expect(wrong.result.apps[0]!.ping).to.include({ ok: false, expected: 'hello from app1-staging-it' })
    expect(wrong.result.releases[0]).to.include({ outcome: 'deployed', revision: 2 })
    await deploy({ app1: { countries: ['it'] } })
    const undone = await deployValues({ app1: { countries: ['it'], tag: 'wrong-ping' } }, [
      '--rollback-on-ping-failure',
    ])
    expect(undone.exitCode).to.equal(7)
    expect(undone.result.releases[0]).to.include({ outcome: 'rolled-back', revision: 5 })
    expect(undone.result.apps[0]!.image).to.equal('hecha00/app1:1.0.0')
  })

  it('neither waits nor asks with --no-wait', async () => {
    const { result, exitCode } = await deployValues({ app1: { countries: ['it'], tag: 'never-ready' } }, [
      '--no-wait',
    ])
    expect(exitCode).to.equal(0)
    expect(result.apps[0]).to.include({ ping: null, ready: 0 })
  })

  it('changes nothing with --dry-run', async () => {
    const { exitCode, stdout } = await k8sflow(Deploy, [
      '-c',
      'it',
      '-p',
      'app1',
      '-e',
      'staging',
      '--dry-run',
    ])
    expect(exitCode).to.equal(0)
    expect(stdout)
      .to.include('kubectl apply --server-side')
      .and.match(/helm\S* upgrade --install app1 /)
    expect(await exists(cluster, '/api/v1/namespaces/we-road-it')).to.equal(false)
  })

  it('installs only what is not there, and upgrades only what is', async () => {
    const argv = ['-c', 'it', '-p', 'app1', '-e', 'staging']
    expect((await k8sflow(Upgrade, argv)).exitCode).to.equal(2)
    expect((await k8sflow(Install, argv)).exitCode).to.equal(0)
    const refused = await k8sflow(Install, argv)
    expect(refused.exitCode).to.equal(2)
    expect(refused.stderr).to.include('exists already')
    expect((await k8sflow(Upgrade, argv)).exitCode).to.equal(0)
  })

  it('deploys again after an uninstall, into the namespaces that were kept', async () => {
    await deploy({ app1: { countries: ['it'] } })
    expect((await k8sflow(Uninstall, ['-p', 'app1', '--yes'])).exitCode).to.equal(0)
    expect(await exists(cluster, '/api/v1/namespaces/we-road-it')).to.equal(true)
    await deploy({ app1: { countries: ['it'] } })
  })

  it('exits with 5 and advice when there is no way to the cluster', async () => {
    const argv = ['-c', 'it', '-p', 'app1', '-e', 'staging', '--kubeconfig']
    for (const [kubeconfig, message] of [
      [await unreachableKubeconfig(), /Nothing listens/],
      [await wrongContextKubeconfig(), /no context/],
    ] as const) {
      const { exitCode, stderr } = await k8sflow(Deploy, [...argv, kubeconfig])
      expect(exitCode, stderr).to.equal(5)
      expect(stderr).to.match(message).and.include('→')
    }
    const dry = await k8sflow(Deploy, [...argv, await unreachableKubeconfig(), '--dry-run'])
    expect(dry.exitCode).to.equal(0)
    expect(dry.stderr).to.include('Not compared with what runs')
  })

  it('asks helm once to stop on Ctrl-C, waits, and says how it was left', async () => {
    await deploy({ app1: { countries: ['it'] } })
    const output = await withFile(valuesText({ app1: { countries: ['it'], tag: 'slow' } }), async (file) => {
      const terminal = pty.spawn(process.execPath, [...DEV, 'deploy', '-f', file], PTY)
      let text = ''
      terminal.onData((data) => (text += data))
      const ended = new Promise<number>((resolve) => terminal.onExit((exit) => resolve(exit.exitCode)))
      await until(
        async () => text.includes('upgrading') && (await isPending('app1')),
        () => text,
      )
      // Held until both have come: helm takes its leave in no time, and the second would find nothing to wait for.
      const helmPid = await findHelm('app1')
      process.kill(helmPid, 'SIGSTOP')
      try {
        for (const told of ['interrupted', 'still waiting']) {
          terminal.write(CTRL_C)
          await until(
            async () => text.includes(told),
            () => text,
          )
        }
      } finally {
        process.kill(helmPid, 'SIGCONT')
      }
      expect(await ended, text).to.equal(130)
      return text
    })
    expect(output).to.include('still waiting for helm to stop')
    expect(output).to.include('app1 was stopped halfway: revision 2 over revision 1 is marked failed')
    await deploy({ app1: { countries: ['it'] } })
  })

  it('repairs what a killed helm left pending, when told that it was killed', async () => {
    for (const before of ['nothing', 'a revision']) {
      const killed = start(['-c', 'it', '-p', 'app1', '-e', 'staging'], {
        app1: { countries: ['it'], tag: 'slow' },
      })
      await until(
        async () => isPending('app1'),
        () => before,
      )
      process.kill(await findHelm('app1'), 'SIGKILL')
      expect((await killed).exitCode, before).to.equal(6)
      if (before === 'nothing') {
        const busy = await deployValues({ app1: { countries: ['it'] } })
        expect(busy.exitCode).to.equal(6)
        expect(busy.stderr + JSON.stringify(busy.result))
          .to.include('pending-install')
          .and.include('--repair')
      }
      await deploy({ app1: { countries: ['it'] } }, ['--repair'])
    }
  })

  it('lets one of two deploys at once through, and the other fail clearly', async () => {
    for (const countries of [['it'], ['it', 'es']]) {
      const both = [1, 2].map(async () => start([], { app1: { countries, tag: 'slow' } }))
      const ended = await Promise.all(both)
      expect(
        ended.map(({ exitCode }) => exitCode).sort(),
        ended.map(({ stderr }) => stderr).join('\n'),
      ).to.deep.equal([0, 6])
      expect(ended.find(({ exitCode }) => exitCode === 6)!.stderr).to.match(/nother operation/)
      const history = JSON.parse(await helm('history', 'app1', '-n', 'we-road', '-o', 'json')) as {
        status: string
      }[]
      expect(history.at(-1)!.status).to.equal('deployed')
    }
  })

  it('takes over the objects of another release only with --adopt, and then removes its records', async () => {
    await oldChart(async (chart) =>
      withFile(
        valuesText({ app1: { countries: ['it'] }, app2: { countries: ['it', 'es'] } }),
        async (file) => {
          await timed(() => helm('install', 'old', chart, '-f', file, '--wait'))
        },
      ),
    )
    const argv = ['-c', 'it', '-p', 'app1', '-e', 'staging']
    const refused = await k8sflow(Deploy, argv)
    expect(refused.exitCode).to.equal(2)
    expect(refused.stderr)
      .to.include('app1-it belongs to release old in namespace default')
      .and.include('--adopt')
    const adopted = await k8sflow(Deploy, [...argv, '--adopt'])
    expect(adopted.exitCode, adopted.stderr).to.equal(0)
    expect(adopted.stderr).to.include('not taken over').and.include('we-road-it/Deployment app2-it')
    expect(await releaseRecords(cluster, 'default', 'old')).to.deep.equal([])
    expect([await runs('app2', 'it'), await runs('app2', 'es')]).to.deep.equal([true, true])
    // What was left behind can be taken up later, its old release gone.
    await deploy({ app2: { countries: ['it', 'es'] } }, ['--adopt'])
  })

  it('upgrades a release that owns its namespaces without losing one, also when it is rolled back', async () => {
    await oldChart(async (chart) =>
      withFile(
        valuesText({ app1: { countries: ['it'] }, app2: { countries: ['it', 'es'] } }),
        async (file) => {
          await timed(() => helm('install', 'old', chart, '-f', file, '--wait'))
        },
      ),
    )
    await cluster.send({
      method: 'POST',
      path: '/api/v1/namespaces/we-road-es/configmaps',
      body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'foreign' } },
    })
    const foreign = '/api/v1/namespaces/we-road-es/configmaps/foreign'
    const values = { app1: { countries: ['it'] }, app2: { countries: ['it'] } }
    const argv = ['--release', 'old', '--allow-removal']
    const failed = await deployValues({ ...values, app1: { countries: ['it'], tag: 'crash' } }, [
      ...argv,
      '--timeout',
      failingTimeout(25),
    ])
    expect(failed.exitCode, failed.stderr).to.equal(6)
    expect(failed.result.releases[0], failed.stderr).to.include({
      outcome: 'rolled-back',
      namespace: 'default',
    })
    expect([await exists(cluster, foreign), await runs('app2', 'es')]).to.deep.equal([true, true])

    const upgraded = await deployValues(values, argv)
    expect(upgraded.exitCode, upgraded.stderr).to.equal(0)
    expect(upgraded.result.releases[0]).to.include({
      release: 'old',
      namespace: 'default',
      outcome: 'deployed',
    })
    expect(await runs('app2', 'es')).to.equal(false)
    expect(await exists(cluster, foreign)).to.equal(true)
    const owners = await namespaceOwners(cluster, ['we-road-it', 'we-road-es'])
    expect(owners.map(({ exists: there, terminating }) => [there, terminating])).to.deep.equal([
      [true, false],
      [true, false],
    ])
    await helm('uninstall', 'old', '--wait')
    expect(await exists(cluster, foreign)).to.equal(true)
  })
})

/** The command from its source, in a process of its own. */
const DEV = ['--import', 'tsx', join(ROOT, 'test', 'cluster', 'run-command.ts')]
const CTRL_C = '\u0003'
const PTY = { cwd: ROOT, cols: 200, rows: 50, env: { ...process.env, CI: '' } as Record<string, string> }

async function deployValues(values: TwoApps, argv: string[] = []) {
  return withFile(valuesText(values), async (file) =>
    k8sflowJson<DeployResult>(Deploy, ['-f', file, ...argv]),
  )
}

/** Deploys in a process of its own: only so can two run at once. */
async function start(
  argv: string[],
  values: TwoApps,
): Promise<{ exitCode: number | undefined; stderr: string }> {
  const { exitCode, stderr } = await execa(process.execPath, [...DEV, 'deploy', '-f', '-', ...argv], {
    cwd: ROOT,
    reject: false,
    input: valuesText(values),
  })
  return { exitCode, stderr }
}

async function isPending(release: string): Promise<boolean> {
  return (await helm('list', '-n', 'we-road', '--pending', '-q')).split('\n').includes(release)
}

/** The process id of the helm that deploys a release. */
async function findHelm(release: string): Promise<number> {
  const { stdout } = await execa('pgrep', [
    '-f',
    `${process.env['K8SFLOW_HELM']!} upgrade --install ${release} `,
  ])
  return Number(stdout.trim())
}

async function until(condition: () => Promise<boolean>, what: () => string): Promise<void> {
  for (const end = Date.now() + 180_000; !(await condition());) {
    if (Date.now() > end) throw new Error(`This did not come about: ${what()}`)
    await sleep(100)
  }
}
