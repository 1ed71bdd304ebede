import { expect } from 'chai'
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import Deploy from '../../src/commands/deploy.js'
import Validate from '../../src/commands/validate.js'
import Values from '../../src/commands/values.js'
import { commandsIn, outputsIn } from '../unit/output/github/runner.js'
import { type FakeApi, startFakeApi } from './fakes/api-server.js'
import { writeKubeconfig } from './fakes/kubeconfig.js'
import { ROOT, runCommandClass } from './harness.js'

const GOLDEN = join(ROOT, 'test', 'fixtures', 'golden', 'github')
const INJECTIONS = '"##[set-output name=image]evil", "::add-mask::x"'

/** Compares with a golden file; UPDATE_GOLDEN=1 writes it instead. */
async function expectGolden(name: string, text: string): Promise<void> {
  const path = join(GOLDEN, name)
  if (process.env['UPDATE_GOLDEN'] === '1') {
    await mkdir(GOLDEN, { recursive: true })
    await writeFile(path, text)
  }
  expect(text).to.equal(await readFile(path, 'utf8'))
}

describe('in GitHub Actions', () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'k8sflow-actions-'))
    await Promise.all(['summary', 'output'].map((name) => writeFile(join(folder, name), '')))
  })
  afterEach(async () => rm(folder, { recursive: true }))

  const read = async (name: string) => readFile(join(folder, name), 'utf8')
  const file = async (name: string, text: string) => writeFile(join(folder, name), text)
  const run = async (
    command: Parameters<typeof runCommandClass>[0],
    argv: string[],
    env: Record<string, string> = {},
  ) => {
    const result = await runCommandClass(command, argv, {
      cwd: folder,
      env: {
        GITHUB_ACTIONS: 'true',
        GITHUB_WORKSPACE: folder,
        GITHUB_STEP_SUMMARY: join(folder, 'summary'),
        GITHUB_OUTPUT: join(folder, 'output'),
        ...env,
      },
    })
    // stdout is data: no command is ever meant there, and what looks like one is not ours.
    expect(commandsIn(result.stdout), result.stdout).to.deep.equal([])
    return { ...result, commands: commandsIn(result.stderr) }
  }

  describe('validate', () => {
    it('annotates every problem at its place, and sums the files up', async () => {
      await mkdir(join(folder, 'values'))
      await file('values/bad.yml', 'secondApp:\n  create: true\n  countries:\n    - no\n    - ita\n')
      await file('good.yml', 'secondApp:\n  create: true\n  countries: [it]\n')
      await file('empty.yml', '')
      const { commands, exitCode } = await run(Validate, [
        'values/bad.yml',
        'good.yml',
        'empty.yml',
        'none.yml',
      ])
      expect(exitCode).to.equal(2)
      expect(
        commands.map(({ name, properties: { file: path, line, col, title } }) => [
          name,
          path,
          line,
          col,
          title,
        ]),
      ).to.deep.equal([
        ['error', 'none.yml', undefined, undefined, 'k8sflow validate'],
        ['error', 'values/bad.yml', '4', '7', 'k8sflow validate'],
        ['error', 'values/bad.yml', '5', '7', 'k8sflow validate'],
        ['warning', 'empty.yml', undefined, undefined, 'k8sflow validate'],
      ])
      expect(commands[1]!.data).to.match(/^countries\[0\] must be text.*\nYAML reads a bare no as false/)
      await expectGolden('validate.md', await read('summary'))
      expect(outputsIn(await read('output'))).to.deep.equal({ valid: 'false' })
    })

    it('has no more annotations than GitHub shows', async () => {
      await file('many.yml', `secondApp:\n  create: true\n  countries:\n${'    - no\n'.repeat(15)}`)
      const { commands } = await run(Validate, ['many.yml'])
      expect(commands).to.have.lengthOf(10)
      expect(commands.at(-1)!.data).to.match(/^and \d+ more/)
    })

    it('quotes no value of an environment variable', async () => {
      await file(
        'secret.yml',
        'secondApp:\n  create: true\n  countries: [it]\n  extraEnv:\n    - {name: A=hush, value: 123456}\n',
      )
      const { commands, stdout, stderr } = await run(Validate, ['secret.yml'])
      expect(commands.map(({ data }) => data.split('\n')[0])).to.deep.equal([
        'name cannot be "***"',
        'value must be text, this is a number',
      ])
      expect(stdout + stderr + (await read('summary'))).to.not.match(/hush|123456/)
    })

    it('does not do what a values file tells the runner to', async () => {
      const text = `secondApp:\n  create: true\n  countries: [${INJECTIONS}]\n"\\n::set-output name=a::b": 1\n`
      await file('evil.yml', text)
      const outside = await run(Validate, ['evil.yml', '--json'])
      expect(outside.stdout).to.not.include('##[')
      const result = JSON.parse(outside.stdout) as { files: { problems: { message: string }[] }[] }
      expect(result.files[0]!.problems.map(({ message }) => message).join()).to.include('##[set-output')
      const { commands } = await run(Validate, ['evil.yml'])
      expect(commands.length).to.be.greaterThan(2)
      expect([...outside.commands, ...commands].filter(({ name }) => name !== 'error')).to.deep.equal([])
      expect(outputsIn(await read('output'))).to.deep.equal({ valid: 'false' })
      expect(await read('summary')).to.not.match(/##\[set-output|\n::/)
    })

    it('ends as ever where there is nothing to write to', async () => {
      await file('good.yml', 'secondApp:\n  create: true\n  countries: [it]\n')
      const { commands, exitCode, stdout } = await run(Validate, ['good.yml'], {
        GITHUB_STEP_SUMMARY: '/dev/null/x',
        GITHUB_OUTPUT: '',
      })
      expect([exitCode, stdout]).to.deep.equal([0, '✔ good.yml is valid\n'])
      expect(commands.map(({ name }) => name)).to.deep.equal(['warning', 'warning'])
    })

    it('writes nothing anywhere else', async () => {
      await file('bad.yml', 'secondApp: 1\n')
      for (const GITHUB_ACTIONS of ['', 'false', '1']) {
        const { stderr } = await run(Validate, ['bad.yml'], { GITHUB_ACTIONS })
        expect([stderr, await read('summary'), await read('output')]).to.deep.equal(['', '', ''])
      }
    })
  })

  describe('any command that fails', () => {
    it('has one annotation with the error, also with --json', async () => {
      for (const argv of [['-p', 'app9'], ['-p', 'app9', '--json'], ['--nope']]) {
        const { commands, exitCode } = await run(Values, argv)
        expect(exitCode).to.equal(2)
        expect(commands.map(({ name, properties }) => [name, properties['title']])).to.deep.equal([
          ['error', 'k8sflow values'],
        ])
        expect(commands[0]!.data).to.match(/app9|--nope/)
      }
    })

    it('names the place that the error names', async () => {
      await file('app1-staging.yml', 'firstApp: {create: true\n')
      const { commands } = await run(Values, ['-c', 'it', '-p', 'app1', '-e', 'staging'])
      expect(commands).to.have.lengthOf(1)
      expect(commands[0]!.properties).to.include({ file: 'app1-staging.yml' }).and.have.property('line')
    })
  })

  describe('deploy', () => {
    let api: FakeApi
    beforeEach(async () => {
      api = await startFakeApi()
      await copyFile(fileURLToPath(new URL('fakes/helm.mjs', import.meta.url)), join(folder, 'helm'))
      await chmod(join(folder, 'helm'), 0o755)
      await writeKubeconfig(folder, api.url)
      await helmIs({})
    })
    afterEach(async () => api.close())

    const helmIs = async (state: object) =>
      file('helm.json', JSON.stringify({ releases: {}, log: [], ...state }))
    const deploy = async (...argv: string[]) =>
      run(Deploy, argv, {
        KUBECONFIG: join(folder, 'kubeconfig'),
        PATH: `${folder}:${process.env['PATH'] ?? ''}`,
        FAKE_HELM: join(folder, 'helm.json'),
      })
    const values = async () => {
      await file(
        'app1-staging.yml',
        'firstApp: {create: true, appName: app1, env: staging, countries: [it]}\n',
      )
      await file(
        'app2-staging.yml',
        'secondApp: {create: true, appName: app2, env: staging, countries: [it]}\n',
      )
    }
    const manifest = '---\nkind: Deployment\nmetadata:\n  name: app1-it\n  namespace: we-road-it\n'

    it('sums up what runs, and sets outputs', async () => {
      await values()
      api.apps = [
        { app: 'app1', country: 'it', environment: 'staging' },
        { app: 'app2', country: 'it', environment: 'staging' },
      ]
      const { commands, exitCode, stderr } = await deploy()
      expect(exitCode, stderr).to.equal(0)
      expect(commands).to.deep.equal([])
      await expectGolden('deploy.md', await read('summary'))
      const outputs = outputsIn(await read('output'))
      expect(Object.keys(outputs)).to.deep.equal(['ok', 'releases', 'images'])
      expect(JSON.parse(outputs['releases']!)).to.deep.equal([
        { release: 'app1', namespace: 'we-road', revision: 1, outcome: 'deployed' },
        { release: 'app2', namespace: 'we-road', revision: 1, outcome: 'deployed' },
      ])
    })

    it('annotates what failed, once, with its values file, and notes the rollback', async () => {
      await values()
      api.apps = [
        { app: 'app1', country: 'it', environment: 'staging', ready: false },
        { app: 'app2', country: 'it', environment: 'staging' },
      ]
      const failed = 'UPGRADE FAILED: context deadline exceeded'
      const app1 = { revision: 1, status: 'deployed', history: [[1, 'deployed']], manifest }
      await helmIs({ releases: { app1 }, fail: { 'upgrade app1': { failed } } })
      const { commands, exitCode } = await deploy('-f', 'app1-staging.yml', '-f', 'app2-staging.yml')
      expect(exitCode).to.equal(6)
      expect(commands).to.have.lengthOf(1)
      expect(commands[0]!.properties).to.deep.equal({ file: 'app1-staging.yml', title: 'k8sflow deploy' })
      expect(commands[0]!.data).to.match(/^app1\/it: pod \S+ is not ready: ImagePullBackOff/)
      await expectGolden('deploy-failed.md', await read('summary'))
      expect(outputsIn(await read('output'))).to.include({ ok: 'false' })
    })

    it('annotates a wrong answer, and nothing that an app says is done', async () => {
      await values()
      const evil = '\n##[set-output name=a]b\n::stop-commands::x\n<script>|`'
      api.apps = [{ app: 'app1', country: 'it', environment: 'staging', ping: evil }]
      const now = Date.now
      const began = now()
      Date.now = () => began + (now() - began) * 10
      const { commands, exitCode } = await deploy('-p', 'app1').finally(() => {
        Date.now = now
      })
      expect(exitCode).to.equal(7)
      expect(commands.map(({ name, properties }) => [name, properties['file']])).to.deep.equal([
        ['error', 'app1-staging.yml'],
      ])
      expect(commands[0]!.data).to.include('instead of "hello from app1-staging-it"')
      expect(await read('summary')).to.not.include('<script>')
    })

    it('annotates invalid values at their places, once', async () => {
      await file('bad.yml', 'firstApp:\n  create: true\n  env: prod\n  countries: [ita]\n')
      const { commands, exitCode } = await deploy('-f', 'bad.yml')
      expect(exitCode).to.equal(2)
      expect(commands.map(({ properties: { file: path, line } }) => [path, line])).to.deep.equal([
        ['bad.yml', '3'],
        ['bad.yml', '4'],
      ])
    })

    it('annotates a cluster that does not answer, and warnings', async () => {
      await file(
        'app1-staging.yml',
        'firstApp: {create: true, appName: app1, env: staging, countries: [it]}\nfirstApp: {create: true, appName: app1, env: staging, countries: [it]}\n',
      )
      await api.close()
      const { commands, exitCode } = await deploy()
      expect(exitCode).to.equal(5)
      expect(commands.map(({ name }) => name)).to.deep.equal(['error', 'warning'])
      api = await startFakeApi()
    })

    it('shows what a dry run would do', async () => {
      await values()
      const { commands, exitCode } = await deploy('--dry-run')
      expect([exitCode, commands]).to.deep.equal([0, []])
      expect(await read('summary')).to.match(/^## Would be run on pi\n[^]*helm upgrade --install app1 /)
      expect(await read('output')).to.equal('')
    })
  })
})
