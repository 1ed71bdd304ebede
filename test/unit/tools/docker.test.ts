import { expect } from 'chai'

import { FailedError, type K8sflowError, MissingProgramError } from '../../../src/errors.js'
import {
  bakeArguments,
  type BakeRequest,
  createDocker,
  engineUnreachable,
} from '../../../src/tools/docker.js'
import { listed } from './buildx-builders.js'
import { type Answer, FakeRunner } from './fake-runner.js'

const REQUEST = {
  targets: ['app1', 'app2'],
  metadataFile: '/tmp/s/metadata.json',
  read: ['/src/app1', '/src/app2'],
  write: ['/tmp/s'],
}

/** A docker that answers everything so. */
const dockerAnswering = (answer: Answer) => {
  const runner = new FakeRunner(() => answer)
  return { docker: createDocker(runner), runner }
}
const failure = async (action: Promise<unknown>): Promise<K8sflowError> =>
  action.then(
    () => expect.fail('it did not fail'),
    (error: unknown) => error as K8sflowError,
  )

describe('docker', () => {
  it('is the program that K8SFLOW_DOCKER names', () => {
    const before = process.env['K8SFLOW_DOCKER']
    try {
      process.env['K8SFLOW_DOCKER'] = '/opt/docker'
      expect(dockerAnswering({}).docker.program).to.equal('/opt/docker')
      process.env['K8SFLOW_DOCKER'] = ''
      expect(dockerAnswering({}).docker.program).to.equal('docker')
    } finally {
      if (before === undefined) delete process.env['K8SFLOW_DOCKER']
      else process.env['K8SFLOW_DOCKER'] = before
    }
  })

  it('lists builders', async () => {
    const stdout = [listed.containerd, listed.classic, listed.container, listed.far, listed.unreachable]
      .map((one) => JSON.stringify(one))
      .join('\n')
    const { docker, runner } = dockerAnswering({ stdout: `WARNING: something\n${stdout}\n` })
    expect(await docker.builders()).to.deep.equal([
      {
        name: 'default',
        driver: 'docker',
        current: true,
        platforms: ['linux/amd64', 'linux/amd64/v2', 'linux/amd64/v3'],
        imageStore: 'containerd',
      },
      { name: 'default', driver: 'docker', current: true, platforms: ['linux/amd64', 'linux/amd64/v2'] },
      { name: 'boxed', driver: 'docker-container', current: false, platforms: [] },
      {
        name: 'far',
        driver: 'docker-container',
        current: false,
        platforms: [],
        problem: 'Cannot connect to the host far.lan: connect: connection refused',
      },
      {
        name: 'default',
        driver: '',
        current: true,
        platforms: [],
        problem: listed.unreachable.Err,
      },
    ])
    expect(runner.argumentLists).to.deep.equal(['buildx ls --format json'])
    expect(runner.invocations[0]).to.include({ timeoutMs: 30_000 })
  })

  it('takes a builder without nodes, as buildx writes one', async () => {
    const stdout = JSON.stringify({ Name: 'x', Driver: 'remote', Nodes: null })
    expect(await dockerAnswering({ stdout }).docker.builders()).to.deep.equal([
      { name: 'x', driver: 'remote', current: false, platforms: [] },
    ])
  })

  it('says how the engine keeps images', async () => {
    for (const [stdout, store] of [
      ['[["driver-type","io.containerd.snapshotter.v1"]]', 'containerd'],
      ['[["Backing Filesystem","extfs"],["Supports d_type","true"]]', 'classic'],
    ])
      expect(await dockerAnswering({ stdout: stdout! }).docker.imageStore()).to.equal(store)
    const stderr = 'Cannot connect to the Docker daemon at unix:///x.sock. Is the docker daemon running?'
    const error = await failure(dockerAnswering({ exitCode: 1, stdout: 'null', stderr }).docker.imageStore())
    expect(error).to.include({ code: 'DOCKER_UNREACHABLE', exitCode: 1 })
    expect(error.message).to.include(stderr)
  })

  it('is missing, or its plugin is', async () => {
    const without = new FakeRunner(() => {
      throw new MissingProgramError('x was not found.', { code: 'PROGRAM_NOT_FOUND' })
    })
    const gone = await failure(createDocker(without).builders())
    expect(gone).to.be.instanceOf(MissingProgramError).and.include({ code: 'DOCKER_NOT_FOUND', exitCode: 4 })
    expect(gone.suggestions.join('\n')).to.include('K8SFLOW_DOCKER').and.include('https://')
    for (const [stderr, text] of [
      ["docker: 'buildx' is not a docker command.\nSee 'docker --help'", 'has no buildx plugin'],
      ['docker: unknown command: docker buildx\n\nRun docker --help', 'has no buildx plugin'],
      [
        "unknown flag: --format\n\nUsage:  docker [OPTIONS] COMMAND\n\nRun 'docker --help'",
        'has no buildx plugin',
      ],
      ["unknown flag: --format\nSee 'docker buildx ls --help'.", 'too old: unknown flag'],
      ["WARNING: x\nunknown flag: --format\nSee 'docker buildx ls --help'.", 'too old: unknown flag'],
    ] as const) {
      const error = await failure(dockerAnswering({ exitCode: 1, stderr }).docker.builders())
      expect(error, stderr).to.include({ code: 'BUILDX_NOT_FOUND', exitCode: 4 })
      expect(error.message).to.include(text)
    }
    const other = await failure(
      dockerAnswering({ exitCode: 1, stderr: 'ERROR: no luck\nmore' }).docker.builders(),
    )
    expect(other).to.be.instanceOf(FailedError).and.include({ code: 'BUILDX_FAILED' })
    expect(other.message).to.match(/failed: no luck$/)
  })

  it('bakes what comes on its standard input, in a process group of its own', async () => {
    const { docker, runner } = dockerAnswering({ exitCode: 1 })
    const { signal } = new AbortController()
    const lines: string[] = []
    const request: BakeRequest = { ...REQUEST, definition: '{}', onLine: (line) => lines.push(line), signal }
    expect((await docker.bake({ ...request, builder: 'boxed' })).exitCode).to.equal(1)
    const [invocation] = runner.invocations
    expect(invocation).to.include({ stdin: '{}', ownGroup: true, signal, onStderr: request.onLine })
    expect(invocation).to.not.have.property('timeoutMs')
    expect(invocation!.args.join(' ')).to.equal(
      'buildx bake --file - --progress rawjson --metadata-file /tmp/s/metadata.json --builder boxed --allow fs.read=/src/app1 --allow fs.read=/src/app2 --allow fs.write=/tmp/s app1 app2',
    )
    expect(bakeArguments(REQUEST)).to.not.include('--builder')
  })

  it('loads archives', async () => {
    const { docker, runner } = dockerAnswering({})
    await docker.load('/tmp/s/app1.tar', undefined)
    expect(runner.argumentLists).to.deep.equal(['image load --quiet --input /tmp/s/app1.tar'])
    expect(runner.invocations[0]).to.include({ ownGroup: true })
  })

  it('may be somewhere else', () => {
    const before = process.env['DOCKER_HOST']
    try {
      process.env['DOCKER_HOST'] = 'tcp://me:secret@pi.lan:2375'
      const { suggestions } = engineUnreachable('no route')
      expect(suggestions.join('\n')).to.include('DOCKER_HOST is tcp://***@pi.lan:2375')
      delete process.env['DOCKER_HOST']
      expect(engineUnreachable('').message).to.include('no reason given')
      expect(engineUnreachable('').suggestions.join('\n')).to.include('docker context use')
    } finally {
      if (before === undefined) delete process.env['DOCKER_HOST']
      else process.env['DOCKER_HOST'] = before
    }
  })
})
