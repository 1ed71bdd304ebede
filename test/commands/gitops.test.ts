import { expect } from 'chai'
import { execa } from 'execa'
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { parse, parseAllDocuments } from 'yaml'

import Gitops from '../../src/commands/gitops.js'
import GitopsOpen from '../../src/commands/gitops/open.js'
import GitopsStatus from '../../src/commands/gitops/status.js'
import type { GitopsResult } from '../../src/services/gitops.js'
import type { GitopsStatusResult } from '../../src/services/gitops-status.js'
import { type FakeApi, startFakeApi } from './fakes/api-server.js'
import { writeKubeconfig } from './fakes/kubeconfig.js'
import { ROOT, runCommandClass } from './harness.js'

const APP1 = 'firstApp:\n  create: true\n  appName: app1\n  env: production\n  countries: [it]\n'
const APP2 = 'secondApp:\n  create: true\n  appName: app2\n  env: production\n  countries: [is]\n'

describe('k8sflow gitops', () => {
  let folder: string
  const git = async (...args: string[]) => execa('git', ['-C', folder, ...args])
  const put = async (path: string, text: string) => {
    await mkdir(dirname(join(folder, path)), { recursive: true })
    await writeFile(join(folder, path), text)
  }
  const run = async (argv: string[], cwd = folder) => runCommandClass(Gitops, argv, { cwd })
  const commit = async () => {
    await git('add', '-A')
    await git('-c', 'user.name=me', '-c', 'user.email=me@example.org', 'commit', '-qm', 'x')
  }

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'k8sflow-gitops-'))
    await git('init', '-q', '-b', 'trunk')
    await git('remote', 'add', 'origin', 'git@example.org:me/homelab.git')
    await mkdir(join(folder, 'helm'))
    await copyFile(join(ROOT, 'helm/Chart.yaml'), join(folder, 'helm/Chart.yaml'))
    await put('deploy/app1-production.yml', APP1)
    await put('deploy/app2-production.yml', APP2)
    await commit()
  })
  afterEach(async () => rm(folder, { recursive: true }))

  it('writes a file per object, from the values files and the repository of this folder', async () => {
    const { stdout, stderr, exitCode } = await run([], join(folder, 'deploy'))
    expect(exitCode, stderr).to.equal(0)
    expect(stdout).to.include('argocd/app1.yaml        created: Application we-road-app1')
    expect(stdout).to.include('follow trunk of https://example.org/me/homelab.git')
    expect(stdout).to.match(/: kubectl apply -f argocd$/m)
    expect(stderr).not.to.include('⚠')
    expect(await readdir(join(folder, 'deploy/argocd'))).to.have.members(
      ['project', 'namespaces', 'app1', 'app2'].map((name) => `${name}.yaml`),
    )
    const { spec } = parse(await readFile(join(folder, 'deploy/argocd/app1.yaml'), 'utf8')) as {
      spec: { source: { path: string; helm: { valueFiles: string[] } } }
    }
    expect(spec.source.path).to.equal('helm')
    expect(spec.source.helm.valueFiles).to.deep.equal(['/deploy/app1-production.yml'])
    const again = await run([], join(folder, 'deploy'))
    expect(again.stdout.match(/unchanged/g)).to.have.length(4)
  })

  it('prints one YAML stream with -o -, and with --dry-run, and writes nothing', async () => {
    for (const argv of [['-o', '-'], ['--dry-run']]) {
      const { stdout, exitCode } = await run(['-f', 'deploy/app1-production.yml', ...argv])
      expect(exitCode).to.equal(0)
      const kinds = parseAllDocuments(stdout).map((document) => (document.toJS() as { kind: string }).kind)
      expect(kinds).to.deep.equal(['AppProject', 'Application', 'Application'])
    }
    expect(await readdir(folder)).not.to.include('argocd')
  })

  it('needs to be told which of two environments', async () => {
    await put('deploy/app1-staging.yml', APP1.replace('production', 'staging'))
    const unclear = await run(['-o', '-'], join(folder, 'deploy'))
    expect(unclear.exitCode).to.equal(2)
    expect(unclear.stderr).to.include('-e production or -e staging')
    const { stdout } = await run(['-e', 'production', '-o', '-'], join(folder, 'deploy'))
    expect(stdout).to.include('/deploy/app1-production.yml').and.not.include('app1-staging.yml')
  })

  it('takes files that are named beside an environment they are of, and no others', async () => {
    // As a variable or the project file gives it to every command.
    const env = { K8SFLOW_ENVIRONMENT: 'production' }
    const options = { cwd: folder, env }
    const good = await runCommandClass(Gitops, ['-f', 'deploy/app1-production.yml', '-o', '-'], options)
    expect(good.exitCode, good.stderr).to.equal(0)
    const argv = ['-e', 'staging', '-f', 'deploy/app1-production.yml']
    const other = await runCommandClass(Gitops, argv, options)
    expect(other.exitCode).to.equal(2)
    expect(other.stderr).to.include('say production for app1').and.include('-e production')
    const none = await run(['-e', 'staging'], join(folder, 'helm'))
    expect(none.exitCode).to.equal(2)
    expect(none.stderr).to.include('app1-staging.yml').and.not.include('--countries')
  })

  it('says what Argo CD would not see, and what an earlier run left', async () => {
    await run(['-f', 'deploy/app1-production.yml'])
    await put('deploy/app1-production.yml', `${APP1}  replicas: 2\n`)
    await put('helm/Chart.yaml', 'name: k8sflow\nversion: 0.0.1\n')
    const argv = ['-f', 'deploy/app1-production.yml', '-f', 'deploy/app2-production.yml', '--single']
    const { stdout, stderr, exitCode } = await run([...argv, '--json'])
    expect(exitCode).to.equal(0)
    const { warnings, notes, files } = JSON.parse(stdout) as GitopsResult
    expect(warnings[0]).to.include('Not committed: deploy/app1-production.yml, helm.')
    expect(warnings[1]).to.include('argocd/app1.yaml is of an earlier run')
    expect(notes.join()).to.include('version 0.0.1')
    expect(files.map(({ name, change }) => `${name} ${change}`)).to.deep.equal([
      'we-road unchanged',
      'we-road-namespaces updated',
      'we-road-apps created',
    ])
    expect(stderr).to.include('⚠')
    await put('.gitignore', '*.yml\n')
    await put('mine.yml', APP2)
    const ignored = await run(['-f', 'mine.yml', '-o', '-'])
    expect(ignored.stderr).to.include('Not committed: mine.yml, helm.')
    const one = await run(['-f', 'deploy/app2-production.yml'])
    expect(one.stderr).to.match(/app1.yaml is of an earlier run.*name its values file too/)
  })

  it('takes a chart at the top of the repository', async () => {
    await copyFile(join(ROOT, 'helm/Chart.yaml'), join(folder, 'Chart.yaml'))
    const { stdout, stderr } = await run(['-f', 'deploy/app1-production.yml', '--path', '.', '-o', '-'])
    expect(stdout).to.match(/^ +path: \.$/m)
    expect(stderr).to.include('Not committed: ..')
  })

  it('updates what is there, and writes nothing at all where one file cannot be updated', async () => {
    await put('argocd/app1.yaml', 'kind: Secret\n')
    const refused = await run(['-f', 'deploy/app1-production.yml'])
    expect(refused.exitCode).to.equal(2)
    expect(refused.stderr).to.include('argocd/app1.yaml cannot be updated: it is not the Application')
    expect(await readdir(join(folder, 'argocd'))).to.deep.equal(['app1.yaml'])
    await put('argocd/app1.yaml', '# mine\nkind: Application\nmetadata: {name: we-road-app1}\n')
    expect((await run(['-f', 'deploy/app1-production.yml', '--revision', 'v1.2.3'])).exitCode).to.equal(0)
    const text = await readFile(join(folder, 'argocd/app1.yaml'), 'utf8')
    expect(text)
      .to.match(/^# mine\n/)
      .and.include('targetRevision: v1.2.3')
  })

  const refusals: [string, string[], string, (() => Promise<unknown>)?][] = [
    ['no values file', [], 'NO_VALUES'],
    ['values from stdin', ['-f', '-'], 'VALUES_NOT_IN_REPOSITORY'],
    ['a file elsewhere', ['-f', join(ROOT, 'deploy/app1-production.yml')], 'VALUES_NOT_IN_REPOSITORY'],
    ['no chart', ['--path', 'charts/web'], 'CHART_NOT_FOUND'],
    ['a chart elsewhere', ['--path', '../../helm'], 'VALUES_NOT_IN_REPOSITORY'],
    ['a password', ['--repo', 'https://me:secret@example.org/x'], 'INVALID_REPOSITORY'],
    ['a password for ssh', ['--repo', 'ssh://me:secret@example.org/x'], 'INVALID_REPOSITORY'],
    ['one Application and several', ['--per-app', '--release', 'home'], 'USAGE'],
    ['no address', ['--repo', 'homelab'], 'INVALID_REPOSITORY'],
    ['no branch name', ['--revision', 'a b'], 'INVALID_REVISION'],
    ['no remote', [], 'REPOSITORY_UNKNOWN', async () => git('remote', 'remove', 'origin')],
    ['no branch', [], 'REPOSITORY_UNKNOWN', async () => git('checkout', '-q', '--detach')],
    ['a bad release name', ['--release', 'A_B'], 'INVALID_RELEASE_NAME'],
  ]
  for (const [what, argv, code, prepare] of refusals)
    it(`refuses ${what}, and writes nothing`, async () => {
      await prepare?.()
      const values = argv.includes('-f') || code === 'NO_VALUES' ? [] : ['-f', 'deploy/app1-production.yml']
      const { stdout, exitCode } = await run([...values, ...argv, '--json'])
      expect(exitCode, stdout).to.equal(2)
      expect((JSON.parse(stdout) as { error: { code: string } }).error.code).to.equal(code)
      expect(stdout).not.to.include('secret@')
      expect(await readdir(folder)).not.to.include('argocd')
    })

  it('needs no git where it is told repository and revision', async () => {
    await rm(join(folder, '.git'), { recursive: true })
    const bare = await run(['-f', 'deploy/app1-production.yml'])
    expect(bare.stderr).to.include('--repo https://github.com/OWNER/NAME --revision main')
    const argv = [
      '-f',
      'deploy/app1-production.yml',
      '--repo',
      'ssh://git@example.org/x',
      '--revision',
      'main',
    ]
    expect((await run(argv)).exitCode).to.equal(0)
  })
})

describe('k8sflow gitops status and open', () => {
  let folder: string
  let api: FakeApi
  const application = (name: string, status: object, project = 'we-road') => ({
    metadata: { name, namespace: 'argocd' },
    spec: {
      project,
      source: { repoURL: 'https://example.org/x', targetRevision: 'main' },
      syncPolicy: { automated: {} },
    },
    status,
  })
  const good = { sync: { status: 'Synced', revision: '0123456789abcdef' }, health: { status: 'Healthy' } }
  const run = async (command: Parameters<typeof runCommandClass>[0], argv: string[]) =>
    runCommandClass(command, argv, { cwd: folder, env: { KUBECONFIG: join(folder, 'kubeconfig') } })

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'k8sflow-gitops-'))
    api = await startFakeApi()
    await writeKubeconfig(folder, api.url)
  })
  afterEach(async () => {
    await api.close()
    await rm(folder, { recursive: true })
  })

  it('shows sync and health of the Applications of the project, and exits with 1 only with --check', async () => {
    api.applications = [
      application('we-road-app2', {
        sync: { status: 'OutOfSync' },
        health: { status: 'Degraded', message: 'too few pods' },
        conditions: [{ type: 'SyncError', message: 'one\nproblem' }],
        operationState: { phase: 'Failed', message: 'denied' },
      }),
      application('we-road-app1', good),
      application('grafana', {}, 'default'),
    ]
    const { stdout, exitCode } = await run(GitopsStatus, [])
    expect(exitCode).to.equal(0)
    expect(stdout).to.match(/^we-road-app1 +Synced +Healthy +main \(0123456\) +yes +-$/m)
    expect(stdout).to.match(/^we-road-app2 +OutOfSync +Degraded +main +yes +-$/m)
    expect(stdout).to.include('✗ we-road-app2 SyncError: one problem\n')
    expect(stdout).to.include('✗ we-road-app2 sync failed: denied').and.include('too few pods')
    expect(stdout).not.to.include('grafana')
    expect((await run(GitopsStatus, ['--check'])).exitCode).to.equal(1)
    api.applications = [application('we-road-app1', good)]
    const json = await run(GitopsStatus, ['--check', '--json'])
    expect(json.exitCode).to.equal(0)
    const { healthy, applications } = JSON.parse(json.stdout) as GitopsStatusResult
    expect(healthy).to.equal(true)
    expect(applications[0]).to.include({ name: 'we-road-app1', commit: '0123456789abcdef', automated: true })
  })

  it('says that Argo CD is not there, that nothing of ours is, and that they may not be read', async () => {
    const missing = await run(GitopsStatus, [])
    expect(missing.exitCode).to.equal(1)
    expect(missing.stderr).to.include('Argo CD is not installed in the cluster of context "pi"')
    api.applications = []
    const none = await run(GitopsStatus, ['--check'])
    expect(none.exitCode).to.equal(1)
    expect(none.stderr).to.include('k8sflow gitops')
    api.applications = 'forbidden'
    expect((await run(GitopsStatus, [])).exitCode).to.equal(5)
  })

  it('says of open that no server is there, and where else it may be', async () => {
    const { exitCode, stderr } = await run(GitopsOpen, [])
    expect(exitCode).to.equal(1)
    expect(stderr).to.include('no server of Argo CD in namespace argocd').and.include('--argocd-namespace')
    expect((await run(GitopsOpen, ['--port', '70000'])).exitCode).to.equal(2)
  })
})
