import { spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { expect } from 'chai'

import Validate from '../../src/commands/validate.js'
import { ROOT, runCommandClass } from './harness.js'

const GOOD = 'secondApp:\n  create: true\n  countries: [it, "no"]\n'
const NORWAY = 'secondApp:\n  create: true\n  countries:\n    - no\n'

describe('k8sflow validate', () => {
  let folder: string
  const run = (...argv: string[]) => runCommandClass(Validate, argv, { cwd: folder })
  const file = (name: string, content: string | Uint8Array) => writeFile(join(folder, name), content)

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'k8sflow-validate-'))
  })

  afterEach(() => rm(folder, { recursive: true }))

  it('accepts a valid file', async () => {
    await file('good.yml', GOOD)
    const result = await run('good.yml')
    expect(result).to.include({ exitCode: 0, stdout: '✔ good.yml is valid\n', stderr: '' })
  })

  it('shows file:line:column, the lines in question and what to do', async () => {
    await file('bad.yml', NORWAY)
    const result = await run('bad.yml')
    expect(result.exitCode).to.equal(2)
    expect(result.stdout).to.equal(
      [
        '✗ bad.yml:4:7 countries[0] must be text, this is a boolean',
        '    2 |   create: true',
        '    3 |   countries:',
        '    4 |     - no',
        '      |       ^^',
        '    → YAML reads a bare no as false; write "no" in quotes.',
        '',
      ].join('\n'),
    )
  })

  it('shows no value of an environment variable, on the lines around a problem or on its own', async () => {
    await file(
      'secret.yml',
      [
        'secondApp:',
        '  create: true',
        '  countries: [it]',
        '  extraEnv:',
        '    - name: KEY',
        '      value: |',
        '        hunter2',
        '        hunter3',
        '    - {name: PIN, value: 1234, vale: "hunter4"}',
        '  tagg: x',
        '',
      ].join('\n'),
    )
    const { stdout, exitCode } = await run('secret.yml')
    expect(exitCode).to.equal(2)
    expect(stdout).to.equal(
      [
        '✗ secret.yml:9:26 value must be text, this is a number',
        '    7 |         ***',
        '    8 |         ***',
        '    9 |     - {name: PIN, value: ***, vale: ***}',
        '      |                          ^^^',
        '    → Put it in quotes.',
        '✗ secret.yml:9:32 unknown key vale',
        '    7 |         ***',
        '    8 |         ***',
        '    9 |     - {name: PIN, value: ***, vale: ***}',
        '      |                               ^^^^',
        '    → Did you mean value?',
        '✗ secret.yml:10:3 unknown key tagg',
        '     8 |         ***',
        '     9 |     - {name: PIN, value: ***, vale: ***}',
        '    10 |   tagg: x',
        '       |   ^^^^',
      ].join('\n') + stdout.slice(stdout.indexOf('\n    → Known here')),
    )
    const json = await run('secret.yml', '--json')
    expect(json.stdout)
      .to.include('this is a number')
      .and.not.match(/hunter|1234/)
  })

  it('checks every file before it ends', async () => {
    await file('bad.yml', NORWAY)
    await file('good.yml', GOOD)
    const result = await run('bad.yml', 'missing.yml', 'good.yml')
    expect(result.exitCode).to.equal(2)
    expect(result.stdout).to.match(/✗ bad\.yml:4:7 [^]*✗ missing\.yml [^]*✔ good\.yml/)
  })

  it('has one stable JSON result', async () => {
    await file('bad.yml', NORWAY)
    await file('good.yml', GOOD)
    const result = await run('bad.yml', 'good.yml', '--json')
    expect(result.exitCode).to.equal(2)
    expect(JSON.parse(result.stdout)).to.deep.equal({
      valid: false,
      files: [
        {
          path: 'bad.yml',
          valid: false,
          problems: [
            {
              path: '/secondApp/countries/0',
              line: 4,
              column: 7,
              length: 2,
              message: 'countries[0] must be text, this is a boolean',
              hint: 'YAML reads a bare no as false; write "no" in quotes.',
            },
          ],
          warnings: [],
        },
        { path: 'good.yml', valid: true, problems: [], warnings: [] },
      ],
    })
  })

  const unreadable: [name: string, prepare: () => Promise<unknown>, message: RegExp][] = [
    ['missing', async () => undefined, /there is no such file/],
    ['a folder', () => mkdir(join(folder, 'f')), /it is a folder/],
    ['binary', () => file('f', Uint8Array.from([0, 1, 2])), /not a text file/],
    ['not UTF-8', () => file('f', Uint8Array.from([0x61, 0x3a, 0x20, 0xe9])), /not UTF-8/],
    ['huge', () => file('f', '#'.repeat(5 * 1024 * 1024)), /larger than 4 MiB/],
  ]
  for (const [name, prepare, message] of unreadable)
    it(`says so when a file is ${name}`, async () => {
      await prepare()
      const result = await run('f')
      expect(result.exitCode).to.equal(2)
      expect(result.stdout).to.match(message)
    })

  it('accepts an empty file as helm does, and says what it does', async () => {
    await file('empty.yml', '')
    const result = await run('empty.yml')
    expect(result.exitCode).to.equal(0)
    expect(result.stdout).to.match(/✔ empty\.yml is valid\n⚠ .*deploys nothing/)
  })

  it('says once that a file is nested too deeply, in few characters', async () => {
    await file('deep.yml', '['.repeat(20_000))
    const result = await run('deep.yml')
    expect(result.exitCode).to.equal(2)
    expect(result.stdout).to.match(/^✗ deep\.yml:1:\d+ this is nested too deeply\n/)
    expect(result.stdout.length).to.be.lessThan(1000)
  })

  it('shows twenty problems of a file and counts the others', async () => {
    await file('many.yml', `secondApp:\n  create: true\n  countries:\n${'    - no\n'.repeat(25)}`)
    const { stdout } = await run('many.yml')
    expect(stdout.match(/^✗ many\.yml:/gm)).to.have.lengthOf(20)
    expect(stdout).to.match(/\n✗ and \d+ more\n$/)
  })

  it('wants at least one file', async () => {
    const result = await run()
    expect(result.exitCode).to.equal(2)
    expect(result.stderr).to.match(/file/i)
  })

  it('reads stdin for -', () => {
    const { status, stdout } = spawnSync(process.execPath, [join(ROOT, 'bin', 'run.js'), 'validate', '-'], {
      input: NORWAY,
      encoding: 'utf8',
    })
    expect(status).to.equal(2)
    expect(stdout).to.match(/^✗ stdin:4:7 countries\[0\]/)
  })

  it('follows K8SFLOW_CHART to the schema of another chart', async () => {
    await mkdir(join(folder, 'chart'))
    await file('chart/Chart.yaml', 'name: x\n')
    await file('good.yml', GOOD)
    const env = { K8SFLOW_CHART: join(folder, 'chart') }
    const without = await runCommandClass(Validate, ['good.yml'], { cwd: folder, env })
    expect(without.exitCode).to.equal(2)
    expect(without.stderr).to.match(/values\.schema\.json/)
    await file('chart/values.schema.json', '{"properties": {"secondApp": {"type": "string"}}}')
    const other = await runCommandClass(Validate, ['good.yml'], { cwd: folder, env })
    expect(other.stdout).to.match(/secondApp must be text/)
  })
})
