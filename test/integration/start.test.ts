import { expect } from 'chai'
import { execa } from 'execa'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import manifest from '../../oclif.manifest.json' with { type: 'json' }
import { EXIT_CODE_MEANINGS } from '../../src/exit-codes.js'
import { ROOT } from '../commands/harness.js'

/** oclif as it starts by itself: package.json, manifest and command files found on disk. */
const PLAIN = `
import { execute } from ${JSON.stringify(import.meta.resolve('@oclif/core'))}
const args = process.argv.slice(1)
await execute({ args: args.length === 0 ? ['menu'] : args, dir: ${JSON.stringify(ROOT)} })
`

/** What is started both ways: help, version, hooks, errors of every kind, JSON, and a command that does its work. */
const LINES: string[][] = [
  [],
  ['--help'],
  ['--version'],
  ['help'],
  ['help', 'values'],
  ['values', '--help'],
  ['deploy', '--help'],
  ['nope'],
  ['vlaues'],
  ['nope', '--json'],
  ['values'],
  ['values', '--json'],
  ['values', '--nope'],
  ['values', '-c'],
  ['values', '-c', 'ita', '-p', 'app3', '-e', 'prod'],
  ['values', '-c', 'ita', '-p', 'app3', '-e', 'prod', '--json'],
  ['values', '-c', 'it', '-p', 'app2', '-e', 'staging', '-o', '-'],
  ['values', '-c', 'it', '-p', 'app2', '-e', 'staging', '-o', '-', '--no-color'],
  ['values', 'stray'],
  ['validate', 'missing.yml'],
  ['expose'],
  ['expose', '--help'],
  ['expose', 'check', '--help'],
  ['help', 'expose', 'check'],
  ['expose', 'chekc'],
  ['expose', 'check', 'http://app1-it.info/'],
]

describe('the bundle that bin/run.js starts', () => {
  let folder: string
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'k8sflow-start-'))
  })
  after(async () => rm(folder, { recursive: true }))

  for (const line of LINES)
    it(`does what plain oclif does: k8sflow ${line.join(' ')}`, async () => {
      const options = {
        cwd: folder,
        reject: false,
        stdin: 'ignore',
        env: { NODE_ENV: 'production' },
      } as const
      const [bundled, plain] = await Promise.all([
        execa(process.execPath, [join(ROOT, 'bin', 'run.js'), ...line], options),
        execa(process.execPath, ['--input-type=module', '-e', PLAIN, '--', ...line], options),
      ])
      expect({ exitCode: bundled.exitCode, stdout: bundled.stdout, stderr: bundled.stderr }).to.deep.equal({
        exitCode: plain.exitCode,
        stdout: plain.stdout,
        stderr: plain.stderr,
      })
    })

  it('knows the flags of all commands in k8sflow.yaml, though it holds those of one', async () => {
    const settings = join(folder, 'settings')
    await mkdir(settings)
    const say = async (text: string) => {
      await writeFile(join(settings, 'k8sflow.yaml'), text)
      return execa(process.execPath, [join(ROOT, 'bin', 'run.js'), ...PRINT], {
        cwd: settings,
        reject: false,
        stdin: 'ignore',
      })
    }
    expect(await say('ignore-unfixed: true\nimage-prefix: ghcr.io/you\n')).to.include({
      exitCode: 0,
      stderr: '',
    })
    const { exitCode, stderr } = await say('hosts-fiel: x\n')
    expect(exitCode).to.equal(2)
    expect(stderr).to.include('did you mean hosts-file?')
  })

  for (const [line, told] of [
    ['help vlaues', 'Did you mean: k8sflow values'],
    ['vlaues --help', 'Did you mean: k8sflow values'],
    ['help tls statsu', 'Did you mean: k8sflow tls status'],
    ['tls statsu -h', 'Did you mean: k8sflow tls status'],
  ] as const)
    it(`names the nearest command: k8sflow ${line}`, async () => {
      const { exitCode, stdout, stderr } = await started(line)
      expect({ exitCode, stdout }).to.deep.equal({ exitCode: 2, stdout: '' })
      expect(stderr).to.include('Error: There is no command').and.include(told)
    })

  it('says it as an object where one is asked for', async () => {
    const { exitCode, stdout } = await started('help vlaues --json')
    expect(exitCode).to.equal(2)
    expect(JSON.parse(stdout)).to.have.nested.property('error.data.nearest', 'values')
  })

  for (const [line, command] of [
    ['-h', '[COMMAND]'],
    ['tls -h', 'tls COMMAND'],
    ['values -h', 'values [--json]'],
    ['gitops status -h', 'gitops status [--json]'],
    ['help deploy now', 'deploy [--json]'],
    ['gitops now --help', 'gitops [--json]'],
    ['render app1.yml -h', 'render [FILE...]'],
  ] as const)
    it(`prints help: k8sflow ${line}`, async () => {
      const { exitCode, stdout, stderr } = await started(line)
      expect({ exitCode, stderr }).to.deep.equal({ exitCode: 0, stderr: '' })
      expect(stdout).to.include(`$ k8sflow ${command}`)
    })

  const started = (line: string, input = '') =>
    execa(process.execPath, [join(ROOT, 'bin', 'run.js'), ...line.split(' ')], {
      cwd: folder,
      reject: false,
      input,
      // Neither a cluster nor a VPN of whoever runs the tests is asked.
      env: { NODE_ENV: 'production', HOME: folder, XDG_DATA_HOME: folder, KUBECONFIG: join(folder, 'none') },
    })

  const taking = Object.entries(manifest.commands).filter(([, { args }]) => Object.keys(args).length > 0)
  for (const [id] of taking)
    it(`takes no argument from stdin, which a loop in a shell may be reading: k8sflow ${id}`, async () => {
      const { exitCode, stdout, stderr } = await started(id.replace(':', ' '), 'Not Meant for it\n')
      expect(exitCode).to.be.oneOf([2, 4, 5])
      expect(stdout + stderr).to.not.include('Not Meant')
    })

  it('has the table of exit codes in its help', async () => {
    const { stdout } = await started('--help')
    for (const [code, meaning] of EXIT_CODE_MEANINGS)
      expect(stdout).to.include(`\n  ${String(code).padEnd(3)}  ${meaning}\n`)
  })

  it('calls standard input by its name', async () => {
    expect((await started('render -', 'firstApp: [\n')).stderr).to.include('Error: stdin:2:1: ')
    expect((await started('render -')).stderr).to.include('Error: standard input holds no app to deploy.')
  })

  const PRINT = ['values', '-c', 'it', '-p', 'app2', '-e', 'staging', '-o', '-']

  const printing = (script: string) =>
    execa('sh', ['-c', script, process.execPath, join(ROOT, 'bin', 'run.js'), ...PRINT], { reject: false })

  it('says in one line that stdout cannot be written', async function () {
    if (process.platform !== 'linux') this.skip()
    const { exitCode, stderr } = await printing('exec "$0" "$@" >/dev/full')
    expect(exitCode).to.equal(1)
    expect(stderr).to.match(/^Error: the output cannot be written: .*no space left[^\n]*$/)
  })

  it('is quiet when the reader of its output has left', async () => {
    const { stderr } = await printing('{ sleep 0.3; "$0" "$@"; echo "exit code $?" >&2; } | :')
    expect(stderr).to.match(/^exit code \d$/)
  })
})
