import { expect } from 'chai'
import { execa } from 'execa'
import { appendFile, cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { EXIT_CODES } from '../../src/exit-codes.js'
import type { Cluster } from '../../src/cluster/cluster.js'
import type { BuildResult } from '../../src/services/build.js'
import { ROOT } from '../commands/harness.js'
import { failingTimeout, helm, removeAll, suiteCluster, timed } from './cli.js'
import { classicEngine, smallEngine, withoutRegistry } from './docker.js'
import { entering } from './machine/namespace.js'
import { waitFor } from './machine/wait.js'
import {
  APPS,
  baseArgument,
  fromSource,
  inRegistry,
  k8sflowInside,
  k8sflowInsideJson,
  sampleRepository,
  type SampleRepository,
  USER_ENV,
} from './sample-repository.js'

const COUNTRY = 'it'

interface Failure {
  error: { code: string; message: string; exit: number; suggestions: string[]; data: Record<string, unknown> }
}

describe('build and deploy when something is wrong', function () {
  const prefix = `localhost:5000/faults-${Date.now()}`
  let cluster: Cluster
  let repository: SampleRepository
  let values: string[]

  const arguments_ = (argv: string[]) => ['build', `--image-prefix=${prefix}`, baseArgument(), ...argv]
  const build = (argv: string[], env: Record<string, string> = {}) =>
    k8sflowInside(arguments_(argv), { cwd: repository.folder, env })
  const buildJson = (argv: string[], env: Record<string, string> = {}) =>
    k8sflowInsideJson<BuildResult>(arguments_(argv), { cwd: repository.folder, env })
  const write = () => APPS.flatMap((app) => ['--write', repository.values(app)])
  const deploy = (argv: string[]) => k8sflowInside(['deploy', ...argv], { cwd: repository.folder })
  const readValues = () => Promise.all(APPS.map((app) => readFile(repository.values(app), 'utf8')))

  before(async function () {
    if (process.env['K8SFLOW_TEST_CLUSTER'] !== 'own') this.skip()
    cluster = await suiteCluster()
    repository = await sampleRepository(COUNTRY)
    await repository.commit('2026-01-02T03:04:05Z')
    values = await readValues()
  })
  after(async () => {
    if (repository === undefined) return
    await repository.remove()
    await removeAll([COUNTRY])
  })

  /** Each test has the samples and values files as they were committed. */
  afterEach(async () => {
    if (repository === undefined) return
    await rm(join(repository.folder, 'samples'), { recursive: true })
    await cp(join(ROOT, 'samples'), join(repository.folder, 'samples'), { recursive: true })
    for (const [index, app] of APPS.entries()) await writeFile(repository.values(app), values[index]!)
  })

  describe('a Dockerfile', () => {
    it('that copies what is not there ends the build with file and line; nothing is pinned', async () => {
      const dockerfile = repository.source('app1', 'Dockerfile')
      await appendFile(dockerfile, 'COPY missing.txt /srv/www/\n')
      const line = (await readFile(dockerfile, 'utf8')).split('\n').indexOf('COPY missing.txt /srv/www/') + 1
      const ran = await build(['--push', '--allow-dirty', '--tag=copy', ...write()])
      expect(ran.exitCode, ran.stderr).to.equal(EXIT_CODES.failed)
      expect(ran.stderr)
        .to.include(`app1 could not be built (${join('samples', 'app1', 'Dockerfile')}:${line})`)
        .and.include('missing.txt')
      expect(await readValues()).to.deep.equal(values)
      expect((await inRegistry(`${prefix}/app1`, 'copy')).found).to.equal(false)
    })

    it('whose program fails shows all that this program printed', async () => {
      const printed = Array.from({ length: 60 }, (_, index) => `line ${index + 1} of the program`)
      await appendFile(
        repository.source('app2', 'Dockerfile'),
        `RUN --network=none for i in $(seq 60); do echo "line $i of the program"; done; echo ${Date.now()}; exit 3\n`,
      )
      const ran = await build(['-p', 'app2', '--platform=linux/amd64', '--load', '--tag=run'])
      expect(ran.exitCode, ran.stderr).to.equal(EXIT_CODES.failed)
      expect(ran.stderr).to.include('Output of app2').and.include('exit code: 3')
      for (const line of printed) expect(ran.stderr).to.include(line)
    })
  })

  describe('a registry that is down', () => {
    it('fails a push with advice, and the same command succeeds afterwards', async () => {
      // On nothing, not on a base image, which would be missed first.
      const push = ['--push', '--tag=down', '--build-arg=NGINX_IMAGE=scratch', ...write()]
      const { exitCode, stderr } = await withoutRegistry(() => build(push))
      expect(exitCode, stderr).to.equal(EXIT_CODES.failed)
      expect(stderr)
        .to.match(/app[12] was built, but could not be pushed: .*connection refused/)
        .and.include('Is the registry running')
        .and.include('run the same command again')
      expect(await readValues()).to.deep.equal(values)
      const { written } = await buildJson(push)
      expect(written.map(({ app }) => app)).to.deep.equal(APPS)
    })

    it('fails a deployment with the reason, and the same command succeeds afterwards', async () => {
      const { images } = await buildJson([
        '-p',
        'app1',
        '--push',
        '--tag=pull',
        '--write',
        repository.values('app1'),
      ])
      // The first pod of a new node makes it fetch the image that holds a pod's network together, from the same registry.
      const other = await timed(() => deploy(['-f', repository.values('app2')]))
      expect(other.exitCode, other.stderr).to.equal(0)
      const files = ['-f', repository.values('app1')]
      const timeout = `--timeout=${failingTimeout(8)}`
      const { exitCode, stderr } = await withoutRegistry(() => deploy([...files, timeout]))
      expect(exitCode, stderr).to.equal(EXIT_CODES.deployFailed)
      expect(stderr)
        .to.match(/ImagePullBackOff|ErrImagePull/)
        .and.include(images[0]!.digest)
      const again = await deploy(files)
      expect(again.exitCode, again.stderr).to.equal(0)
      expect(again.stdout).to.include(`hello from app1-staging-${COUNTRY}`)
    })
  })

  it('an image for other nodes is refused before anything changes, naming both', async () => {
    const arm = [
      '-p',
      'app1',
      '--platform=linux/arm64',
      '--push',
      '--tag=arm',
      '--write',
      repository.values('app1'),
    ]
    const { images } = await buildJson(arm)
    const [{ metadata, status }] = (
      await cluster.send<{
        items: [{ metadata: { name: string }; status: { nodeInfo: { architecture: string } } }]
      }>({
        path: '/api/v1/nodes',
      })
    ).items
    const { exitCode, stderr } = await deploy(['-f', repository.values('app1')])
    expect(exitCode, stderr).to.equal(EXIT_CODES.invalidInput)
    expect(stderr)
      .to.include(images[0]!.digest)
      .and.include('linux/arm64')
      .and.include(metadata.name)
      .and.include(`linux/${status.nodeInfo.architecture}`)
    expect(await helm('list', '-A', '-q')).to.equal('')
  })

  it('a full disk is called that, with what frees space', async () => {
    const engine = await smallEngine(8 * 1024 ** 2)
    try {
      const ran = await build(['--load', '--tag=full', '--json'], engine.env)
      const { error } = JSON.parse(ran.stdout) as Failure
      expect([error.code, error.exit, ran.exitCode]).to.deep.equal([
        'DISK_FULL',
        EXIT_CODES.failed,
        EXIT_CODES.failed,
      ])
      expect(error.suggestions.join('\n')).to.include('docker system df').and.include('docker buildx prune')
    } finally {
      await engine.stop()
    }
  })

  it('an engine that keeps one platform is refused two with advice, and builds one', async () => {
    const engine = await classicEngine()
    try {
      const refused = await build(['--push', '--tag=classic', ...write(), '--json'], engine.env)
      const { error } = JSON.parse(refused.stdout) as Failure
      expect([error.code, error.exit, refused.exitCode]).to.deep.equal([
        'CLASSIC_IMAGE_STORE',
        EXIT_CODES.invalidInput,
        EXIT_CODES.invalidInput,
      ])
      expect(error.suggestions.join('\n'))
        .to.include('containerd-snapshotter')
        .and.include('--platform linux/amd64')
      expect(await readValues()).to.deep.equal(values)

      const one = await buildJson(
        ['--push', '--tag=classic', '--platform=linux/amd64', ...write()],
        engine.env,
      )
      for (const { image, digest } of one.images)
        expect((await inRegistry(image, digest)).found, `${image}@${digest}`).to.equal(true)
    } finally {
      await engine.stop()
    }
  })

  it('Ctrl-C ends the build in the engine too; nothing is pushed, pinned or left behind', async () => {
    // Two minutes and a few seconds that no other process on the machine sleeps.
    const sleep = `sleep 120.${Date.now()}`
    await appendFile(repository.source('app1', 'Dockerfile'), `RUN --network=none ${sleep}\n`)
    const temporary = join(repository.folder, '..', `${repository.folder.split('/').at(-1)!}-tmp`)
    await mkdir(temporary)
    try {
      const argv = arguments_([
        '-p',
        'app1',
        '--platform=linux/amd64',
        '--push',
        '--allow-dirty',
        '--tag=stopped',
        '--write',
        repository.values('app1'),
      ])
      const running = execa('nsenter', entering(process.execPath, fromSource(argv)), {
        cwd: repository.folder,
        env: { ...USER_ENV, TMPDIR: temporary },
        stdin: 'ignore',
        reject: false,
        // As a shell at a terminal does it, whose Ctrl-C reaches the whole group.
        detached: true,
      })
      await waitFor({ what: 'the step that sleeps', seconds: 240, intervalMs: 100 }, () => runs(sleep))
      await interruptGroup(running.pid!)
      const { exitCode, stderr } = await running
      expect(exitCode, stderr).to.equal(EXIT_CODES.interrupted)
      expect(stderr).to.include('The build was interrupted. Nothing was pushed')
      await waitFor(
        { what: 'the step to end in the engine', seconds: 60, intervalMs: 100 },
        async () => !(await runs(sleep)),
      )
      expect((await inRegistry(`${prefix}/app1`, 'stopped')).found).to.equal(false)
      expect(await readValues()).to.deep.equal(values)
      expect((await readdir(temporary)).filter((name) => name.startsWith('k8sflow'))).to.deep.equal([])
    } finally {
      await rm(temporary, { recursive: true })
    }
  })
})

/**
 * Signals a process group as Ctrl-C at a terminal does, but for the compiler that tsx keeps beside what it runs: k8sflow
 * as users have it is compiled.
 */
async function interruptGroup(group: number): Promise<void> {
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue
    const [status, line] = await Promise.all(
      ['stat', 'cmdline'].map((name) => readFile(`/proc/${entry}/${name}`, 'utf8').catch(() => '')),
    )
    // After the name in parentheses: state, parent, group.
    const [, , belongsTo] = status!.slice(status!.lastIndexOf(')') + 2).split(' ')
    if (Number(belongsTo) !== group || line!.includes('esbuild')) continue
    try {
      process.kill(Number(entry), 'SIGINT')
    } catch {
      // It has just ended.
    }
  }
}

/** Whether any process of the machine was started with those words. */
async function runs(words: string): Promise<boolean> {
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue
    const line = await readFile(`/proc/${entry}/cmdline`, 'utf8').catch(() => '')
    if (line.split('\0').join(' ').trim() === words) return true
  }
  return false
}
