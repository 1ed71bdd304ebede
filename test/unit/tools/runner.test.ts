import { expect } from 'chai'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import type { K8sflowError } from '../../../src/errors.js'
import type { ProgressEvent } from '../../../src/progress.js'
import { createRunner, type Invocation } from '../../../src/tools/runner.js'

/** Runs a line of JavaScript as a program of its own. */
const node = (code: string, more: Partial<Invocation> = {}): Invocation => ({
  program: process.execPath,
  args: ['-e', code],
  ...more,
})

/** Counts its SIGINTs, and ends a while after the first: a second one would still be seen. */
const COUNTS_SIGNALS = `let count = 0
process.on('SIGINT', () => { if ((count += 1) === 1) setTimeout(() => { console.log('signals ' + count); process.exit(3) }, 150) })
setTimeout(() => {}, 60_000)
console.log('ready')`

/** Hears SIGTERM and goes on; it would not end before its child does, which is as deaf and holds its output open. */
const DEAF = `const deaf = "process.on('SIGTERM', () => console.log('heard')); setTimeout(() => {}, 60_000)"
require('node:child_process').spawn(process.execPath, ['-e', deaf], { stdio: 'inherit' })
process.on('SIGTERM', () => console.log('heard'))
setTimeout(() => console.log('ready'), 300)`

describe('the runner', () => {
  const events: ProgressEvent[] = []
  const runner = createRunner((event) => events.push(event))
  let folder: string
  const failure = async (invocation: Invocation) =>
    runner
      .run(invocation)
      .then(() => expect.fail('it ran'))
      .catch((error: unknown) => error as K8sflowError)
  /** Runs a program that says `ready`, and then aborts: once, or as often as told. */
  const interrupted = async (code: string, more: Partial<Invocation> = {}) => {
    const controller = new AbortController()
    const onStdout = (line: string) => {
      if (line === 'ready') controller.abort()
    }
    return runner.run(node(code, { signal: controller.signal, onStdout, ...more }))
  }

  beforeEach(async () => {
    events.length = 0
    folder = await mkdtemp(join(tmpdir(), 'k8sflow-runner-'))
  })
  afterEach(async () => rm(folder, { recursive: true }))

  it('gives back output and exit code, whatever it is, without the last line break', async () => {
    const code = 'console.log("out\\n"); console.error("err"); process.exitCode = 17'
    expect(await runner.run(node(code))).to.deep.equal({ exitCode: 17, stdout: 'out\n', stderr: 'err' })
    expect(await runner.run(node(''))).to.deep.equal({ exitCode: 0, stdout: '', stderr: '' })
  })

  it('hands over arguments as they are: no shell sees them', async () => {
    const words = ['a b', '$HOME', '*', "'", '"', '; exit 1', '`id`', '', 'ü\n']
    const { stdout } = await runner.run({
      program: process.execPath,
      args: ['-p', 'JSON.stringify(process.argv.slice(1))', '--', ...words],
    })
    expect(JSON.parse(stdout)).to.deep.equal(words)
  })

  it('gives the program input, a folder and variables; without input it reads nothing and does not hang', async () => {
    const code =
      'process.stdout.write(require("fs").readFileSync(0, "utf8") + "|" + process.cwd() + "|" + process.env.A + process.env.B)'
    const { stdout } = await runner.run(
      node(code, { stdin: 'héllo', cwd: folder, env: { A: '1', B: undefined } }),
    )
    expect(stdout).to.equal(`héllo|${folder}|1undefined`)
    expect((await runner.run(node(code))).stdout).to.match(/^\|/)
  })

  it('calls back for every line of both streams before it returns', async () => {
    const lines: string[] = []
    const code = 'for (let i = 0; i < 500; i++) console.log("o" + i); process.stderr.write("e1\\ne2")'
    await runner.run(
      node(code, { onStdout: (line) => lines.push(line), onStderr: (line) => lines.push(line) }),
    )
    expect(lines.filter((line) => line.startsWith('o'))).to.deep.equal(
      Array.from({ length: 500 }, (_, index) => `o${String(index)}`),
    )
    expect(lines.filter((line) => line.startsWith('e'))).to.deep.equal(['e1', 'e2'])
  })

  it('calls back as lines come, not when the program ends', async () => {
    // It ends only because its first line was seen.
    const { exitCode } = await interrupted(COUNTS_SIGNALS)
    expect(exitCode).to.equal(3)
  })

  it('sends one SIGINT and no second one, and waits for the program to end in its own time', async () => {
    expect(await interrupted(COUNTS_SIGNALS)).to.deep.equal({
      exitCode: 3,
      stdout: 'ready\nsignals 1',
      stderr: '',
    })
  })

  it('asks with another signal where told, and kills what does not end, with all it started', async () => {
    const options = { stopSignal: 'SIGTERM', ownGroup: true, killAfterMs: 2000 } as const
    const { endedBy, stdout } = await interrupted(DEAF, options)
    expect([endedBy, stdout.split('\n')[1]]).to.deep.equal(['SIGKILL', 'heard'])
  })

  it('kills what does not end when its time is over, with all it started', async () => {
    const alone = `process.on('SIGTERM', () => console.log('heard')); setTimeout(() => {}, 60_000)`
    const [group, single] = await Promise.all([
      runner.run(node(DEAF, { timeoutMs: 6000, ownGroup: true, killAfterMs: 2000 })),
      // However long that takes: such a program is not waited for without end.
      runner.run(node(alone, { timeoutMs: 6000 })),
    ])
    expect([group.endedBy, group.stdout.split('\n')[1]]).to.deep.equal(['SIGKILL', 'heard'])
    expect([single.endedBy, single.stdout]).to.deep.equal(['SIGKILL', 'heard'])
  })

  it('says which signal ended a program', async () => {
    expect(await interrupted('setTimeout(() => {}, 60_000); console.log("ready")')).to.deep.equal({
      exitCode: 1,
      stdout: 'ready',
      stderr: '',
      endedBy: 'SIGINT',
    })
    expect(await runner.run(node('process.kill(process.pid, "SIGKILL")'))).to.include({ endedBy: 'SIGKILL' })
  })

  it('interrupts at once what is started after the signal', async () => {
    const { endedBy } = await runner.run(
      node('setTimeout(() => {}, 60_000)', { signal: AbortSignal.abort() }),
    )
    expect(endedBy).to.equal('SIGINT')
  })

  it('signals nothing any more once the program has ended', async () => {
    const controller = new AbortController()
    const done = await runner.run(node('', { signal: controller.signal }))
    controller.abort()
    expect(done.exitCode).to.equal(0)
  })

  it('ends a program that takes longer than it may', async () => {
    const { endedBy, exitCode } = await runner.run(node('setTimeout(() => {}, 60_000)', { timeoutMs: 100 }))
    expect([endedBy, exitCode]).to.deep.equal(['SIGTERM', 1])
  })

  it('puts a program into a process group of its own only when asked', async function () {
    if (process.platform !== 'linux') this.skip()
    // The fifth field is the process group, after a name in brackets that may hold anything.
    const group = (stat: string) => Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[2])
    const code =
      'process.stdout.write(process.pid + " " + require("fs").readFileSync("/proc/self/stat", "utf8"))'
    const mine = group(await readFile('/proc/self/stat', 'utf8'))
    const groupOf = async (ownGroup: boolean) => {
      const { stdout } = await runner.run(node(code, { ownGroup }))
      return { pid: Number(stdout.split(' ')[0]), group: group(stdout) }
    }
    expect((await groupOf(false)).group).to.equal(mine)
    const own = await groupOf(true)
    expect(own.group).to.equal(own.pid).and.not.equal(mine)
  })

  it('tells each command line before it runs, secrets masked', async () => {
    await runner.run(node('', { args: ['-e', '', '--', '--set', 'a=hush', 'two words'] }))
    expect(events).to.deep.equal([
      { kind: 'command', line: `${process.execPath} -e '' -- --set 'a=***' 'two words'` },
    ])
  })

  it('names a program that is not there, and exits with 4', async () => {
    const program = join(folder, 'helm')
    const error = await failure({ program, args: [] })
    expect(error).to.include({ code: 'PROGRAM_NOT_FOUND', exitCode: 4, message: `${program} was not found.` })
    expect(error.suggestions.join()).to.include('PATH')
  })

  it('names a program that may not be executed, and exits with 4', async () => {
    const program = join(folder, 'helm')
    await writeFile(program, '#!/bin/sh\n')
    await chmod(program, 0o644)
    const error = await failure({ program, args: [] })
    expect(error).to.include({ code: 'PROGRAM_NOT_STARTED', exitCode: 4 })
    expect(error.suggestions).to.deep.equal([`Check the file's mode: chmod +x ${program}`])
  })

  it('says why a program cannot be started for any other reason, also when its lines are wanted', async () => {
    const error = await failure({
      program: process.execPath,
      args: ['x'.repeat(3_000_000)],
      onStderr: () => undefined,
    })
    expect(error).to.include({ code: 'PROGRAM_NOT_STARTED', exitCode: 1 })
    expect(error.message)
      .to.match(/could not be started: .*E2BIG/)
      .and.have.length.below(500)
  })

  it('takes a place below a file for a program that is not there', async () => {
    await writeFile(join(folder, 'file'), '')
    const error = await failure({ program: join(folder, 'file', 'helm'), args: [] })
    expect(error).to.include({ code: 'PROGRAM_NOT_FOUND', exitCode: 4 })
  })
})
