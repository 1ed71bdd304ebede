import { expect } from 'chai'
import { execa } from 'execa'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import Loadtest from '../../src/commands/loadtest.js'
import type { LoadtestResult } from '../../src/services/loadtest-result.js'
import { type FakeApi, startFakeApi } from './fakes/api-server.js'
import { ROOT, runCommandClass } from './harness.js'

const FAKE = join(ROOT, 'test', 'commands', 'fakes', 'locust.mjs')
const second = { kind: 'second', users: 2, requests: 10, failures: 1, seconds: 1, p50: 4, p95: 30 }
const figures = { requests: 100, failures: 2, p50: 4, p95: 30, p99: 40, max: 41.5 }
const end = {
  kind: 'end',
  total: figures,
  targets: { 'app1-it': figures },
  errors: [{ request: 'app1-it /ping', message: 'status 503', count: 2 }],
}

describe('k8sflow loadtest', () => {
  let folder: string
  let api: FakeApi
  const kubeconfig = () => join(folder, 'config')
  const locust = (behaviour: object) =>
    writeFile(join(folder, 'locust.json'), JSON.stringify({ log: join(folder, 'log'), ...behaviour }))
  const environment = () => ({
    KUBECONFIG: kubeconfig(),
    K8SFLOW_LOCUST: FAKE,
    FAKE_LOCUST: join(folder, 'locust.json'),
    TMPDIR: join(folder, 'tmp'),
  })
  const run = (argv: string[], env: Record<string, string | undefined> = {}) =>
    runCommandClass(Loadtest, argv, { cwd: folder, env: { ...environment(), ...env } })
  const viaService = (...argv: string[]) => run(['--via', 'service', '--duration', '2s', ...argv])
  const calls = async () =>
    (await readFile(join(folder, 'log'), 'utf8').catch(() => ''))
      .split('\n')
      .filter(Boolean)
      .map(
        (line) =>
          JSON.parse(line) as {
            args: string[]
            targets: { url: string; host: string }[]
            cwd: string
            settings: string[]
          },
      )
  const reports = async () => (await readdir(folder)).filter((name) => name.endsWith('.html'))

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'k8sflow-loadtest-'))
    await execa('mkdir', [join(folder, 'tmp')])
    api = await startFakeApi()
    api.apps = [{ app: 'app1', country: 'it', host: 'app1-it.info' }]
    await writeFile(
      kubeconfig(),
      `clusters: [{name: c, cluster: {server: "${api.url}"}}]\nusers: [{name: u, user: {token: t}}]\ncontexts: [{name: pi, context: {cluster: c, user: u}}]\ncurrent-context: pi\n`,
    )
    await locust({ lines: [second, second, end] })
  })
  afterEach(async () => {
    expect(await readdir(join(folder, 'tmp')), 'temporary files left behind').to.deep.equal([])
    await api.close()
    await rm(folder, { recursive: true })
  })

  it('sums up, and writes one report that needs nothing else', async () => {
    const { stdout, stderr, exitCode } = await viaService('--users', '7', '--spawn-rate', '3')
    expect(exitCode, stderr).to.equal(0)
    expect(stdout).to.match(/^7 users for 0:0\d through the API server's proxy: \d+ requests\/s\n/)
    expect(stdout).to.match(/app1-it +staging +100 +2 \(2 %\) +4 ms +30 ms +40 ms +1 → 1 → 1 +-\n/)
    expect(stdout).to.include('✗ app1-it /ping: status 503 (2 times)')
    expect(stderr).to.match(/◎ starting Locust[^]*⚠ Nothing scales app1-it/)
    const [name = '', ...others] = await reports()
    expect(others).to.deep.equal([])
    expect(name).to.match(/^loadtest-app1-\d{8}-\d{6}\.html$/)
    expect(stdout).to.include(`Report: ${name}\n`)
    const html = await readFile(join(folder, name), 'utf8')
    expect(html)
      .to.match(/<svg [^]*<\/svg>/)
      .and.include('status 503')
      .and.not.include('<script')
    const [call] = await calls()
    expect(call?.args.join(' ')).to.match(
      /^--locustfile \S+\/loadtest\/locustfile\.py --headless --only-summary --users 7 --spawn-rate 3 --run-time 2s --exit-code-on-error 0$/,
    )
    expect(call?.cwd)
      .to.match(/k8sflow-loadtest-/)
      .and.not.equal(folder)
  })

  it('has one stable JSON result', async () => {
    const { stdout } = await viaService('--json', '-o', 'r.html', '--max-p95', '30ms', '--max-failures', '2%')
    const result = JSON.parse(stdout) as LoadtestResult
    const [app] = result.apps
    expect(app).to.deep.equal({
      ...{ name: 'app1-it', app: 'app1', country: 'it', environment: 'staging', host: null },
      ...figures,
      ...{ minReplicas: null, maxReplicas: null, targetCpu: null, mostCpu: null },
      replicas: { before: 1, most: 1, after: 1 },
    })
    expect(result).to.deep.include({
      ...{ context: 'pi', via: 'service', address: null, users: 50, spawnRate: 10, duration: 2 },
      ...{ interrupted: false, dryRun: false, locust: '2.47.0', report: 'r.html' },
      limits: [
        { flag: '--max-p95', limit: '30 ms', actual: '30 ms', broken: false },
        { flag: '--max-failures', limit: '2 %', actual: '2 %', broken: false },
      ],
      errors: end.errors,
    })
    expect(result.points).to.have.length(2)
    expect(result.points[0]).to.deep.include({
      users: 2,
      requestsPerSecond: 10,
      failuresPerSecond: 1,
      p50: 4,
      p95: 30,
    })
    expect(result.samples[0]?.apps).to.deep.equal([
      { name: 'app1-it', replicas: 1, ready: 1, cpu: null, cpuMillicores: 0 },
    ])
  })

  it('names the limits that were broken, after the summary, and still writes the report', async () => {
    const { stdout, stderr, exitCode } = await viaService('--max-p95', '29.5', '--max-failures', '1')
    expect(exitCode).to.equal(1)
    expect(stdout).to.include('✗ --max-p95 29.5 ms: 30 ms').and.include('✗ --max-failures 1: 2')
    expect(stderr).to.include(
      'The load test broke limits: p95 was 30 ms, over --max-p95 29.5 ms; 2 of the requests failed, over --max-failures 1.',
    )
    expect(await reports()).to.have.length(1)
  })

  it('goes through the ingress with the Host header of each app', async () => {
    const seen: string[] = []
    const server = await listen((host, path) => {
      seen.push(`${host}${path}`)
      return `hello from ${host.slice(0, 4)}-staging-${host.slice(5, 7)}`
    })
    try {
      api.apps = [
        { app: 'app1', country: 'it', host: 'app1-it.info', address: '192.168.1.10' },
        { app: 'app2', country: 'es', host: 'app2-es.info', address: '192.168.1.11' },
      ]
      await locust({ lines: 'ask' })
      const { stdout, stderr, exitCode } = await run(['--duration', '2s', '--address', server.address])
      expect(exitCode, stderr).to.equal(0)
      expect(stdout).to.include(`through the ingress at http://${server.address}`)
      expect(seen.sort()).to.deep.equal(
        [1, 1, 2, 2].map((app) => (app === 1 ? 'app1-it.info/ping' : 'app2-es.info/ping')),
      )

      const dry = await run(['--dry-run'])
      expect(dry.stdout).to.match(/app1-it +staging +http:\/\/192\.168\.1\.10, Host app1-it\.info/)
      expect(dry.stdout).to.match(/\n\S+locust\.mjs --locustfile \S+ --headless .* --users 50 /)
      expect(await calls()).to.have.length(1)
    } finally {
      server.close()
    }
  })

  it('does what docs/loadtest.md shows', async () => {
    const text = await readFile(join(ROOT, 'docs/loadtest.md'), 'utf8')
    const commands = [...text.matchAll(/^k8sflow loadtest (.*)$/gm)].map(([, argv = '']) => argv.split(' '))
    expect(commands).to.have.length(5)
    const server = await listen((host) => `hello from app1-staging-${host.slice(5, 7)}`)
    try {
      api.apps = ['it', 'es'].map((country) => ({ app: 'app1', country, host: `app1-${country}.info` }))
      await locust({ lines: 'ask' })
      for (const argv of commands) {
        // A file of the project may have the address: --via service then has no use for it.
        const { exitCode, stderr } = await run(argv, { K8SFLOW_ADDRESS: server.address })
        expect(exitCode, `${argv.join(' ')}: ${stderr}`).to.equal(0)
      }
      expect(await calls()).to.have.length(4)
      expect(await reports()).to.include('scaling.html')
    } finally {
      server.close()
    }
  })

  it('gives Locust a way to the Services that needs no credentials', async () => {
    await locust({ lines: 'ask' })
    const { stderr, exitCode } = await viaService()
    expect(exitCode, stderr).to.equal(0)
    const [call] = await calls()
    expect(call?.targets[0]).to.deep.include({
      host: null,
      ping: 'hello from staging'.replace('staging', 'app1-staging-it'),
    })
    expect(call?.targets[0]?.url).to.match(/^http:\/\/127\.0\.0\.1:\d+\/[\da-f]{32}\/app1-it$/)
    expect(JSON.stringify(call)).not.to.include(api.url)
    expect(Object.keys(call?.targets[0] ?? {})).to.deep.equal(['name', 'url', 'host', 'ping'])
  })

  it('takes no settings from the environment, and a Locust named from the current folder', async () => {
    const { stderr, exitCode } = await runCommandClass(Loadtest, ['--via', 'service', '--duration', '2s'], {
      cwd: join(ROOT, 'test'),
      env: {
        ...environment(),
        K8SFLOW_LOCUST: './commands/fakes/locust.mjs',
        K8SFLOW_REPORT: join(folder, 'r.html'),
        LOCUST_USERS: '9',
        LOCUST_USERCLASS_PICKER: 'true',
      },
    })
    expect(exitCode, stderr).to.equal(0)
    expect((await calls())[0]?.settings).to.deep.equal([])
  })

  it('makes no load where an app does not answer as it should', async () => {
    api.apps = [{ app: 'app1', country: 'it', ping: 'hello from app1-production-it' }]
    const { stderr, exitCode } = await viaService()
    expect(exitCode).to.equal(1)
    expect(stderr).to.include(
      'app1-it: "hello from app1-production-it" instead of "hello from app1-staging-it"',
    )
    expect(await calls()).to.deep.equal([])
    expect(await reports()).to.deep.equal([])
  })

  it('asks before it puts load on production', async () => {
    api.apps = [{ app: 'app1', country: 'it', environment: 'production' }]
    const refused = await viaService()
    expect(refused.exitCode).to.equal(2)
    expect(refused.stderr).to.include('app1-it in production would get the load of 50 users for 2 s')
    expect(await calls()).to.deep.equal([])
    expect((await viaService('--yes')).exitCode).to.equal(0)
  })

  it('names everything that cannot be accepted, before anything is asked for', async () => {
    const { stderr, exitCode } = await run(
      [
        '--users',
        '0',
        '--duration',
        '2',
        '--address',
        'http://u:p@pi/x',
        '--max-p95',
        'fast',
        '--max-failures',
        '101%',
        '-o',
        '-',
      ],
      { KUBECONFIG: '/nowhere' },
    )
    expect(exitCode).to.equal(2)
    expect(stderr).to.include('6 problems')
    for (const flag of [
      '--users 0',
      '--duration "2"',
      '--address',
      '--max-p95 "fast"',
      '--max-failures "101%"',
      '--report -',
    ])
      expect(stderr).to.include(flag)
    expect((await viaService('-p', 'app2')).stderr).to.include('Not deployed: app2')
    expect((await viaService('-p', 'app1', '-c', 'es,it')).stderr).to.include('Not deployed: app1-es')
    api.apps = [
      { app: 'app1', country: 'it' },
      { app: 'app1', country: 'es' },
    ]
    expect((await viaService('--users', '1')).stderr).to.include('--users 1 is too few: there are 2')
    expect((await run(['--duration', '2s'])).stderr)
      .to.include('has no Ingress')
      .and.include('--via service')
    api.apps = []
    expect((await viaService()).stderr).to.include('there is nothing to put load on')
    expect((await viaService('-o', join(folder, 'none', 'r.html'))).exitCode).to.equal(2)
    expect(await calls()).to.deep.equal([])
  })

  it('says how to get Locust', async () => {
    const own = await run(['--via', 'service'], { K8SFLOW_LOCUST: '/nowhere/locust' })
    expect(own.exitCode).to.equal(4)
    expect(own.stderr).to.include('K8SFLOW_LOCUST is "/nowhere/locust"').and.include('pipx install locust')
    const none = await run(['--via', 'service'], { K8SFLOW_LOCUST: undefined, PATH: folder })
    expect(none.exitCode).to.equal(4)
    expect(none.stderr).to.include('neither locust nor uvx nor pipx')
    await locust({ version: 'locust 2.19.1 from /x (Python 3.9)\n' })
    expect((await viaService()).stderr).to.include('is Locust 2.19.1; k8sflow needs 2.20.0 or newer')
    await locust({ version: 'something else\n' })
    expect((await viaService()).exitCode).to.equal(4)
  })

  it('takes Locust through uvx where there is no other', async () => {
    const program = join(folder, 'uvx')
    await writeFile(program, `#!/bin/sh\nshift\nexec '${process.execPath}' '${FAKE}' "$@"\n`)
    await chmod(program, 0o755)
    const { stderr, exitCode } = await run(['--via', 'service', '--duration', '2s'], {
      K8SFLOW_LOCUST: undefined,
      PATH: folder,
    })
    expect(exitCode, stderr).to.equal(0)
    expect(stderr).to.include('looking for Locust through uvx')
  })

  it('stops fetching Locust at Ctrl-C', async () => {
    const program = join(folder, 'uvx')
    await writeFile(program, '#!/bin/sh\nexec /bin/sleep 60\n')
    await chmod(program, 0o755)
    const { exitCode, stderr } = await started(
      ['loadtest', '--via', 'service'],
      (line, interrupt) => void (line.includes('looking for Locust through uvx') && interrupt()),
      { K8SFLOW_LOCUST: undefined, PATH: folder },
    )
    expect(exitCode, stderr).to.equal(130)
    expect(stderr).to.include('interrupted: no load is made').and.include('Interrupted; no load was made.')
    expect(stderr).not.to.include('version of Locust')
  })

  it('shows the last lines of a Locust that dies, and keeps what was measured', async () => {
    await locust({
      lines: [second, '{"kind": "second"', 'garbage'],
      stderr: 'Traceback\nMemoryError\u001b[2J\n',
      exitCode: 1,
    })
    const { stdout, stderr, exitCode } = await viaService()
    expect(exitCode).to.equal(1)
    expect(stderr).to.match(/Locust ended with exit code 1\. Its last lines:\n[^]*MemoryError�\[2J/)
    expect(stdout).to.include('Report: ')
    expect(await reports()).to.have.length(1)
  })

  it('fails when Locust says nothing, makes no request, or none succeeds', async () => {
    await locust({ lines: ['hello'] })
    const silent = await viaService()
    expect(silent.exitCode).to.equal(1)
    expect(silent.stderr).to.include('Locust ended without a word on what it measured').and.include('hello')
    expect(await reports()).to.deep.equal([])
    const none = { requests: 0, failures: 0, p50: null, p95: null, p99: null, max: null }
    await locust({
      lines: [{ ...end, total: none, targets: {}, errors: [] }],
      stderr: 'ERROR no such attribute\n',
    })
    expect((await viaService()).stderr).to.match(/Locust made no request\.[^]*no such attribute/)
    await locust({ lines: [{ ...end, total: { ...figures, failures: 100 } }] })
    const { stderr, exitCode } = await viaService()
    expect([exitCode, stderr.includes('All 100 requests failed.')]).to.deep.equal([1, true])
  })

  it('writes the report also after Ctrl-C, and after a second one', async () => {
    const answered = join(folder, 'answered')
    await locust({ lines: [second, second], waits: true, endsWith: answered })
    const argv = ['loadtest', '--via', 'service', '--duration', '60s', '-o', 'r.html']
    const { exitCode, stdout, stderr } = await started(argv, async (line, interrupt) => {
      if (line.includes('load 0:') || line.includes('interrupted:')) interrupt()
      if (line.includes('still at it')) await writeFile(answered, '')
    })
    expect(exitCode, stderr).to.equal(130)
    expect(stderr)
      .to.include('interrupted: waiting for Locust to stop')
      .and.include('what was measured until then was kept')
    expect(stdout)
      .to.match(/50 users for 0:\d\d of 1:00, interrupted, through/)
      .and.include('Report: r.html')
    expect(await readFile(join(folder, 'r.html'), 'utf8')).to.match(/<\/svg>[^]*<\/html>\n$/)
  })

  it('kills a Locust that does not hear, and still writes the report', async function () {
    // It has ten seconds.
    this.timeout(60_000)
    await locust({ lines: [second, second], deaf: true })
    const argv = ['loadtest', '--via', 'service', '--duration', '60s', '-o', 'r.html']
    const { exitCode, stdout, stderr } = await started(
      argv,
      (line, interrupt) => void (line.includes('load 0:') && interrupt()),
    )
    expect(exitCode, stderr).to.equal(130)
    expect(stdout)
      .to.match(/50 users for 0:\d\d of 1:00, interrupted, through/)
      .and.include('Report: r.html')
    expect(await readFile(join(folder, 'r.html'), 'utf8')).to.match(/<\/svg>[^]*<\/html>\n$/)
  })

  it('says that a report could not be written, also when something else went wrong', async () => {
    await locust({ lines: [second, second], waits: true })
    const argv = ['loadtest', '--via', 'service', '--duration', '60s', '-o', 'r.html']
    const { exitCode, stderr } = await started(argv, async (line, interrupt) => {
      if (!line.includes('load 0:')) return
      await mkdir(join(folder, 'r.html'))
      interrupt()
    })
    expect(exitCode, stderr).to.equal(130)
    expect(stderr).to.match(/No report was written to r\.html: .+/)
  })

  /** Runs a command as a process of its own, and does something at each line on stderr. */
  async function started(
    argv: string[],
    onLine: (line: string, interrupt: () => void) => Promise<unknown> | undefined,
    env: Record<string, string | undefined> = {},
  ) {
    const script = join(ROOT, 'test', 'cluster', 'run-command.ts')
    const child = execa(process.execPath, ['--import', import.meta.resolve('tsx'), script, ...argv], {
      cwd: folder,
      // tsx has a cache of its own there.
      env: { ...environment(), TMPDIR: tmpdir(), ...env },
      reject: false,
    })
    for await (const line of child.iterable({ from: 'stderr' }))
      await onLine(line, () => child.kill('SIGINT'))
    return child
  }

  async function listen(answer: (host: string, path: string) => string) {
    const server: Server = createServer((request, response) =>
      response.end(answer(request.headers.host ?? '', request.url ?? '')),
    )
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    return { address: `127.0.0.1:${String(port)}`, close: () => server.close() }
  }
})
