import { expect } from 'chai'
import { chmod, copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import Deploy from '../../src/commands/deploy.js'
import Install from '../../src/commands/install.js'
import Upgrade from '../../src/commands/upgrade.js'
import type { DeployResult } from '../../src/services/deploy-result.js'
import { type FakeApi, startFakeApi } from './fakes/api-server.js'
import { type FakeRegistry, startFakeRegistry } from './fakes/image-registry.js'
import { writeKubeconfig } from './fakes/kubeconfig.js'
import { runCommandClass } from './harness.js'

interface HelmState {
  version?: string
  releases: Record<string, object>
  fail?: Record<string, unknown>
  rendered?: string
  log: { args: string[]; stdin?: string }[]
}

const FAKE_HELM = fileURLToPath(new URL('fakes/helm.mjs', import.meta.url))
const ALL = ['-c', 'it', '-p', 'app1', '-e', 'staging']
const manifestOf = (...countries: string[]) =>
  countries
    .map(
      (country) =>
        `---\nkind: Deployment\nmetadata:\n  name: app1-${country}\n  namespace: we-road-${country}\n`,
    )
    .join('')
const deployed = (countries = ['it'], more: object = {}) => ({
  revision: 1,
  status: 'deployed',
  history: [[1, 'deployed']],
  manifest: manifestOf(...countries),
  ...more,
})

describe('k8sflow deploy', () => {
  let folder: string
  let api: FakeApi

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'k8sflow-deploy-'))
    api = await startFakeApi()
    await copyFile(FAKE_HELM, join(folder, 'helm'))
    await chmod(join(folder, 'helm'), 0o755)
    await writeKubeconfig(folder, api.url)
    await helmIs({})
  })
  afterEach(async () => {
    await api.close()
    await rm(folder, { recursive: true })
  })

  const helmFile = () => join(folder, 'helm.json')
  const helmIs = async (state: Partial<HelmState>) =>
    writeFile(helmFile(), JSON.stringify({ releases: {}, log: [], ...state }))
  const helmLog = async () => (JSON.parse(await readFile(helmFile(), 'utf8')) as HelmState).log
  const changesOfHelm = async () =>
    (await helmLog()).filter(({ args }) => /^(upgrade|install|rollback|uninstall)$/.test(args[0]!))
  const run = async (argv: string[], command: typeof Deploy = Deploy, env: Record<string, string> = {}) =>
    runCommandClass(command, argv, {
      cwd: folder,
      env: {
        KUBECONFIG: join(folder, 'kubeconfig'),
        PATH: `${folder}:${process.env['PATH'] ?? ''}`,
        FAKE_HELM: helmFile(),
        ...env,
      },
    })
  const runJson = async (argv: string[]) => {
    const { stdout, stderr, exitCode } = await run([...argv, '--json'])
    return { result: JSON.parse(stdout) as DeployResult, stderr, exitCode }
  }

  it('leaves what Argo CD manages alone unless told otherwise', async () => {
    api.apps = [{ app: 'app1', country: 'it', application: 'we-road-app1' }]
    api.applications = [
      { metadata: { name: 'we-road-app1', namespace: 'argocd' }, spec: { syncPolicy: { automated: {} } } },
    ]
    await helmIs({ releases: { app1: deployed() } })
    const refused = await run(ALL)
    expect(refused.exitCode).to.equal(2)
    expect(refused.stderr).to.include("app1-it is managed by Argo CD's Application we-road-app1")
    expect(refused.stderr).to.include('--allow-argocd')
    // Which changes nothing, and is how one sees what a change would be.
    const dry = await run([...ALL, '--dry-run'])
    expect(dry.exitCode, dry.stderr).to.equal(0)
    expect(dry.stdout).to.include('helm upgrade')
    expect(dry.stderr).to.include('Without --allow-argocd this is refused')
    expect([...api.changes, ...(await changesOfHelm())]).to.deep.equal([])
    const allowed = await run([...ALL, '--allow-argocd'])
    expect(allowed.exitCode, allowed.stderr).to.equal(0)
    expect(allowed.stderr).to.include('⚠').and.include('may undo this')
    // helm 4 would refuse to change what Argo CD has applied.
    expect((await changesOfHelm())[0]!.args).to.include('--force-conflicts')
    // So it would to go back.
    const failed = 'UPGRADE FAILED: context deadline exceeded'
    await helmIs({ releases: { app1: deployed() }, fail: { 'upgrade app1': { failed } } })
    expect((await run([...ALL, '--allow-argocd'])).stderr).to.include('rolled back to revision')
    expect(
      (await changesOfHelm()).map(({ args }) => `${args[0]!} ${String(args.includes('--force-conflicts'))}`),
    ).to.deep.equal(['upgrade true', 'rollback true'])
  })

  it('makes the namespaces, runs helm, asks for /ping, and prints a table', async () => {
    api.apps = [{ app: 'app1', country: 'it' }]
    await helmIs({ releases: { app1: deployed() } })
    const { stdout, stderr, exitCode } = await run(ALL)
    expect(exitCode, stderr).to.equal(0)
    expect(stdout).to.match(/^app1 +it +2 +1\/1 +hecha00\/app1:1\.0\.0 +- +hello from app1-staging-it$/m)
    expect(api.changes).to.deep.equal(['PATCH /api/v1/namespaces/we-road-it'])
    const [upgrade] = await changesOfHelm()
    expect(upgrade!.args.join(' ')).to.match(
      /^upgrade --install app1 \S+\/helm -f - --set namespaces\.create=false --create-namespace --wait --timeout 5m --namespace we-road --kube-context pi$/,
    )
    expect(JSON.parse(upgrade!.stdin!)).to.deep.equal({
      firstApp: { create: true, appName: 'app1', env: 'staging', countries: ['it'] },
    })
  })

  it('finds the files of this folder, and asks which environment is meant', async () => {
    const text = (env: string) => `firstApp: {create: true, appName: app1, env: ${env}, countries: [it]}\n`
    await writeFile(join(folder, 'app1-staging.yml'), text('staging'))
    await writeFile(join(folder, 'app1.yml'), text('production'))
    const unsaid = await run([])
    expect(unsaid.exitCode).to.equal(2)
    expect(unsaid.stderr).to.include('-e staging or -e production')
    api.apps = [{ app: 'app1', country: 'it', environment: 'production' }]
    const { stderr, exitCode } = await run(['-e', 'production'])
    expect(exitCode, stderr).to.equal(0)
    expect((await changesOfHelm())[0]!.args.join(' ')).to.include(' -f app1.yml ')
  })

  it('changes nothing for invalid values, and names their places', async () => {
    await writeFile(
      join(folder, 'bad.yml'),
      'firstApp:\n  create: true\n  env: prod\n  countries: [no, ita]\n',
    )
    const { stderr, exitCode } = await run(['-f', 'bad.yml'])
    expect(exitCode).to.equal(2)
    expect(stderr).to.include('bad.yml:3:').and.include('bad.yml:4:').and.include('k8sflow validate')
    expect(await helmLog()).to.deep.equal([])
  })

  it('quotes no value of an environment variable of an invalid file, in JSON neither', async () => {
    await writeFile(
      join(folder, 'bad.yml'),
      'firstApp: {create: true, countries: [it], extraEnv: [{name: PIN, value: 123456}, {name: A=hush}]}\n',
    )
    const text = await run(['-f', 'bad.yml'])
    const json = await run(['-f', 'bad.yml', '--json'])
    for (const { stdout, stderr } of [text, json]) {
      expect(stdout + stderr).to.include('value must be text, this is a number')
      expect(stdout + stderr).to.not.match(/123456|hush/)
    }
  })

  it('names all missing and wrong flags in one error', async () => {
    const missing = await run(['-p', 'app1'])
    expect(missing.exitCode).to.equal(2)
    expect(missing.stderr).to.include('--countries').and.include('--environment')
    const wrong = await run(['-p', 'app3', '-c', 'ita', '-e', 'prod'])
    expect(wrong.exitCode).to.equal(2)
    expect((await run([])).stderr).to.include('nothing to deploy')
    expect((await run([...ALL, '--timeout', 'soon'])).stderr).to.include('--timeout "soon"')
    expect((await run([...ALL, '--release', 'Not A Name'])).exitCode).to.equal(2)
  })

  it('guards environments and countries, also against --yes, and lets through what is allowed', async () => {
    api.apps = [
      { app: 'app1', country: 'it', environment: 'production' },
      { app: 'app1', country: 'es', environment: 'production' },
    ]
    await helmIs({ releases: { app1: deployed(['it', 'es']) } })
    const refused = await run([...ALL, '--yes'])
    expect(refused.exitCode).to.equal(2)
    expect(refused.stderr).to.include('--allow-environment-change --allow-removal')
    expect((await run([...ALL, '--allow-removal'])).exitCode).to.equal(2)
    expect([await changesOfHelm(), api.changes]).to.deep.equal([[], []])
    api.apps[0]!.ping = 'hello from app1-staging-it'
    const allowed = await run([...ALL, '--allow-environment-change', '--allow-removal'])
    expect(allowed.exitCode, allowed.stderr).to.equal(0)
  })

  it('keeps namespaces that a release owns before helm runs', async () => {
    api.apps = [{ app: 'app1', country: 'it' }]
    const owner = { 'meta.helm.sh/release-name': 'app1', 'meta.helm.sh/release-namespace': 'we-road' }
    for (const name of ['we-road-it', 'gitops-flow-es']) api.namespaces.set(name, { annotations: owner })
    const manifest = `${manifestOf('it')}---\nkind: Namespace\nmetadata:\n  name: gitops-flow-es\n`
    await helmIs({ releases: { app1: deployed(['it'], { manifest }) } })
    const { exitCode, stderr } = await run(ALL)
    expect(exitCode, stderr).to.equal(0)
    for (const name of ['we-road-it', 'gitops-flow-es'])
      expect(api.namespaces.get(name)!.annotations).to.include({ 'helm.sh/resource-policy': 'keep' })
  })

  it('shows a failure before it rolls back, and lets the other app go on', async () => {
    await writeFile(
      join(folder, 'both.yml'),
      JSON.stringify({
        firstApp: { create: true, appName: 'app1', env: 'staging', countries: ['it'] },
        secondApp: { create: true, appName: 'app2', env: 'staging', countries: ['it'] },
      }),
    )
    api.apps = [
      { app: 'app1', country: 'it', ready: false },
      { app: 'app2', country: 'it' },
    ]
    const failed = 'UPGRADE FAILED: context deadline exceeded'
    await helmIs({ releases: { app1: deployed() }, fail: { 'upgrade app1': { failed } } })
    const { result, stderr, exitCode } = await runJson(['-f', 'both.yml'])
    expect(exitCode).to.equal(6)
    expect(result.ok).to.equal(false)
    expect(result.error).to.include({ code: 'DEPLOY_FAILED', exit: 6 })
    expect(
      result.releases.map(({ release, outcome, revision, kind }) => [release, outcome, revision, kind]),
    ).to.deep.equal([
      ['app1', 'rolled-back', 3, 'wait-timeout'],
      ['app2', 'deployed', 1, undefined],
    ])
    expect(result.releases[0]!.pods![0]).to.deep.include({
      reason: 'ImagePullBackOff',
      log: ['nginx: something is wrong'],
      events: ['Warning Failed: no such image'],
    })
    expect(stderr.indexOf('ImagePullBackOff')).to.be.within(0, stderr.indexOf('rolling back to revision 1'))
    expect((await changesOfHelm()).at(-1)!.args.join(' ')).to.match(/^rollback app1 1 --wait --timeout 5m /)
  })

  it('leaves a failed first install, and says when a rollback fails too', async () => {
    const fail = { 'upgrade app1': { failed: 'context deadline exceeded' }, 'rollback app1': 'no luck' }
    await helmIs({ fail })
    const first = await runJson(ALL)
    expect(first.exitCode).to.equal(6)
    expect(first.result.releases[0]).to.include({ outcome: 'failed', revision: 1, status: 'failed' })
    await helmIs({ fail, releases: { app1: deployed() } })
    const second = await runJson(ALL)
    expect(second.result.releases[0]).to.include({ outcome: 'rollback-failed' })
    expect(second.result.error!.message).to.include('no luck')
  })

  it('rolls nothing back that it did not make', async () => {
    for (const refused of [
      'another operation (install/upgrade/rollback) is in progress',
      'release: already exists',
      'x exists and cannot be imported into the current release: invalid ownership metadata; y',
    ]) {
      await helmIs({ releases: { app1: deployed() }, fail: { 'upgrade app1': { refused } } })
      const { result, exitCode } = await runJson(ALL)
      expect(exitCode).to.equal(6)
      expect(result.releases[0]!.summary).to.include('was not changed')
      expect((await changesOfHelm()).map(({ args }) => args[0])).to.deep.equal(['upgrade'])
    }
  })

  it('exits with 7 on a wrong answer, and rolls back with the flag', async () => {
    api.apps = [{ app: 'app1', country: 'it', ping: 'somebody else' }]
    await helmIs({ releases: { app1: deployed() } })
    // The clock runs faster, so that the patience with a wrong answer ends sooner.
    const now = Date.now
    const began = now()
    Date.now = () => began + (now() - began) * 10
    const { result, exitCode } = await runJson([...ALL, '--rollback-on-ping-failure']).finally(() => {
      Date.now = now
    })
    expect(exitCode).to.equal(7)
    expect(result.apps[0]!.ping).to.include({ ok: false, answer: 'somebody else' })
    expect(result.releases[0]).to.include({ outcome: 'rolled-back', revision: 3 })
  })

  it('neither waits nor asks with --no-wait, and does not ask with --no-verify', async () => {
    api.apps = [{ app: 'app1', country: 'it', ping: 'somebody else' }]
    for (const flag of ['--no-wait', '--no-verify']) {
      const { result, exitCode } = await runJson([...ALL, flag])
      expect(exitCode).to.equal(0)
      expect(result.apps[0]!.ping).to.equal(null)
    }
    const [noWait, noVerify] = await changesOfHelm()
    expect([noWait!.args.includes('--wait'), noVerify!.args.includes('--wait')]).to.deep.equal([false, true])
  })

  it('refuses a release that is pending just now, repairs one that is not', async () => {
    const pending = (at: string) =>
      deployed(['it'], {
        status: 'pending-upgrade',
        revision: 2,
        at,
        history: [
          [1, 'deployed'],
          [2, 'pending-upgrade'],
        ],
      })
    await helmIs({ releases: { app1: pending(new Date().toISOString()) } })
    const busy = await run(ALL)
    expect(busy.exitCode).to.equal(6)
    expect(busy.stderr).to.include('in progress').and.include('--repair')
    expect(await changesOfHelm()).to.deep.equal([])
    api.apps = [{ app: 'app1', country: 'it' }]
    await helmIs({ releases: { app1: pending('2026-01-01T00:00:00Z') } })
    const repaired = await run(ALL)
    expect(repaired.exitCode, repaired.stderr).to.equal(0)
    expect((await changesOfHelm()).map(({ args }) => args.slice(0, 3).join(' '))).to.deep.equal([
      'rollback app1 1',
      'upgrade --install app1',
    ])
  })

  it('forgets the records of an install that never ended, never its objects', async () => {
    api.apps = [{ app: 'app1', country: 'it' }]
    api.records = ['sh.helm.release.v1.app1.v1']
    const pending = { status: 'pending-install', history: [[1, 'pending-install']] }
    await helmIs({ releases: { app1: deployed(['it'], pending) } })
    const { exitCode, stderr } = await run(ALL)
    expect(exitCode, stderr).to.equal(0)
    expect(api.changes).to.include('DELETE /api/v1/namespaces/we-road/secrets/sh.helm.release.v1.app1.v1')
    expect((await changesOfHelm()).map(({ args }) => args[0])).to.deep.equal(['upgrade'])
  })

  it('takes objects of another release only with --adopt', async () => {
    api.apps = [{ app: 'app1', country: 'it', release: { name: 'old', namespace: 'default' } }]
    const refused = await run(ALL)
    expect(refused.exitCode).to.equal(2)
    expect(refused.stderr).to.include('belongs to release old in namespace default')
    api.records = ['sh.helm.release.v1.old.v1']
    await helmIs({ rendered: manifestOf('it') })
    const adopted = await run([...ALL, '--adopt'])
    expect(adopted.exitCode, adopted.stderr).to.equal(0)
    expect((await changesOfHelm())[0]!.args).to.include('--take-ownership')
    expect(api.changes).to.include('DELETE /api/v1/namespaces/default/secrets/sh.helm.release.v1.old.v1')
  })

  it('installs only what is not there, and upgrades only what is', async () => {
    api.apps = [{ app: 'app1', country: 'it' }]
    expect((await run(ALL, Upgrade)).exitCode).to.equal(2)
    expect((await run(ALL, Install)).exitCode).to.equal(0)
    const again = await run(ALL, Install)
    expect(again.exitCode).to.equal(2)
    expect(again.stderr).to.include('exists already')
    expect((await run(ALL, Upgrade)).exitCode).to.equal(0)
    expect((await changesOfHelm()).map(({ args }) => args.slice(0, 2).join(' '))).to.deep.equal([
      'install app1',
      'upgrade app1',
    ])
  })

  it('prints the commands of a dry run, changes nothing, and needs no cluster for it', async () => {
    const { stdout, exitCode } = await run([...ALL, '--dry-run'])
    expect(exitCode).to.equal(0)
    expect(stdout).to.match(/kubectl apply --server-side .*\nhelm upgrade --install app1 .* <<'EOF'\n\{/)
    expect([await changesOfHelm(), api.changes]).to.deep.equal([[], []])
    await api.close()
    const offline = await run([...ALL, '--dry-run'])
    expect(offline.exitCode).to.equal(0)
    // The reason, and what to do about it.
    expect(offline.stderr.replaceAll(/\s+/g, ' '))
      .to.include('Not compared with what runs')
      .and.match(/Nothing listens at \S+.*: connection refused\. .*(sudo systemctl status k3s|"server")/)
    expect(offline.stdout).to.match(/^helm upgrade --install app1 /)
    expect((await run(ALL)).exitCode).to.equal(5)
    api = await startFakeApi()
  })

  it('takes only what can be the name of a namespace', async () => {
    const { exitCode, stderr } = await run([...ALL, '--namespace', 'we/road'])
    expect(exitCode).to.equal(2)
    expect(stderr).to.include('"we/road" cannot be the name of a namespace')
  })

  it('is told of a wrong context or kubeconfig by a dry run too', async () => {
    const context = await run([...ALL, '--dry-run', '--context', 'nowhere'])
    expect(context.exitCode, context.stderr).to.equal(5)
    expect(context.stderr).to.include('There is no context "nowhere"')
    for (const kubeconfig of [folder, join(folder, 'missing')])
      expect((await run([...ALL, '--dry-run', '--kubeconfig', kubeconfig])).exitCode).to.equal(5)
    const none = await run([...ALL, '--dry-run'], Deploy, { KUBECONFIG: '', HOME: folder })
    expect(none.exitCode, none.stderr).to.equal(0)
    expect(none.stderr).to.include('Not compared with what runs')
  })

  describe('with images in a registry', () => {
    let registry: FakeRegistry
    const CHECK = { K8SFLOW_CHECK_PLATFORMS: 'true', DOCKER_CONFIG: '/nowhere' }
    beforeEach(async () => {
      registry = await startFakeRegistry()
      const image = `{repository: "${registry.host}/app1", tag: "1"}`
      const app = `{create: true, appName: app1, env: staging, countries: [it], image: ${image}}`
      await writeFile(join(folder, 'app1-staging.yml'), `firstApp: ${app}\n`)
      api.apps = [{ app: 'app1', country: 'it' }]
    })
    afterEach(async () => registry.close())

    it('deploys what the nodes can run, and says nothing about it', async () => {
      registry.putIndex('app1', '1', ['linux/amd64', 'linux/arm64'])
      const { stderr, exitCode } = await run([], Deploy, CHECK)
      expect(exitCode, stderr).to.equal(0)
      expect(registry.requests.map(({ line }) => line)).to.deep.equal(['GET /v2/app1/manifests/1'])
      expect(stderr).not.to.include('platform')
    })

    it('refuses what no node can run before anything is changed, in a dry run too', async () => {
      registry.putSingle('app1', '1', 'linux/amd64')
      for (const [argv, command] of [
        [[], Deploy],
        [['--dry-run'], Install],
      ] as const) {
        const { stderr, exitCode } = await run([...argv], command, CHECK)
        expect(exitCode, stderr).to.equal(2)
        const text = stderr.replaceAll(/\s+/g, ' ')
        expect(text)
          .to.include(`${registry.host}/app1:1 is made for linux/amd64`)
          .and.include('pi (linux/arm64)')
        expect(text).to.include('k8sflow build -p app1 --platform linux/amd64,linux/arm64')
      }
      const { stdout } = await run(['--json'], Deploy, CHECK)
      expect((JSON.parse(stdout) as DeployResult).error).to.include({
        code: 'IMAGE_PLATFORM_MISMATCH',
        exit: 2,
      })
      expect([await changesOfHelm(), api.changes]).to.deep.equal([[], []])
      expect((await run(['--no-check-platforms'], Deploy, CHECK)).exitCode).to.equal(0)
    })

    it('warns of nodes that would get pods they cannot run, and goes on', async () => {
      registry.putSingle('app1', '1', 'linux/amd64')
      api.nodes = [
        { name: 'pi', architecture: 'arm64' },
        { name: 'nuc', architecture: 'amd64' },
      ]
      const { stdout, stderr, exitCode } = await run(['--json'], Deploy, CHECK)
      expect(exitCode, stderr).to.equal(0)
      const { notes } = JSON.parse(stdout) as DeployResult
      expect(notes.join(' ')).to.include('pods that come to pi (linux/arm64) will not start')
      expect(stderr.replaceAll(/\s+/g, ' ')).to.include('will not start')
    })

    it('goes on with a note where the registry or the nodes cannot be asked', async () => {
      const missing = await run(['--dry-run'], Deploy, CHECK)
      expect(missing.exitCode, missing.stderr).to.equal(0)
      expect(missing.stderr).to.include('were not checked').and.include('has no app1:1')
      expect(missing.stderr).to.include('k8sflow build --push')
      registry.putSingle('app1', '1', 'linux/amd64')
      api.nodes = undefined
      const forbidden = await run([], Deploy, CHECK)
      expect(forbidden.exitCode, forbidden.stderr).to.equal(0)
      expect(forbidden.stderr).to.include('user "me" may not list nodes').and.include('--no-check-platforms')
    })

    it('waits for no registry where no cluster can be compared with', async () => {
      let open = 0
      registry.intercept = (_, response) => {
        open++
        response.on('close', () => open--)
        return true
      }
      await api.close()
      const { exitCode, stderr } = await run(['--dry-run'], Deploy, CHECK)
      expect(exitCode, stderr).to.equal(0)
      // What is still open keeps the process from ending.
      while (open > 0) await new Promise((resolve) => setTimeout(resolve, 20))
      expect(registry.requests).to.have.lengthOf(1)
      api = await startFakeApi()
    })
  })

  it('names a helm that is missing or too old, and exits with 4', async () => {
    expect((await run(ALL, Deploy, { K8SFLOW_HELM: join(folder, 'nowhere') })).exitCode).to.equal(4)
    await helmIs({ version: 'v3.16.4' })
    const old = await run(ALL)
    expect(old.exitCode).to.equal(4)
    expect(old.stderr).to.include('3.17.0')
  })
})
