import { expect } from 'chai'
import { execa } from 'execa'
import { access, mkdir, mkdtemp, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import Build from '../../src/commands/build.js'
import type { BuildResult } from '../../src/services/build.js'
import { listed } from '../unit/tools/buildx-builders.js'
import { recordedLines } from '../unit/tools/buildx-lines.js'
import { type FakeDocker, startFakeDocker } from './fakes/docker-program.js'
import { type FakeRegistry, LAYER_BYTES, startFakeRegistry } from './fakes/image-registry.js'
import { runCommandClass } from './harness.js'

const AT = 1_750_000_000
const GIT = {
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_AUTHOR_NAME: 'a',
  GIT_AUTHOR_EMAIL: 'a@b.example',
  GIT_AUTHOR_DATE: `${String(AT)} +0000`,
  GIT_COMMITTER_NAME: 'a',
  GIT_COMMITTER_EMAIL: 'a@b.example',
  GIT_COMMITTER_DATE: `${String(AT)} +0000`,
}
const BOTH = ['linux/amd64', 'linux/arm64']
const SECRET = 's3cr3t'
const VALUES = {
  'app1.yml': '# mine\nfirstApp:\n  create: true\n  appName: app1\n  env: staging\n  countries: [it]\n',
  'app2.yml': 'secondApp: {create: true, appName: app2, env: staging, countries: [it]}\n',
}

describe('k8sflow build', () => {
  let folder: string
  let work: string
  let commit: string
  let docker: FakeDocker
  let registry: FakeRegistry

  before(async () => (registry = await startFakeRegistry()))
  after(async () => registry.close())
  beforeEach(async () => {
    folder = await realpath(await mkdtemp(join(tmpdir(), 'k8sflow-build-test-')))
    work = join(folder, 'work')
    await mkdir(join(folder, 'tmp'))
    await mkdir(join(folder, 'config'))
    docker = await startFakeDocker(folder)
    for (const app of ['app1', 'app2']) {
      await mkdir(join(work, 'samples', app), { recursive: true })
      await writeFile(join(work, 'samples', app, 'Dockerfile'), 'FROM nginx\nCOPY . /srv\n')
    }
    for (const [name, text] of Object.entries(VALUES)) await writeFile(join(work, name), text)
    await git('init', '--quiet')
    await git('add', '--all')
    await git('commit', '--quiet', '--message', 'm')
    commit = await git('rev-parse', 'HEAD')
    registry.requests.length = 0
  })
  afterEach(async () => rm(folder, { recursive: true }))

  const git = async (...args: string[]) => (await execa('git', args, { cwd: work, env: GIT })).stdout
  const run = async (argv: string[], env: Record<string, string | undefined> = {}) => {
    const result = await runCommandClass(Build, argv, {
      cwd: work,
      env: {
        ...GIT,
        ...docker.env,
        TMPDIR: join(folder, 'tmp'),
        DOCKER_CONFIG: join(folder, 'config'),
        SOURCE_DATE_EPOCH: undefined,
        ...env,
      },
    })
    expect(await readdir(join(folder, 'tmp')), 'nothing temporary is left').to.deep.equal([])
    return result
  }
  const runJson = async (argv: string[], env: Record<string, string> = {}) => {
    const { stdout, stderr, exitCode } = await run([...argv, '--json'], env)
    return { result: JSON.parse(stdout) as BuildResult, stderr, exitCode }
  }
  const tag = () => commit.slice(0, 12)
  const prefix = () => `${registry.host}/home`
  /** Makes the registry hold what docker says it has pushed. */
  const pushedImages = async (more: object = {}) => {
    const digests = Object.fromEntries(
      ['app1', 'app2'].map((app) => [app, registry.putIndex(`home/${app}`, `of-${app}`, BOTH)]),
    )
    await docker.is({ digests, ...more })
    return digests
  }
  const values = async () =>
    Object.fromEntries(
      await Promise.all(
        Object.keys(VALUES).map(async (name) => [name, await readFile(join(work, name), 'utf8')] as const),
      ),
    )
  const WRITE = ['--write', 'app1.yml', '--write', 'app2.yml']

  it('builds both apps for both platforms, loads them, and prints a table', async () => {
    await docker.is({ lines: await recordedLines('cold') })
    const { stdout, stderr, exitCode } = await run([])
    expect(exitCode, stderr).to.equal(0)
    const lines = stdout.split('\n').map((line) => line.trimEnd())
    expect(lines[1]).to.match(
      new RegExp(`^app1 +hecha00/app1:${tag()} +sha256:[0-9a-f]{12}… +linux/amd64 +5\\.00 MB$`),
    )
    expect(lines[2]).to.match(/^ +linux\/arm64 +5\.00 MB$/)
    expect(lines[3]).to.match(/^app2 /)
    expect(stderr)
      .to.include('✔ app1 2/2 COPY index.html /srv/www/\n')
      .and.include(`✔ app2 loaded hecha00/app2:${tag()}\n`)
    const [bake, ...loads] = await docker.orders()
    expect(bake).to.match(/^buildx bake --file - --progress rawjson --metadata-file \S+ --allow fs\.read=/)
    expect(loads.map((line) => line.replace(/\S+\//, '')).sort()).to.deep.equal([
      'image load --quiet --input app1.tar',
      'image load --quiet --input app2.tar',
    ])
    const { app1, app2 } = await docker.baked()
    expect(app1).to.deep.include({
      context: join(work, 'samples', 'app1'),
      platforms: BOTH,
      tags: [`hecha00/app1:${tag()}`],
      args: { SOURCE_DATE_EPOCH: String(AT) },
    })
    expect(app1!.labels).to.include({ 'org.opencontainers.image.revision': commit })
    expect(app1!.output[0]).to.match(
      /^type=oci,dest=\S+app1\.tar,oci-mediatypes=true,rewrite-timestamp=true,source-date-epoch=0$/,
    )
    expect(app2!.tags).to.deep.equal([`hecha00/app2:${tag()}`])
  })

  it('has one JSON object', async () => {
    const { result, exitCode } = await runJson(['-p', 'app2', '--load'])
    expect(exitCode).to.equal(0)
    const [image, ...more] = result.images
    expect(more).to.deep.equal([])
    expect(result).to.deep.include({ builder: 'default', output: 'load', written: [] })
    expect(image).to.include({
      app: 'app2',
      image: 'hecha00/app2',
      tag: tag(),
      reference: `hecha00/app2:${tag()}@${image!.digest}`,
      revision: commit,
      dirty: false,
    })
    expect(image!.digest).to.match(/^sha256:[0-9a-f]{64}$/)
    expect(image!.platforms.map(({ platform, size }) => [platform, size])).to.deep.equal(
      BOTH.map((platform) => [platform, 5_000_000]),
    )
  })

  it('pushes, reads the sizes from the registry, and pins what it holds', async () => {
    const digests = await pushedImages()
    const { result, stderr, exitCode } = await runJson(['--push', '--image-prefix', prefix(), ...WRITE])
    expect(exitCode, stderr).to.equal(0)
    expect(result.images.map(({ app, digest }) => [app, digest])).to.deep.equal(Object.entries(digests))
    expect(result.images[0]!.platforms).to.have.lengthOf(2)
    expect(result.images[0]!.platforms[0]!.size).to.be.within(LAYER_BYTES, LAYER_BYTES + 1000)
    expect(result.written).to.deep.equal([
      { file: 'app1.yml', app: 'app1', digest: digests['app1'] },
      { file: 'app2.yml', app: 'app2', digest: digests['app2'] },
    ])
    const { 'app1.yml': one, 'app2.yml': two } = await values()
    expect(one)
      .to.match(/^# mine\n/)
      .and.include(digests['app1'])
      .and.include(`repository: "${prefix()}/app1"`)
    expect(two).to.include(digests['app2']).and.include(tag())
    expect((await docker.baked())['app1']!.output).to.deep.equal([
      'type=image,push=true,store=false,oci-mediatypes=true,rewrite-timestamp=true,source-date-epoch=0',
    ])
    expect(await docker.orders()).to.have.lengthOf(1)
  })

  it('pins nothing when one of two pushes fails', async () => {
    const lines = [
      ...(await recordedLines('push')).filter((line) => !line.includes('home/app2:1.0.0')),
      'ERROR: target app2: failed to solve: failed to push r/app2: denied: no',
    ]
    await docker.is({ lines, fails: '' })
    await pushedImages({ lines, fails: ' ' })
    const { stderr, exitCode } = await run(['--push', '--image-prefix', prefix(), ...WRITE])
    expect(exitCode).to.equal(1)
    expect(stderr).to.include('✔ app1 pushed localhost:5000/home/app1:1.0.0\n').and.not.include('app2 pushed')
    expect(stderr).to.include('app2 was built, but could not be pushed').and.include('docker login')
    expect(await values()).to.deep.equal(VALUES)
  })

  it('pushes what it can where the registry does not tell sizes', async () => {
    await docker.is({ digests: { app1: `sha256:${'1'.repeat(64)}` } })
    const { result, exitCode } = await runJson(['-p', 'app1', '--push', '--image-prefix', prefix()])
    expect(exitCode).to.equal(0)
    expect(result.images[0]!.platforms).to.deep.equal(BOTH.map((platform) => ({ platform })))
  })

  it('fails with the output of the step, the place and the reason, and leaves values files alone', async () => {
    await pushedImages({ lines: await recordedLines('run-fails'), fails: ' ' })
    const { stdout, stderr, exitCode } = await run(['--push', '--image-prefix', prefix(), ...WRITE])
    expect([exitCode, stdout]).to.deep.equal([1, ''])
    expect(stderr).to.match(/^✗ app2 3\/3 RUN .*$/m)
    expect(stderr).to.match(/^Output of app2, 3\/3 RUN .*:\n {2}some output\n {2}and its error\n/m)
    expect(stderr).to.include('app2 could not be built (samples/app2/Dockerfile:4): process ')
    expect(await values()).to.deep.equal(VALUES)
  })

  it('says when an image could not be loaded', async () => {
    await docker.is({ loadFails: { app2: 'Error response from daemon: no space left on device' } })
    const { stderr, exitCode } = await run([])
    expect(exitCode).to.equal(1)
    expect(stderr).to.include('✔ app1 loaded').and.include('app2').and.include('docker system df')
  })

  it('trusts no build without a digest', async () => {
    await docker.is({})
    const { stderr, exitCode } = await run(['--push', '--image-prefix', prefix()])
    expect(exitCode).to.equal(1)
    expect(stderr).to.include('names no digest')
  })

  it('writes OCI layouts in place of older ones, and of nothing else', async () => {
    const first = await runJson(['--oci-dir', 'out', '-p', 'app1,app2', '--platform', 'linux/arm64'])
    expect(first.result.images.map(({ ociLayout }) => ociLayout)).to.deep.equal(['out/app1', 'out/app2'])
    await writeFile(join(work, 'out', 'app1', 'blobs', 'old'), '')
    const again = await run(['--oci-dir', 'out', '-p', 'app1'])
    expect(again.stdout).to.include('\nout/app1: image of app1, as OCI layout\n')
    expect((await readdir(join(work, 'out', 'app1'))).sort()).to.deep.equal(['blobs', 'oci-layout'])
    expect(await readdir(join(work, 'out', 'app1', 'blobs'))).to.deep.equal(['sha256'])
    expect((await docker.baked())['app1']!.output[0]).to.match(/^type=oci,dest=\S+\/app1,tar=false,/)
    await mkdir(join(work, 'home', 'app2'), { recursive: true })
    await writeFile(join(work, 'home', 'app2', 'thesis'), '')
    await docker.is({})
    const refused = await run(['--oci-dir', 'home'])
    expect(refused.exitCode).to.equal(2)
    expect(refused.stderr).to.include('home/app2 holds something else')
    expect(await docker.orders()).to.deep.equal([])
    expect(await readdir(join(work, 'home'))).to.deep.equal(['app2'])
  })

  it('pushes nothing that is not committed, unless told to', async () => {
    await writeFile(join(work, 'samples', 'app2', 'new'), '')
    const digests = await pushedImages()
    const refused = await run(['--push', '--image-prefix', prefix()])
    expect(refused.exitCode).to.equal(2)
    expect(refused.stderr)
      .to.match(/samples\/app2 holds changes/)
      .and.include('--allow-dirty')
    expect(await docker.orders()).to.deep.equal([])
    const one = await runJson(['--push', '--image-prefix', prefix(), '-p', 'app1'])
    expect(one.result.images[0]).to.include({ tag: tag(), dirty: false })
    const { result } = await runJson(['--push', '--image-prefix', prefix(), '--allow-dirty'])
    expect(result.images[1]).to.include({ tag: `${tag()}-dirty`, dirty: true, digest: digests['app2'] })
    expect((await runJson([])).exitCode).to.equal(0)
  })

  it('prints the commands of a dry run, asks, and changes nothing', async () => {
    await pushedImages()
    const { stdout, exitCode, stderr } = await run([
      ...['--dry-run', '--push', '--image-prefix', prefix(), ...WRITE],
      ...['--build-arg', `TOKEN=${SECRET}`],
    ])
    expect(exitCode, stderr).to.equal(0)
    expect(stdout).to.match(/^mkdir -p \S+\n\S+docker\.mjs buildx bake .* app1 app2 <<'EOF'\n\{\n/)
    expect(stdout).to.include('"TOKEN": "***"').and.include('store=false').and.not.include(SECRET)
    expect([await docker.orders(), await values(), registry.requests]).to.deep.equal([[], VALUES, []])
    const key = '# app1.yml: firstApp.image.'
    const pinsOf = (text: string) => text.split('\n').filter((line) => line.startsWith('# '))
    expect(pinsOf(stdout)).to.deep.equal([
      `${key}repository: none → ${prefix()}/app1`,
      `${key}tag: none → ${tag()}`,
      `${key}digest: none → that of this build`,
      ...pinsOf(stdout)
        .slice(0, 3)
        .map((line) => line.replaceAll('app1', 'app2').replace('firstApp', 'secondApp')),
    ])
    const digest = `sha256:${'a'.repeat(64)}`
    await writeFile(
      join(work, 'app1.yml'),
      `firstApp: {create: true, countries: [it], image: {repository: ${prefix()}/app1, tag: old, digest: "${digest}"}}\n`,
    )
    const again = await run([
      ...['--dry-run', '--push', '--image-prefix', prefix(), '-p', 'app1', '--write', 'app1.yml'],
    ])
    expect(pinsOf(again.stdout)).to.deep.equal([
      `${key}tag: old → ${tag()}, unless the build gives the same digest`,
      `${key}digest: ${digest} → that of this build, if it is another`,
    ])
    await writeFile(join(work, 'app1.yml'), VALUES['app1.yml'])
    const load = await run(['--dry-run'])
    expect(
      load.stdout.match(/^\S+docker\.mjs image load --quiet --input \S+app[12]\.tar$/gm),
    ).to.have.lengthOf(2)
    const oci = await run(['--dry-run', '--oci-dir', 'out', '-p', 'app1'])
    expect(oci.stdout).to.match(/\nmkdir -p out\nrm -rf out\/app1\nmv \S+\/app1 out\/app1\n$/)
    expect(await readdir(work)).to.not.include('out')
    const { result } = await runJson(['--dry-run'])
    expect(result.images).to.deep.equal([])
    expect(result.commands).to.have.lengthOf(4)
  })

  it('shows no value of a build argument with --verbose', async () => {
    const { stderr } = await run(['--verbose', '--build-arg', `TOKEN=${SECRET}`])
    expect(stderr).to.include('$ ').and.include('buildx bake').and.not.include(SECRET)
    expect((await docker.baked())['app1']!.args).to.include({ TOKEN: SECRET })
  })

  it('hands on caches, attestations, tags and the builder', async () => {
    await docker.is({ builders: [listed.containerd, listed.container], digests: await pushedImages() })
    const { exitCode, stderr } = await run([
      ...['--push', '--image-prefix', prefix(), '--builder', 'boxed', '--tag', '1.0.0,latest'],
      ...[
        '--cache-from',
        'type=registry,ref=r/{app}',
        '--cache-to',
        'type=inline',
        '--provenance',
        '--sbom',
        '--ignore-cache',
      ],
    ])
    expect(exitCode, stderr).to.equal(0)
    const { app2 } = await docker.baked()
    expect(app2).to.deep.include({
      tags: [`${prefix()}/app2:1.0.0`, `${prefix()}/app2:latest`],
      attest: ['type=provenance,mode=max', 'type=sbom'],
      'cache-from': ['type=registry,ref=r/app2'],
      'cache-to': ['type=inline'],
      'no-cache': true,
      output: ['type=image,push=true,oci-mediatypes=true,rewrite-timestamp=true,source-date-epoch=0'],
    })
    expect((await docker.orders())[0]).to.include(' --builder boxed ')
  })

  it('takes its settings from the project file, and paths from the file’s folder', async () => {
    const settings = [
      'source: samples',
      'platform: [linux/arm64]',
      'image-prefix: registry.lan/home',
      'cache-from: ["type=registry,ref=r/{app}", type=gha]',
      'build-arg: ["A=1,2"]',
      'oci-dir: out',
    ]
    await writeFile(join(work, 'k8sflow.yaml'), settings.join('\n'))
    await mkdir(join(work, 'deep'))
    const argv = ['-p', 'app1']
    const result = await runCommandClass(Build, argv, {
      cwd: join(work, 'deep'),
      env: { ...GIT, ...docker.env, TMPDIR: join(folder, 'tmp') },
    })
    expect(result.exitCode, result.stderr).to.equal(0)
    const { app1 } = await docker.baked()
    expect(app1).to.deep.include({
      context: join(work, 'samples', 'app1'),
      platforms: ['linux/arm64'],
      tags: [`registry.lan/home/app1:${tag()}`],
      'cache-from': ['type=registry,ref=r/app1', 'type=gha'],
    })
    expect(app1!.args).to.include({ A: '1,2' })
    await access(join(work, 'out', 'app1', 'oci-layout'))
  })

  it('takes its settings from variables, which a flag beats', async () => {
    const env = {
      K8SFLOW_PLATFORM: 'linux/arm64,linux/arm/v7',
      K8SFLOW_IMAGE_PREFIX: 'me',
      K8SFLOW_BUILD_ARG: 'A=1,2\nB=3\n',
      K8SFLOW_TAG: 'a,b',
      SOURCE_DATE_EPOCH: '12',
    }
    expect((await run(['--tag', 'c'], env)).exitCode).to.equal(0)
    expect((await docker.baked())['app2']).to.deep.include({
      platforms: ['linux/arm64', 'linux/arm/v7'],
      tags: ['me/app2:c'],
      args: { SOURCE_DATE_EPOCH: '12', A: '1,2', B: '3' },
    })
  })

  it('does one thing with an image, and a flag decides against the project file', async () => {
    for (const argv of [
      ['--push', '--load'],
      ['--push', '--oci-dir', 'out'],
      ['--load', '--oci-dir', 'out'],
    ]) {
      const { exitCode, stderr } = await run(argv)
      expect(exitCode, argv.join(' ')).to.equal(2)
      expect(stderr).to.include(`${argv.filter((word) => word !== 'out').join(' and ')} cannot be had`)
    }
    const no = { K8SFLOW_PUSH: 'false', K8SFLOW_LOAD: 'false' }
    expect((await runJson(['--oci-dir', 'out'], no)).result.output).to.equal('oci')
    expect((await run([], { K8SFLOW_PUSH: 'true', K8SFLOW_LOAD: 'true' })).exitCode).to.equal(2)
    const push = { K8SFLOW_PUSH: 'true', K8SFLOW_WRITE: 'app1.yml,app2.yml' }
    for (const argv of [['--load'], ['--oci-dir', 'out']])
      expect((await run(argv, push)).exitCode, argv.join(' ')).to.equal(0)
    await pushedImages()
    const { result } = await runJson(['--image-prefix', prefix()], push)
    expect([result.output, result.written.length]).to.deep.equal(['push', 2])
  })

  it('warns of a clone that is shallow, and of programs that need an emulator', async () => {
    await writeFile(join(work, 'samples', 'app1', 'Dockerfile'), 'FROM nginx\nRUN true\n')
    await git('commit', '--quiet', '--all', '--message', 'n')
    await execa('git', ['clone', '--quiet', '--depth', '1', `file://${work}`, join(folder, 'clone')])
    const { stderr, exitCode } = await run(['--source', join(folder, 'clone', 'samples')])
    expect(exitCode).to.equal(0)
    expect(stderr).to.match(/^⚠ this clone is shallow .*clone\/samples\/app1 and .*git fetch --unshallow/m)
    expect(stderr).to.match(/^⚠ app1's Dockerfile has RUN, .*linux\/arm64.*--install arm64$/m)
    expect((await run([])).stderr).to.not.include('shallow')
  })

  describe('refuses', () => {
    const cases: [what: string, argv: string[], state: object, exitCode: number, said: string][] = [
      [
        'an engine that does not answer',
        [],
        { builders: [listed.unreachable] },
        1,
        'Cannot connect to the Docker daemon',
      ],
      ['an engine that is for others', [], { builders: [listed.denied] }, 1, 'usermod -aG docker'],
      [
        'several platforms on the classic store',
        [],
        { builders: [listed.classic] },
        2,
        'containerd-snapshotter',
      ],
      ['a builder that is not there', ['--builder', 'x'], {}, 2, 'no builder named "x"'],
      ['no login at docker.io', ['--push'], {}, 2, 'docker is not logged in to docker.io'],
      [
        'a docker without buildx',
        [],
        { lsFails: "docker: 'buildx' is not a docker command." },
        4,
        'no buildx plugin',
      ],
      ['a folder without apps', ['--source', 'nowhere'], {}, 2, 'no folder nowhere'],
      ['a platform that is none', ['--platform', 'arm64'], {}, 2, '"arm64" is no platform'],
      ['--write without --push', ['--write', 'app1.yml'], {}, 2, '--write needs --push'],
      ['a values file that is not there', ['--push', '--write', 'x.yml'], {}, 2, 'x.yml'],
      ['an app that there is not', ['-p', 'app3'], {}, 2, 'app3'],
    ]
    for (const [what, argv, state, expected, said] of cases)
      it(what, async () => {
        await docker.is(state)
        const { stdout, stderr, exitCode } = await run(argv)
        expect([exitCode, stdout], stderr).to.deep.equal([expected, ''])
        expect(stderr)
          .to.match(/^Error: /m)
          .and.include(said)
        expect(await docker.orders()).to.deep.equal([])
      })

    it('a temporary folder that cannot be written', async () => {
      const { error } = await run([], { TMPDIR: join(folder, 'none') })
      expect(error).to.have.property('code', 'NO_TEMPORARY_FOLDER')
      expect(error?.message).to.include(join(folder, 'none'))
    })

    it('a docker that is not there', async () => {
      const { stderr, exitCode } = await run([], { K8SFLOW_DOCKER: join(folder, 'nowhere') })
      expect(exitCode).to.equal(4)
      expect(stderr).to.include('docker was not found').and.include('K8SFLOW_DOCKER')
    })

    it('a folder that no commit describes', async () => {
      await rm(join(work, '.git'), { recursive: true })
      const refused = await run([], { GIT_CEILING_DIRECTORIES: folder })
      expect(refused.exitCode).to.equal(2)
      expect(refused.stderr).to.include('samples/app1 has no commit').and.include('--tag')
      const named = await runJson(['--tag', '1.0.0'], { GIT_CEILING_DIRECTORIES: folder })
      expect(named.result.images[0]).to.include({ tag: '1.0.0', revision: null, dirty: false })
    })
  })

  describe('interrupted', () => {
    /** Runs until docker waits, then sends a real signal to this process. */
    const interrupted = async (argv: string[], state: object) => {
      await pushedImages(state)
      const running = run(argv)
      for (const start = Date.now(); ; await new Promise((done) => setTimeout(done, 20))) {
        if ((await docker.log()).some(({ waiting }) => waiting !== undefined)) break
        if (Date.now() - start > 45_000) expect.fail((await running).stderr)
      }
      process.kill(process.pid, 'SIGINT')
      const result = await running
      const signals = (await docker.log()).flatMap((entry) => entry.signals ?? [])
      return { ...result, signals, values: await values() }
    }
    const push = () => ['--push', '--image-prefix', prefix(), ...WRITE]

    it('while it builds: one SIGINT reaches docker, and nothing has happened', async () => {
      const lines = (await recordedLines('interrupted')).filter((line) => line.startsWith('{'))
      const { exitCode, stderr, signals, values: after } = await interrupted(push(), { hangs: 'bake', lines })
      expect(exitCode, stderr).to.equal(130)
      expect(stderr).to.match(/^⚠ interrupted: waiting for docker/m)
      expect(stderr).to.include('The build was interrupted. Nothing was pushed, loaded or written.')
      expect([signals, after]).to.deep.equal([['SIGINT'], VALUES])
    })

    it('while it pushes: what is in the registry is named, and no values file is changed', async () => {
      const lines = (await recordedLines('push')).filter((line) => !line.includes('home/app2:1.0.0'))
      const { exitCode, stderr, signals, values: after } = await interrupted(push(), { hangs: 'bake', lines })
      expect(exitCode).to.equal(130)
      expect(stderr).to.include(
        'Pushed before that: localhost:5000/home/app1:1.0.0. No values file was changed.',
      )
      expect([signals, after]).to.deep.equal([['SIGINT'], VALUES])
    })

    it('while the engine loads', async () => {
      const { exitCode, stderr, signals } = await interrupted(['-p', 'app1'], { hangs: 'load' })
      expect(exitCode).to.equal(130)
      expect(stderr).to.include('Not all images were loaded.')
      expect(signals).to.deep.equal(['SIGINT'])
    })

    it('writing layouts: the older ones stay', async () => {
      await run(['--oci-dir', 'out'])
      await writeFile(join(work, 'out', 'app1', 'mark'), '')
      const { exitCode } = await interrupted(['--oci-dir', 'out'], { hangs: 'bake' })
      expect(exitCode).to.equal(130)
      await access(join(work, 'out', 'app1', 'mark'))
    })
  })
})
