import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { expect } from 'chai'
import { parse } from 'yaml'

import Values from '../../src/commands/values.js'
import { ROOT, runCommandClass } from './harness.js'

const GOLDEN = join(ROOT, 'test', 'fixtures', 'golden', 'values')

/** Compares with a golden file; UPDATE_GOLDEN=1 writes it instead. */
async function expectGolden(name: string, text: string): Promise<void> {
  const path = join(GOLDEN, name)
  if (process.env['UPDATE_GOLDEN'] === '1') {
    await mkdir(GOLDEN, { recursive: true })
    await writeFile(path, text)
  }
  expect(text).to.equal(await readFile(path, 'utf8'))
}

describe('k8sflow values', () => {
  let folder: string
  const at = (name: string) => join(folder, name)
  const read = (name: string) => readFile(at(name), 'utf8')
  const run = (argv: string, env: Record<string, string> = {}) =>
    runCommandClass(Values, argv.split(' '), { cwd: folder, env })
  const json = async (argv: string) =>
    JSON.parse((await run(`${argv} --json`)).stdout) as Record<string, unknown>

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'k8sflow-values-'))
  })

  afterEach(async () => {
    await chmod(folder, 0o755)
    await rm(folder, { recursive: true })
  })

  it('writes a file that means exactly what was asked for', async () => {
    const result = await run('-c it,is -p app2 -e staging')
    expect(result.exitCode).to.equal(0)
    expect(result.stdout).to.equal('app2-staging.yml created: app2, staging, it is\n')
    expect(result.stderr).to.equal('')
    expect(parse(await read('app2-staging.yml'))).to.deep.equal({
      secondApp: { create: true, appName: 'app2', env: 'staging', countries: ['it', 'is'] },
    })
    await expectGolden('app2-staging.yml', await read('app2-staging.yml'))
  })

  it('takes the long flags of the old tool', async () => {
    await run('--countries it,es --projectName app1 --environment production')
    expect(parse(await read('app1-production.yml'))).to.deep.equal({
      firstApp: { create: true, appName: 'app1', env: 'production', countries: ['it', 'es'] },
    })
  })

  it('takes -c it -c es for -c it,es', async () => {
    expect((await run('-c it -c es -p app2 -e staging -o -')).stdout).to.equal(
      (await run('-c it,es -p app2 -e staging -o -')).stdout,
    )
  })

  it('takes values from the environment and from k8sflow.yaml, flags first', async () => {
    await writeFile(at('k8sflow.yaml'), 'countries: [fr, de]\nproject: app1\nenvironment: production\n')
    const { stdout } = await run('-p app2', { K8SFLOW_ENVIRONMENT: 'staging' })
    expect(stdout).to.equal('app2-staging.yml created: app2, staging, fr de\n')
  })

  it('writes one file per app, or one file for both with -o', async () => {
    await run('-c no,on -p app1,app2 -e staging')
    expect((await readdir(folder)).sort()).to.deep.equal(['app1-staging.yml', 'app2-staging.yml'])
    const { stdout } = await run('-c no,on -p app1,app2 -e staging -o both.yml')
    expect(stdout).to.equal('both.yml created: app1 and app2, staging, no on\n')
    await expectGolden('both-norway.yml', await read('both.yml'))
  })

  it('prints to stdout with -o -, and nothing else', async () => {
    const { stdout, stderr } = await run('-c it -p app2 -e staging -o -')
    expect(parse(stdout)).to.have.all.keys('secondApp')
    expect(stderr).to.equal('')
    expect(await readdir(folder)).to.deep.equal([])
  })

  it('says what it tidied up and what is odd, on stderr', async () => {
    const { stdout, stderr } = await run('-c IT,uk,it -p app2 -e staging -o -')
    expect((parse(stdout) as { secondApp: unknown }).secondApp).to.have.deep.property('countries', [
      'it',
      'uk',
    ])
    expect(stderr)
      .to.match(/IT is written it/)
      .and.match(/named more than once/)
      .and.match(/⚠ uk .*GB/)
  })

  it('updates a file in place and leaves what it already is byte for byte', async () => {
    const text = '# mine\nsecondApp:\n    env:   staging   # here\n    replicas: 3\n    countries: [ it ]\n'
    await writeFile(at('app2-staging.yml'), text)
    expect((await run('-c it,no -p app2 -e staging')).stdout).to.match(/^app2-staging.yml updated/)
    const updated = await read('app2-staging.yml')
    await expectGolden('updated.yml', updated)
    expect((await run('-c it,no -p app2 -e staging')).stdout).to.match(/^app2-staging.yml unchanged/)
    expect(await read('app2-staging.yml')).to.equal(updated)
  })

  it('says so when a file was for another environment, or loses a country', async () => {
    await run('-c it,es -p app2 -e production -o apps.yml')
    const { stderr } = await run('-c it -p app2 -e staging -o apps.yml')
    expect(stderr).to.match(/apps.yml held app2 for production; it is now for staging/)
    expect(stderr).to.match(/app2 no longer goes to es/)
  })

  it('leaves the other app alone', async () => {
    await run('-c it -p app1 -e production -o apps.yml')
    const first = await read('apps.yml')
    await run('-c es -p app2 -e staging -o apps.yml')
    expect(await read('apps.yml')).to.match(new RegExp(`^${first.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')}`))
  })

  it('writes nothing with --dry-run, and shows what it would write', async () => {
    const { stdout, stderr } = await run('-c it -p app2 -e staging --dry-run')
    expect(stderr).to.equal('Would create app2-staging.yml\n')
    expect(parse(stdout)).to.have.all.keys('secondApp')
    expect(await readdir(folder)).to.deep.equal([])
  })

  it('has one stable JSON result', async () => {
    expect(await json('-c IT,uk -p app2 -e staging')).to.deep.equal({
      files: [
        {
          path: 'app2-staging.yml',
          app: 'app2',
          environment: 'staging',
          countries: ['it', 'uk'],
          change: 'created',
        },
      ],
      notes: ['Country IT is written it.'],
      warnings: ['uk is not a country code of ISO 3166 (that is GB); it is kept.'],
    })
    const { files } = await json('-c it -p app2 -e staging -o - --dry-run')
    expect((files as unknown[])[0])
      .to.include({ path: '-', change: 'created' })
      .and.have.property('content')
      .that.matches(/^secondApp/)
  })

  const invalid: [argv: string[], expected: RegExp][] = [
    [['-c', 'ita', '-p', 'app2', '-e', 'staging'], /--countries ita.*did you mean it \(Italy\)/],
    [['-c', 'i1', '-p', 'app2', '-e', 'staging'], /--countries i1/],
    [['-c', '', '-p', 'app2', '-e', 'staging'], /--countries ""/],
    [['-c', ' it', '-p', 'app2', '-e', 'staging'], /--countries " it"/],
    [['-c', 'it,,es', '-p', 'app2', '-e', 'staging'], /--countries ""/],
    [['-c', 'it', '-p', 'app3', '-e', 'staging'], /--project app3: accepted are app1 and app2/],
    [['-c', 'it', '-p', '', '-e', 'staging'], /--project ""/],
    [['-c', 'it', '-p', 'app2', '-e', 'prod'], /--environment prod.*did you mean production/],
    [
      ['-p', 'app2', '-e', 'staging'],
      /--countries is missing.*\n.*k8sflow values -c it,es -p app2 -e staging/,
    ],
    [[], /3 problems[^]*--countries[^]*--project[^]*--environment/],
    [['-c', 'ita', '-p', 'app3', '-e', 'prod'], /3 problems[^]*ita[^]*app3[^]*prod/],
    [['-c', 'it', 'es', '-p', 'app2', '-e', 'staging'], /Unexpected argument: es/],
    [['--nope'], /--nope/],
  ]
  for (const [argv, expected] of invalid)
    it(`refuses ${JSON.stringify(argv)} with 2 and writes nothing`, async () => {
      const result = await runCommandClass(Values, argv, { cwd: folder })
      expect(result.exitCode).to.equal(2)
      expect(result.stderr).to.match(expected)
      expect(result.stdout).to.equal('')
      expect(await readdir(folder)).to.deep.equal([])
    })

  it('reports errors as JSON with every problem', async () => {
    const result = await run('-c ita -e prod --json')
    expect(result.exitCode).to.equal(2)
    const { error } = JSON.parse(result.stdout) as { error: { code: string; data: { problems: unknown[] } } }
    expect(error.code).to.equal('INVALID_INPUT')
    expect(error.data.problems).to.have.lengthOf(3)
  })

  for (const [name, text, place] of [
    ['broken YAML', 'firstApp:\n  env: [\n', /app2-staging\.yml:3:1: /],
    ['a list', '# x\n- a\n', /app2-staging\.yml:2:1: .*must be a mapping/],
    ['text for an app', 'secondApp: hello\n', /app2-staging\.yml:1:12: secondApp must be a mapping/],
  ] as const)
    it(`does not touch a file that is ${name}, and says where`, async () => {
      await writeFile(at('app2-staging.yml'), text)
      const result = await run('-c it -p app1,app2 -e staging')
      expect(result.exitCode).to.equal(2)
      expect(result.stderr).to.match(place)
      expect(await read('app2-staging.yml')).to.equal(text)
      expect(await readdir(folder), 'the other app').to.deep.equal(['app2-staging.yml'])
    })

  it('does not touch a file that is not text', async () => {
    await writeFile(at('app2-staging.yml'), Buffer.from([1, 0, 2]))
    expect((await run('-c it -p app2 -e staging')).stderr).to.match(/not a text file/)
  })

  it('follows a symbolic link', async () => {
    await writeFile(at('real.yml'), '# real\n')
    await symlink('real.yml', at('link.yml'))
    await run('-c it -p app2 -e staging -o link.yml')
    expect(await read('real.yml')).to.match(/^# real\n[^]*app2/)
  })

  it('refuses a read-only file, a read-only folder, a folder and a missing folder', async () => {
    await writeFile(at('r.yml'), '# r\n', { mode: 0o444 })
    expect((await run('-c it -p app2 -e staging -o r.yml')).stderr).to.match(
      /r\.yml cannot be written: it is read-only/,
    )
    expect((await run('-c it -p app2 -e staging -o .')).stderr).to.match(/it is a folder/)
    expect((await run('-c it -p app2 -e staging -o no/x.yml')).stderr).to.match(/mkdir -p no/)
    await chmod(folder, 0o555)
    const result = await run('-c it -p app2 -e staging')
    expect(result.exitCode).to.equal(2)
    expect(result.stderr).to.match(/its folder is read-only/)
    expect(await readdir(folder)).to.deep.equal(['r.yml'])
    expect((await stat(at('r.yml'))).size).to.equal(4)
  })
})
