import { expect } from 'chai'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import Deploy from '../../src/commands/deploy.js'
import History from '../../src/commands/history.js'
import Menu from '../../src/commands/menu.js'
import Rollback from '../../src/commands/rollback.js'
import Status from '../../src/commands/status.js'
import Uninstall from '../../src/commands/uninstall.js'
import { type FakeApi, startFakeApi } from './fakes/api-server.js'
import { type HelmAnswers, type HelmScript, writeHelmScript } from './fakes/helm-script.js'
import { writeKubeconfig } from './fakes/kubeconfig.js'
import { runCommandClass } from './harness.js'

interface JsonError {
  error: { code: string; message: string; exit: number; suggestions: string[] }
}

const NO_RELEASES: HelmAnswers = {
  list: { stdout: '[]' },
  status: { stderr: 'Error: release: not found', exitCode: 1 },
  history: { stderr: 'Error: release: not found', exitCode: 1 },
}
const DEPLOY = ['-c', 'it', '-p', 'app1', '-e', 'staging']

describe('commands where something is not there', () => {
  let folder: string
  let api: FakeApi
  let helm: HelmScript

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'k8sflow-without-'))
    api = await startFakeApi()
    helm = await writeHelmScript(folder, NO_RELEASES)
    await writeKubeconfig(folder, api.url)
  })
  afterEach(async () => {
    await api.close()
    await rm(folder, { recursive: true })
  })

  const run = async (
    command: Parameters<typeof runCommandClass>[0],
    argv: string[],
    env: Record<string, string | undefined> = {},
  ) =>
    runCommandClass(command, argv, {
      cwd: folder,
      env: { KUBECONFIG: join(folder, 'kubeconfig'), K8SFLOW_HELM: helm.program, ...env },
    })
  const jsonError = async (...[command, argv, env]: Parameters<typeof run>) => {
    const { stdout, exitCode } = await run(command, [...argv, '--json'], env)
    const { error } = JSON.parse(stdout) as JsonError
    expect(error.exit).to.equal(exitCode)
    return error
  }
  const EVERY: [name: string, command: Parameters<typeof run>[0], argv: string[]][] = [
    ['deploy', Deploy, DEPLOY],
    ['status', Status, []],
    ['history', History, ['-p', 'app1']],
    ['rollback', Rollback, ['-p', 'app1', '--yes']],
    ['uninstall', Uninstall, ['-p', 'app1', '--yes']],
  ]
  const changes = async () => {
    const calls = await helm.calls()
    return [...calls.filter((call) => /^(install|upgrade|rollback|uninstall)/.test(call)), ...api.changes]
  }

  describe('releases', () => {
    it('status says that nothing is deployed, and that is no failure', async () => {
      const { stdout, exitCode } = await run(Status, [])
      expect(exitCode).to.equal(0)
      expect(stdout)
        .to.match(/^app1 .*not deployed/m)
        .and.match(/^app2 .*not deployed/m)
    })

    it('history says that there is none; of one that was named, that it is not there', async () => {
      const all = await run(History, [])
      expect([all.exitCode, all.stdout]).to.deep.equal([0, 'There is no release of app1 or app2.\n'])
      const error = await jsonError(History, ['-p', 'app1'])
      expect(error).to.include({ code: 'RELEASE_NOT_FOUND', exit: 1 })
      expect(error.message).to.include('app1').and.include('we-road')
    })

    for (const command of [Rollback, Uninstall])
      it(`${command.name.toLowerCase()} names what is not there, and changes nothing`, async () => {
        const error = await jsonError(command, ['-p', 'app1,app2', '--yes'])
        expect(error).to.include({ code: 'RELEASE_NOT_FOUND', exit: 1 })
        expect(error.message).to.include('app1').and.include('app2')
        expect(await jsonError(command, ['--yes'])).to.include({ code: 'RELEASE_NOT_CHOSEN', exit: 2 })
        expect(await changes()).to.deep.equal([])
      })

    it('uninstall takes one that is not there for removed with --ignore-not-found', async () => {
      const { exitCode, stderr } = await run(Uninstall, ['-p', 'app1', '--yes', '--ignore-not-found'])
      expect(exitCode, stderr).to.equal(0)
      expect(await changes()).to.deep.equal([])
    })
  })

  for (const [name, command, argv] of EVERY) {
    it(`${name} exits with 5 where the cluster does not answer, and changes nothing`, async () => {
      await api.close()
      const error = await jsonError(command, argv)
      expect(error.exit).to.equal(5)
      expect(error.message).to.include(api.url.replace('http://', ''))
      expect(error.suggestions).to.not.deep.equal([])
      expect(await changes()).to.deep.equal([])
      api = await startFakeApi()
    })

    it(`${name} exits with 5 for a context that is not there`, async () => {
      const error = await jsonError(command, [...argv, '--context', 'moon'])
      expect(error.exit).to.equal(5)
      expect(error.message).to.include('moon')
      expect(await changes()).to.deep.equal([])
    })

    it(`${name} exits with 4 where helm is missing or too old`, async () => {
      const program = join(folder, 'nowhere')
      const missing = await jsonError(command, argv, { K8SFLOW_HELM: program })
      expect(missing).to.include({ code: 'HELM_NOT_FOUND', exit: 4 })
      expect(missing.message).to.include(program)
      expect(missing.suggestions.join()).to.include('K8SFLOW_HELM')
      await writeHelmScript(folder, { version: { stdout: 'v3.12.0' } })
      const old = await jsonError(command, argv)
      expect(old).to.include({ code: 'HELM_TOO_OLD', exit: 4 })
      expect(old.message).to.include('3.12.0').and.include('3.17.0')
      expect(await changes()).to.deep.equal([])
    })

    it(`${name} says all that is wrong in what was typed, before it asks anybody`, async () => {
      const countries = 'countries' in (command.flags ?? {}) ? ['-c', 'ita'] : []
      const error = await jsonError(command, [...argv, ...countries, '-p', 'app3'], {
        KUBECONFIG: '/nowhere',
      })
      expect(error).to.include({ code: 'INVALID_INPUT', exit: 2 })
      for (const wrong of ['app3', ...countries.slice(1)]) expect(error.message).to.include(wrong)
      expect(await helm.calls()).to.deep.equal([])
    })
  }

  for (const [name, command, argv] of EVERY.filter(([, it]) => it !== Status && it !== History))
    it(`${name} refuses a timeout that is no duration, before it asks anybody`, async () => {
      const error = await jsonError(command, [...argv, '--timeout', 'soon'], { KUBECONFIG: '/nowhere' })
      expect(error).to.include({ code: 'INVALID_DURATION', exit: 2 })
      expect(await helm.calls()).to.deep.equal([])
    })

  it('deploy takes apps, countries and environment from k8sflow.yaml and variables; flags win', async () => {
    await writeFile(
      join(folder, 'k8sflow.yaml'),
      'countries: [it, no]\nproject: app1\nenvironment: staging\ndry-run: true\n',
    )
    const values = async (argv: string[], env: Record<string, string> = {}) => {
      const { stdout, stderr, exitCode } = await run(Deploy, [...argv, '--json'], env)
      expect(exitCode, stdout + stderr).to.equal(0)
      const { commands } = JSON.parse(stdout) as { commands: string[] }
      const upgrade = commands.find((command) => command.includes('helm upgrade --install app1'))
      return JSON.parse(upgrade!.slice(upgrade!.indexOf('\n'), upgrade!.lastIndexOf('\n'))) as object
    }
    const firstApp = { create: true, appName: 'app1', env: 'staging', countries: ['it', 'no'] }
    expect(await values([])).to.deep.equal({ firstApp })
    const env = { K8SFLOW_ENVIRONMENT: 'production', K8SFLOW_COUNTRIES: 'es' }
    expect(await values([], env)).to.deep.equal({
      firstApp: { ...firstApp, env: 'production', countries: ['es'] },
    })
    expect(await values(['-c', 'fr'], env)).to.deep.equal({
      firstApp: { ...firstApp, env: 'production', countries: ['fr'] },
    })
    expect(await changes()).to.deep.equal([])
  })

  it('k8sflow alone prints help and exits with 2 where nobody can be asked', async () => {
    const { stdout, exitCode } = await run(Menu, [])
    expect(exitCode).to.equal(2)
    expect(stdout).to.include('USAGE').and.include('deploy')
    expect(await helm.calls()).to.deep.equal([])
  })
})
