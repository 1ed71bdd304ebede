import { Args, Flags } from '@oclif/core'
import { expect } from 'chai'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { BaseCommand } from '../../src/base.js'
import { ClusterAccessError, FailedError } from '../../src/errors.js'
import { countries, environment } from '../../src/flags.js'
import { runCommandClass } from '../commands/harness.js'

let failure: Error | undefined

/** A command that says what its flags are, or fails as told. */
class Probe extends BaseCommand {
  static override flags = {
    countries: countries(),
    environment: environment(),
    level: Flags.string({ options: ['low'] }),
    count: Flags.integer(),
    alone: Flags.boolean({ exclusive: ['verbose'] }),
    wait: Flags.boolean({ allowNo: true, default: true, env: 'K8SFLOW_WAIT' }),
  }

  async run(): Promise<unknown> {
    const { flags } = await this.parse(Probe)
    const progress = await this.progress(flags)
    progress({ kind: 'command', line: 'helm list' })
    progress({ kind: 'step', state: 'done', text: 'looked' })
    if (failure) throw failure
    const result = { environment: flags.environment ?? null, wait: flags.wait, ...pick(flags.countries) }
    this.log(JSON.stringify(result))
    return result
  }
}

/** A command that must be told something, beside a flag that takes several values. */
class Told extends BaseCommand {
  static override args = { name: Args.string({ description: 'Whose.', required: true }) }
  static override flags = { countries: countries() }

  async run(): Promise<void> {
    await this.parse(Told)
  }
}

function pick(countries: string[] | undefined): object {
  return countries === undefined ? {} : { countries }
}

describe('every command', () => {
  let folder: string
  beforeEach(async () => {
    failure = undefined
    folder = await mkdtemp(join(tmpdir(), 'k8sflow-base-'))
  })
  afterEach(async () => rm(folder, { recursive: true }))

  const run = async (argv: string[], env: Record<string, string> = {}) =>
    runCommandClass(Probe, argv, { cwd: folder, env })
  const jsonError = async (argv: string[] = []) => {
    const { stdout, stderr, exitCode } = await run([...argv, '--json'])
    const { error } = JSON.parse(stdout) as { error: Record<string, unknown> }
    return { error, stderr, exitCode }
  }

  it('gets a list from a variable and from k8sflow.yaml, as from flags', async () => {
    const found = async (argv: string[], env?: Record<string, string>) =>
      (JSON.parse((await run(argv, env)).stdout) as { countries?: string[] }).countries
    expect(await found(['-c', 'it', '-c', 'es'])).to.deep.equal(['it', 'es'])
    expect(await found([], { K8SFLOW_COUNTRIES: 'it,es' })).to.deep.equal(['it', 'es'])
    await writeFile(join(folder, 'k8sflow.yaml'), 'countries: [it, es]\n')
    expect(await found([])).to.deep.equal(['it', 'es'])
  })

  it('refuses a variable that is neither yes nor no, before anything is done', async () => {
    const { exitCode, stderr, stdout } = await run([], { K8SFLOW_WAIT: 'perhaps' })
    expect({ exitCode, stdout }).to.deep.equal({ exitCode: 2, stdout: '' })
    expect(stderr).to.include('K8SFLOW_WAIT')
  })

  it('says which k8sflow.yaml it uses, when that is in a folder above', async () => {
    await writeFile(join(folder, 'k8sflow.yaml'), 'environment: staging\n')
    expect((await run([])).stderr).not.to.include('Using')
    await mkdir(join(folder, 'inner'))
    const { stderr } = await runCommandClass(Probe, [], { cwd: join(folder, 'inner') })
    expect(stderr).to.include('Using').and.to.include('k8sflow.yaml')
  })

  it('takes a flag before a variable before k8sflow.yaml', async () => {
    const found = async (argv: string[], env?: Record<string, string>) =>
      JSON.parse((await run(argv, env)).stdout) as object
    expect(await found([])).to.deep.equal({ environment: null, wait: true })
    await writeFile(join(folder, 'k8sflow.yaml'), 'environment: from-file\nwait: false\n')
    expect(await found([])).to.deep.equal({ environment: 'from-file', wait: false })
    const env = { K8SFLOW_ENVIRONMENT: 'from-variable', K8SFLOW_WAIT: 'true' }
    expect(await found([], env)).to.deep.equal({ environment: 'from-variable', wait: true })
    expect(await found(['-e', 'from-flag', '--no-wait'], env)).to.deep.equal({
      environment: 'from-flag',
      wait: false,
    })
  })

  it('leaves nothing of k8sflow.yaml behind for who comes next', async () => {
    await writeFile(join(folder, 'k8sflow.yaml'), 'environment: from-file\n')
    await run([])
    expect(process.env).to.not.have.property('K8SFLOW_ENVIRONMENT')
  })

  it('refuses an unusable k8sflow.yaml with 2', async () => {
    await writeFile(join(folder, 'k8sflow.yaml'), '- a list\n')
    const { exitCode, stdout, stderr } = await run([])
    expect([exitCode, stdout]).to.deep.equal([2, ''])
    expect(stderr).to.include('k8sflow.yaml is not a usable project file').and.include('→ ')
  })

  it('keeps stdout for data: progress goes to stderr, commands only with --verbose', async () => {
    const quiet = await run([])
    expect(quiet.stderr).to.equal('✔ looked\n')
    expect(quiet.stdout).to.equal('{"environment":null,"wait":true}\n')
    expect((await run(['--verbose'])).stderr).to.equal('$ helm list\n✔ looked\n')
  })

  it('prints one object with --json, and no other line on stdout', async () => {
    const { stdout } = await run(['--json'])
    expect(JSON.parse(stdout)).to.deep.equal({ environment: null, wait: true })
  })

  it('prints what happened and what to do next, and exits as the error says', async () => {
    failure = new ClusterAccessError('The cluster does not answer.', {
      code: 'UNREACHABLE',
      suggestions: ['Is it on?', 'k8sflow status'],
    })
    const { stdout, stderr, exitCode } = await run([])
    expect(stdout).to.equal('')
    expect(stderr).to.equal('✔ looked\nError: The cluster does not answer.\n→ Is it on?\n→ k8sflow status\n')
    expect(exitCode).to.equal(5)
  })

  it('has the same error as an object, with the same exit code', async () => {
    failure = new ClusterAccessError('The cluster does not answer.', {
      code: 'UNREACHABLE',
      suggestions: ['Is it on?'],
      data: { server: 'https://pi' },
    })
    const { error, stderr, exitCode } = await jsonError()
    expect(error).to.deep.equal({
      code: 'UNREACHABLE',
      message: 'The cluster does not answer.',
      exit: 5,
      suggestions: ['Is it on?'],
      data: { server: 'https://pi' },
    })
    expect(exitCode).to.equal(5)
    expect(stderr).to.equal('✔ looked\n')
  })

  it('has no empty data', async () => {
    failure = new FailedError('No.', { code: 'NO' })
    expect((await jsonError()).error).to.deep.equal({ code: 'NO', message: 'No.', exit: 1, suggestions: [] })
  })

  it('names wrong usage, how to see what is accepted, and exits with 2', async () => {
    for (const [argv, named] of [
      [['--nope'], '--nope'],
      [['stray'], 'stray'],
      [['-e'], '--environment'],
      [['--level', 'high'], 'low'],
      [['--count', 'many'], 'many'],
    ] as const) {
      const { exitCode, stdout, stderr } = await run([...argv])
      expect([exitCode, stdout]).to.deep.equal([2, ''])
      expect(stderr).to.include(named).and.include('→ Run k8sflow probe --help to see what it accepts.')
      expect(stderr).to.not.include('See more help')
      const asJson = await jsonError([...argv])
      expect(asJson.error).to.include({ code: 'USAGE', exit: 2 })
      expect(asJson.exitCode).to.equal(2)
      expect(String(asJson.error['message'])).to.include(named).and.not.include('See more help')
      expect(asJson.error['suggestions']).to.include('Run k8sflow probe --help to see what it accepts.')
    }
  })

  it('names the flag that a mistyped one was probably meant to be', async () => {
    for (const [typed, meant] of [
      ['--countires', '--countries'],
      ['--enviroment=staging', '--environment'],
      ['--no-wiat', '--no-wait'],
      ['--jsno', '--json'],
    ] as const)
      expect((await run([typed])).stderr).to.equal(
        `Error: Nonexistent flag: ${typed}\n→ Did you mean: ${meant}\n` +
          '→ Run k8sflow probe --help to see what it accepts.\n',
      )
    for (const typed of ['--nope', '-x']) expect((await run([typed])).stderr).to.not.include('Did you mean')
  })

  it('says in one line what is wrong with a flag', async () => {
    const message = async (...argv: string[]) => (await run(argv)).stderr.split('\n→')[0]
    expect(await message('--count', 'many')).to.equal(
      'Error: --count: expected an integer but received: many',
    )
    expect(await message('--alone', '--verbose')).to.equal(
      'Error: --verbose cannot also be provided when using --alone',
    )
  })

  it('says what a missing argument is, and nothing that holds for greedy flags only', async () => {
    const { stderr, exitCode } = await runCommandClass(Told, [], { cwd: folder })
    expect(exitCode).to.equal(2)
    expect(stderr).to.equal(
      'Error: NAME is missing: whose.\n→ Run k8sflow told --help to see what it accepts.\n',
    )
  })

  it('takes what it does not know for a failure, exit 1, and tells no more of it than its message', async () => {
    failure = Object.assign(new TypeError('x is not a function'), { secret: 'hush' })
    const { exitCode, error } = await run([])
    expect(exitCode).to.equal(1)
    // oclif prints this one, with its stack where DEBUG asks for it.
    expect(error).to.equal(failure)
    expect(error).to.not.have.property('skipOclifErrorHandling')
    expect((await jsonError()).error).to.deep.equal({
      code: 'UNEXPECTED',
      message: 'x is not a function',
      exit: 1,
      suggestions: [],
    })
  })
})
