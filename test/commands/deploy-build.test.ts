import { expect } from 'chai'
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import Deploy from '../../src/commands/deploy.js'
import Install from '../../src/commands/install.js'
import type { DeployResult } from '../../src/services/deploy-result.js'
import { type FakeApi, startFakeApi } from './fakes/api-server.js'
import { writeKubeconfig } from './fakes/kubeconfig.js'
import { runCommandClass } from './harness.js'

const FAKE_HELM = fileURLToPath(new URL('fakes/helm.mjs', import.meta.url))
/** Nobody listens there, and nobody needs to be logged in to it. */
const PREFIX = '127.0.0.1:1/home'
const DIGESTS = { app1: `sha256:${'1'.repeat(64)}`, app2: `sha256:${'2'.repeat(64)}` }
const TAGGED = ['--build', '--image-prefix', PREFIX, '--tag', 'abc']
const FLAGS = ['-c', 'it', '-p', 'app1', '-e', 'staging']

/** Builds nothing: keeps what it was asked for and what was there by then, waits where told to, or fails. */
const FAKE_DOCKER = `#!/usr/bin/env node
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
const args = process.argv.slice(2)
if (args[1] === 'ls') {
  console.log(JSON.stringify({ Name: 'fake', Driver: 'docker-container', Current: true, Nodes: [{ Platforms: ['linux/amd64', 'linux/arm64'] }] }))
  process.exit()
}
const definition = JSON.parse(readFileSync(0, 'utf8'))
const helm = JSON.parse(readFileSync(process.env.FAKE_HELM, 'utf8'))
const targets = Object.keys(definition.target)
// Before anything is noted: whoever reads that may send the signal at once.
process.on('SIGINT', () => process.exit(130))
appendFileSync('docker.log', JSON.stringify({ args, definition, helm: helm.log.map(({ args }) => args[0]) }) + '\\n')
if (process.env.FAKE_DOCKER === 'fails') {
  console.error('ERROR: target app1: failed to solve: no such file')
  process.exit(1)
}
while (process.env.FAKE_DOCKER === 'waits' && !existsSync('go')) await new Promise((done) => setTimeout(done, 20))
const digests = ${JSON.stringify(DIGESTS)}
const metadata = targets.map((app) => [app, { 'containerimage.digest': digests[app] }])
writeFileSync(args[args.indexOf('--metadata-file') + 1], JSON.stringify(Object.fromEntries(metadata)))
`

interface Baked {
  args: string[]
  definition: { target: Record<string, { tags: string[]; platforms: string[]; output: string[] }> }
  /** What helm had been asked for by then. */
  helm: string[]
}

describe('k8sflow deploy --build', () => {
  let folder: string
  let api: FakeApi

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'k8sflow-deploy-build-'))
    api = await startFakeApi()
    api.apps = ['app1', 'app2'].map((app) => ({ app, country: 'it' }))
    await copyFile(FAKE_HELM, join(folder, 'helm'))
    await writeFile(join(folder, 'docker.mjs'), FAKE_DOCKER)
    for (const program of ['helm', 'docker.mjs']) await chmod(join(folder, program), 0o755)
    await writeKubeconfig(folder, api.url)
    await helmIs({})
    for (const app of ['app1', 'app2']) {
      await mkdir(join(folder, 'samples', app), { recursive: true })
      await writeFile(join(folder, 'samples', app, 'Dockerfile'), 'FROM scratch\nCOPY . /\n')
    }
  })
  afterEach(async () => {
    await api.close()
    await rm(folder, { recursive: true })
  })

  const at = (name: string) => join(folder, name)
  const helmIs = async (state: object) =>
    writeFile(at('helm.json'), JSON.stringify({ releases: {}, log: [], ...state }))
  const upgrades = async () => {
    const { log } = JSON.parse(await readFile(at('helm.json'), 'utf8')) as {
      log: { args: string[]; stdin?: string }[]
    }
    return log.filter(({ args }) => /^(upgrade|install|rollback)$/.test(args[0]!))
  }
  const bakes = async () =>
    (await readFile(at('docker.log'), 'utf8').catch(() => ''))
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Baked)
  const run = async (argv: string[], command: typeof Deploy = Deploy, env: Record<string, string> = {}) =>
    runCommandClass(command, argv, {
      cwd: folder,
      env: {
        KUBECONFIG: at('kubeconfig'),
        PATH: `${folder}:${process.env['PATH'] ?? ''}`,
        FAKE_HELM: at('helm.json'),
        K8SFLOW_DOCKER: at('docker.mjs'),
        ...env,
      },
    })
  const runJson = async (argv: string[], env: Record<string, string> = {}) => {
    const { stdout, stderr, exitCode } = await run([...argv, '--json'], Deploy, env)
    return { result: JSON.parse(stdout) as DeployResult, stderr, exitCode }
  }
  const values = (...names: string[]) => {
    const section = (app: string) =>
      `  create: true # always\n  appName: ${app}\n  env: staging\n  countries: [it]\n`
    return [
      ...(names.includes('app1') ? [`firstApp:\n${section('app1')}`] : []),
      ...(names.includes('app2') ? [`secondApp:\n${section('app2')}`] : []),
    ].join('')
  }
  const image = (app: 'app1' | 'app2') =>
    `  image:\n    repository: "${PREFIX}/${app}"\n    tag: abc\n    digest: "${DIGESTS[app]}"\n`

  it('builds, pushes, pins in the file, and only then runs helm with it', async () => {
    await writeFile(at('app1-staging.yml'), values('app1'))
    const { stdout, stderr, exitCode } = await run([...TAGGED, '-e', 'staging'])
    expect(exitCode, stderr).to.equal(0)
    const [bake, ...more] = await bakes()
    expect(more).to.deep.equal([])
    expect(Object.keys(bake!.definition.target)).to.deep.equal(['app1'])
    expect(bake!.definition.target['app1']).to.deep.include({
      tags: [`${PREFIX}/app1:abc`],
      platforms: ['linux/amd64', 'linux/arm64'],
    })
    expect(bake!.definition.target['app1']!.output.join()).to.include('push=true')
    expect(bake!.helm).not.to.include('upgrade')
    expect(await readFile(at('app1-staging.yml'), 'utf8')).to.equal(values('app1') + image('app1'))
    expect((await upgrades()).map(({ args }) => args.join(' ')).join()).to.match(
      /^upgrade --install app1 \S+ -f app1-staging\.yml --set namespaces\.create=false /,
    )
    expect(stdout).to.match(/^app1 +127\.0\.0\.1:1\/home\/app1:abc +sha256:1{12}… /m)
    expect(stdout).to.include(`app1-staging.yml: app1 pinned to ${DIGESTS.app1}`)
    expect(stdout).to.match(/^app1 +it +1 .*hello from app1-staging-it$/m)
    expect(stderr).to.include('pinned in app1-staging.yml')
  })

  it('builds exactly the apps that are deployed', async () => {
    await writeFile(at('both.yml'), values('app1', 'app2'))
    const one = await run([...TAGGED, '-f', 'both.yml', '-p', 'app2'])
    expect(one.exitCode, one.stderr).to.equal(0)
    expect(await readFile(at('both.yml'), 'utf8')).to.equal(values('app1', 'app2') + image('app2'))
    await writeFile(at('both.yml'), values('app1', 'app2').replace('create: true', 'create: false'))
    const left = await run([...TAGGED, '-f', 'both.yml'])
    expect(left.exitCode, left.stderr).to.equal(0)
    await writeFile(at('both.yml'), values('app1', 'app2'))
    const all = await run([...TAGGED, '-f', 'both.yml', '--release', 'all', '--adopt'])
    expect(all.exitCode, all.stderr).to.equal(0)
    expect((await bakes()).map(({ definition }) => Object.keys(definition.target))).to.deep.equal([
      ['app2'],
      ['app2'],
      ['app1', 'app2'],
    ])
    const text = await readFile(at('both.yml'), 'utf8')
    expect(text).to.include(DIGESTS.app1).and.to.include(DIGESTS.app2)
  })

  it('passes the digest of this run where values stand in no file, and says so', async () => {
    const { result, stderr, exitCode } = await runJson([...TAGGED, ...FLAGS])
    expect(exitCode, stderr).to.equal(0)
    expect(JSON.parse((await upgrades())[0]!.stdin!))
      .to.have.nested.property('firstApp.image')
      .deep.equal({
        repository: `${PREFIX}/app1`,
        tag: 'abc',
        digest: DIGESTS.app1,
      })
    expect(result.notes.join()).to.include('in this deployment only: the values come from the flags')
    expect(stderr.replaceAll(/\s+/g, ' ')).to.include('in this deployment only')
    expect(result.build).to.deep.include({ output: 'push', written: [] })
    expect(result.build!.images[0]).to.include({
      reference: `${PREFIX}/app1:abc@${DIGESTS.app1}`,
      digest: DIGESTS.app1,
    })
  })

  it('pins in the file also where flags win over it', async () => {
    await writeFile(at('app1-staging.yml'), values('app1').replace('[it]', '[it, es]'))
    const { result, stderr, exitCode } = await runJson([...TAGGED, '-c', 'it', '-f', 'app1-staging.yml'])
    expect(exitCode, stderr).to.equal(0)
    expect(result.build!.written).to.deep.equal([
      { file: 'app1-staging.yml', app: 'app1', digest: DIGESTS.app1 },
    ])
    expect(JSON.parse((await upgrades())[0]!.stdin!)).to.have.nested.include({
      'firstApp.image.digest': DIGESTS.app1,
      'firstApp.countries.length': 1,
    })
    expect(await readFile(at('app1-staging.yml'), 'utf8'))
      .to.include('[it, es]')
      .and.include(DIGESTS.app1)
  })

  it('refuses before it builds whatever can be refused', async () => {
    await writeFile(at('locked.yml'), values('app1'), { mode: 0o444 })
    await writeFile(at('app1-staging.yml'), values('app1'))
    const file = ['-f', 'app1-staging.yml']
    const refusals: [string[], number, string, Record<string, string>?][] = [
      [['-f', 'locked.yml'], 2, 'is read-only'],
      [[...file, '--source', 'nowhere'], 2, 'There is no folder nowhere'],
      [file, 4, 'docker was not found', { K8SFLOW_DOCKER: at('nowhere') }],
      [file, 4, 'helm was not found', { K8SFLOW_HELM: at('nowhere') }],
      [[...file, '--context', 'nowhere'], 5, 'There is no context'],
      [[...file, '--timeout', 'soon'], 2, '--timeout "soon"'],
      [
        [...file, '--platform', 'linux/amd64'],
        2,
        'is to be built for linux/amd64',
        { K8SFLOW_CHECK_PLATFORMS: 'true' },
      ],
    ]
    for (const [argv, code, message, env] of refusals) {
      const { stderr, exitCode } = await run([...TAGGED, ...argv], Deploy, env)
      expect(exitCode, stderr).to.equal(code)
      expect(stderr.replaceAll(/\s+/g, ' ')).to.include(message)
    }
    api.apps[0]!.environment = 'production'
    const changed = await run([...TAGGED, ...file])
    expect(changed.exitCode).to.equal(2)
    expect(changed.stderr).to.include('--allow-environment-change')
    api.apps[0]!.environment = 'staging'
    const pending = {
      revision: 1,
      status: 'pending-install',
      history: [[1, 'pending-install']],
      at: new Date(),
    }
    await helmIs({ releases: { app1: pending } })
    expect((await run([...TAGGED, ...file])).exitCode).to.equal(6)
    await helmIs({ releases: { app1: { ...pending, status: 'deployed' } } })
    expect((await run([...TAGGED, ...file], Install)).exitCode).to.equal(2)
    expect([await bakes(), await upgrades(), api.changes]).to.deep.equal([[], [], []])
    expect(await readFile(at('app1-staging.yml'), 'utf8')).to.equal(values('app1'))
  })

  it('deploys nothing after a build that failed, and leaves the files alone', async () => {
    await writeFile(at('app1-staging.yml'), values('app1'))
    const { stderr, exitCode } = await run([...TAGGED, '-f', 'app1-staging.yml'], Deploy, {
      FAKE_DOCKER: 'fails',
    })
    expect(exitCode).to.equal(1)
    expect(stderr).to.include('app1 could not be built').and.include('nothing was deployed')
    expect([await upgrades(), api.changes]).to.deep.equal([[], []])
    expect(await readFile(at('app1-staging.yml'), 'utf8')).to.equal(values('app1'))
  })

  describe('while it builds', () => {
    /** Waits until docker builds, does something, and lets docker end. */
    const meanwhile = async (work: () => unknown, more: string[] = []) => {
      await writeFile(at('app1-staging.yml'), values('app1'))
      const running = run([...TAGGED, '-f', 'app1-staging.yml', ...more], Deploy, { FAKE_DOCKER: 'waits' })
      while ((await bakes()).length === 0) await new Promise((done) => setTimeout(done, 20))
      await work()
      await writeFile(at('go'), '')
      return running
    }

    it('ends at Ctrl-C with 130, and deploys nothing', async () => {
      const { stderr, exitCode } = await meanwhile(() => process.listeners('SIGINT').at(-1)!('SIGINT'))
      expect(exitCode, stderr).to.equal(130)
      expect(stderr).to.include('waiting for docker or helm').and.include('nothing was deployed')
      expect([await upgrades(), api.changes]).to.deep.equal([[], []])
      expect(await readFile(at('app1-staging.yml'), 'utf8')).to.equal(values('app1'))
    })

    it('sees what others deploy, and changes no file when it then may not go on', async () => {
      const { stderr, exitCode } = await meanwhile(() => (api.apps[0]!.environment = 'production'))
      expect(exitCode, stderr).to.equal(2)
      const text = stderr.replaceAll(/\s+/g, ' ')
      expect(text)
        .to.include('app1 runs production in it')
        .and.include(`pushed ${PREFIX}/app1:abc@${DIGESTS.app1}, but not deployed`)
      expect([await upgrades(), api.changes]).to.deep.equal([[], []])
      expect(await readFile(at('app1-staging.yml'), 'utf8')).to.equal(values('app1'))
    })

    it('says when the cluster is gone by the time there is something to deploy', async () => {
      const { stderr, exitCode } = await meanwhile(async () => api.close())
      expect(exitCode, stderr).to.equal(5)
      expect(stderr.replaceAll(/\s+/g, ' ')).to.include('but not deployed')
      api = await startFakeApi()
    })
  })

  it('says that a file names an image whose deployment failed', async () => {
    await writeFile(at('app1-staging.yml'), values('app1'))
    await helmIs({ fail: { 'upgrade app1': { failed: 'context deadline exceeded' } } })
    const { result, exitCode } = await runJson([...TAGGED, '-f', 'app1-staging.yml'])
    expect(exitCode).to.equal(6)
    expect(result.notes.join()).to.include('app1-staging.yml names the new image all the same')
    expect(result.build!.written).to.have.length(1)
  })

  it('prints all commands in their order in a dry run, and runs none', async () => {
    await writeFile(at('app1-staging.yml'), values('app1'))
    const { stdout, stderr, exitCode } = await run([...TAGGED, '-f', 'app1-staging.yml', '--dry-run'])
    expect(exitCode, stderr).to.equal(0)
    expect(stdout).to.match(
      /docker\.mjs buildx bake [\s\S]*\nEOF\n# app1-staging\.yml: app1 is pinned to 127\.0\.0\.1:1\/home\/app1:abc and [\s\S]*\nhelm upgrade --install app1 \S+ -f app1-staging\.yml /,
    )
    const flags = await runJson([...TAGGED, ...FLAGS, '--dry-run'])
    expect(flags.exitCode, flags.stderr).to.equal(0)
    expect(flags.result.build!.commands!.join()).to.include('buildx bake')
    expect(flags.result.commands!.at(-1)).to.include(`"digest": "sha256:${'0'.repeat(64)}"`)
    expect([await bakes(), await upgrades(), api.changes]).to.deep.equal([[], [], []])
    expect(await readFile(at('app1-staging.yml'), 'utf8')).to.equal(values('app1'))
  })

  it('takes flags about images only with --build, but lets variables be', async () => {
    const typed = await run([...FLAGS, '--tag', 'abc', '--sbom', '--platform=linux/arm64'])
    expect(typed.exitCode).to.equal(2)
    expect(typed.stderr).to.include('--platform and --tag and --sbom say how').and.include('--build')
    const variables = { K8SFLOW_TAG: 'abc', K8SFLOW_PLATFORM: 'linux/arm64', K8SFLOW_SBOM: 'true' }
    const set = await run(FLAGS, Deploy, variables)
    expect(set.exitCode, set.stderr).to.equal(0)
    expect(await bakes()).to.deep.equal([])
    const built = await run([...FLAGS, '--image-prefix', PREFIX], Install, {
      ...variables,
      K8SFLOW_BUILD: '1',
    })
    expect(built.exitCode, built.stderr).to.equal(2)
    expect(built.stderr).to.include('exists already')
    await helmIs({})
    const installed = await run([...FLAGS, '--image-prefix', PREFIX], Install, {
      ...variables,
      K8SFLOW_BUILD: '1',
    })
    expect(installed.exitCode, installed.stderr).to.equal(0)
    expect((await bakes())[0]!.definition.target['app1']!.platforms).to.deep.equal(['linux/arm64'])
  })

  it('tells GitHub the same as build, and the deployment', async () => {
    await writeFile(at('app1-staging.yml'), values('app1'))
    const files = { GITHUB_OUTPUT: at('outputs'), GITHUB_STEP_SUMMARY: at('summary') }
    const { stderr, exitCode } = await run([...TAGGED, '-e', 'staging'], Deploy, {
      GITHUB_ACTIONS: 'true',
      ...files,
    })
    expect(exitCode, stderr).to.equal(0)
    const outputs = await readFile(files.GITHUB_OUTPUT, 'utf8')
    expect(outputs).to.match(new RegExp(`^app1-digest<<.*\n${DIGESTS.app1}\n`, 'm'))
    expect(outputs).to.match(new RegExp(`^app1-image<<.*\n${PREFIX}/app1@${DIGESTS.app1}\n`, 'm'))
    expect(outputs).to.match(/^ok<<.*\ntrue\n/m)
    expect(outputs.match(/^images<</gm)).to.have.length(1)
    expect(await readFile(files.GITHUB_STEP_SUMMARY, 'utf8')).to.match(/Images pushed[\s\S]*Deployed to pi/)
  })
})
