import { expect } from 'chai'

import { buildFailure, loadFailure } from '../../../src/services/build-failure.js'
import type { FailedStep } from '../../../src/tools/build-progress.js'
import { replay } from '../tools/buildx-lines.js'

const CONTEXTS = { app1: 'samples/app1', app2: 'samples/app2' }
const PLATFORMS = ['linux/amd64', 'linux/arm64']

/** The error that a recorded build ends with. */
async function failureOf(recording: string, contexts: Record<string, string> = CONTEXTS) {
  const { reader } = await replay(recording, Object.keys(contexts))
  return buildFailure({ said: reader.text(), steps: reader.failedSteps(), contexts, platforms: PLATFORMS })
}

/** The error of a build of which docker says this last. */
function failureSaying(last: string, steps: FailedStep[] = []) {
  return buildFailure({ said: [last], steps, contexts: CONTEXTS, platforms: PLATFORMS })
}

describe('a build that failed', () => {
  it('names the app, the place and the file that is not there', async () => {
    const error = await failureOf('copy-fails')
    expect(error.message).to.equal(
      'app1 could not be built (samples/app1/Dockerfile:3): "/nothing.html": not found',
    )
    expect(error).to.include({ code: 'FILE_NOT_FOUND', exitCode: 1 })
    expect(error.suggestions.join()).to.include('is nothing.html there').and.include('.dockerignore')
    expect(error.data).to.deep.equal({
      app: 'app1',
      reason: '"/nothing.html": not found',
      path: 'samples/app1/Dockerfile',
      line: 3,
    })
  })

  it('is that of the only app, which buildx does not name', async () => {
    expect((await failureOf('single-copy-fails', { app1: 'x/app1' })).message).to.equal(
      'app1 could not be built (x/app1/Dockerfile:3): "/nothing.html": not found',
    )
  })

  it('points to the output, where there is some', async () => {
    const ran = await failureOf('run-fails')
    expect(ran.message).to.match(
      /^app2 could not be built \(samples\/app2\/Dockerfile:4\): process .* exit code: 1$/,
    )
    expect(ran.code).to.equal('BUILD_FAILED')
    expect(ran.suggestions).to.deep.equal(['The output above is that of the step that failed.'])
    const syntax = await failureOf('syntax-error')
    expect(syntax.message).to.include('samples/app1/Dockerfile:4').and.include('did you mean COPY?')
    expect(syntax.suggestions).to.deep.equal([])
  })

  it('knows a program for another platform by its output', async () => {
    const error = await failureOf('emulator')
    expect(error.message).to.equal(
      'app2 could not be built (samples/app2/Dockerfile:4): exec /bin/sh: exec format error',
    )
    expect(error.code).to.equal('NO_EMULATOR')
    expect(error.suggestions[0]).to.match(/--install arm64$/)
    const only = failureSaying(
      'ERROR: target app1: failed to solve: process "x" did not complete: exit code: 1',
      [
        {
          app: 'app1',
          name: 'linux/arm/v7 build 2/3 RUN x',
          error: '',
          output: ['exec /bin/x: exec format error'],
        },
      ],
    )
    expect(only.suggestions[0]).to.match(/--install arm$/)
  })

  it('says once that a base image is not there', async () => {
    const error = await failureOf('base-not-found')
    expect(error.message).to.equal(
      'app2 could not be built (samples/app2/Dockerfile:2): base image localhost:5000/nothing:1: not found',
    )
    expect(error.code).to.equal('BASE_NOT_FOUND')
    expect(error.suggestions.join()).to.match(/^Does localhost:5000\/nothing:1 exist\?/)
  })

  it('is not for the registry to explain when the engine stops', async () => {
    const error = await failureOf('engine-stopped')
    expect(error.message).to.match(/^app2 could not be built: failed to receive status: .*EOF$/)
    expect(error).to.include({ code: 'ENGINE_STOPPED', exitCode: 1 })
    expect(error.suggestions.join()).to.include('docker info')
  })

  it('tells what was built from a cache that was not written', () => {
    const step = { app: 'app1', name: 'exporting cache to registry', error: 'x', output: [] }
    const said =
      'error writing layer blob: failed to do request: Head "https://r.lan/v2/": connection refused'
    expect(failureSaying(`ERROR: target app1: failed to solve: ${said}`, [step])).to.include({
      message: `app1 was built, but its cache could not be written (--cache-to): ${said}`,
      code: 'REGISTRY_UNREACHABLE',
    })
  })

  it('tells what was built from what was pushed', async () => {
    for (const recording of ['push-refused', 'push-classic-refused']) {
      const error = await failureOf(recording)
      expect(error.message).to.match(/^app1 was built, but could not be pushed: .*connection refused$/)
      expect(error.code).to.equal('REGISTRY_UNREACHABLE')
    }
  })

  // What the engine, BuildKit and registries say (facts, "docker buildx"; their sources).
  const table: [reason: string, code: string, advice: RegExp][] = [
    ['failed to copy: write /var/lib/docker/x: no space left on device', 'DISK_FULL', /docker system df/],
    ['mkdir /var/lib/x: disk quota exceeded', 'DISK_FULL', /prune/],
    [
      'nginx:1: failed to resolve source metadata for docker.io/library/nginx:1: no match for platform in manifest: not found',
      'BASE_LACKS_PLATFORM',
      /--platform/,
    ],
    [
      'failed to push docker.io/o/app1:1: push access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed',
      'REGISTRY_DENIED',
      /docker login/,
    ],
    [
      'failed to push r.example/o/app1:1: failed to authorize: failed to fetch anonymous token: 401 Unauthorized',
      'REGISTRY_DENIED',
      /--image-prefix/,
    ],
    [
      'failed to push ghcr.io/o/app1:1: unexpected status from POST request: 403 Forbidden',
      'REGISTRY_DENIED',
      /login/,
    ],
    [
      'failed to do request: Head "https://r.lan/v2/": dial tcp: lookup r.lan: no such host',
      'REGISTRY_UNREACHABLE',
      /again/,
    ],
    [
      'failed to resolve source metadata for docker.io/docker/buildkit-syft-scanner:stable-1: failed to do request: Head "https://r.lan/v2/": EOF',
      'SBOM_SCANNER_MISSING',
      /without --sbom/,
    ],
    ['failed to do request: Head "https://r.lan/v2/": EOF', 'REGISTRY_UNREACHABLE', /running/],
    [
      'failed to do request: Head "https://r.lan:5000/v2/": http: server gave HTTP response to HTTPS client',
      'REGISTRY_INSECURE',
      /insecure-registries/,
    ],
    [
      'failed to verify certificate: x509: certificate signed by unknown authority',
      'REGISTRY_INSECURE',
      /certificate/,
    ],
    ['unknown flag: --allow', 'BUILDX_TOO_OLD', /docker buildx version/],
    ['failed to push r.example/o/app1:1: something new', 'PUSH_FAILED', /again/],
  ]
  for (const [reason, code, advice] of table)
    it(`is ${code} for "${reason.slice(0, 60)}…"`, () => {
      const error = failureSaying(`ERROR: target app1: failed to solve: ${reason}`)
      expect(error).to.include({ code, exitCode: 1 })
      expect(error.suggestions.join('\n')).to.match(advice)
    })

  it('takes no command for a reason', () => {
    for (const command of ['apk add ca-certificates', 'curl || echo connection refused', 'echo denied: x'])
      expect(
        failureSaying(
          `ERROR: target app1: failed to solve: process "/bin/sh -c ${command}" did not complete successfully: exit code: 1`,
        ).code,
        command,
      ).to.equal('BUILD_FAILED')
    const full = 'process "/bin/sh -c x" did not complete successfully: no space left on device'
    expect(failureSaying(`ERROR: failed to solve: ${full}`).code).to.equal('DISK_FULL')
  })

  it('says what docker said, or that it said nothing', () => {
    expect(failureSaying('something else').message).to.equal('The images could not be built: something else')
    expect(buildFailure({ said: [], steps: [], contexts: CONTEXTS, platforms: [] }).message).to.equal(
      'The images could not be built: docker gave no reason',
    )
  })

  it('repeats no password', () => {
    const error = failureSaying(
      'ERROR: failed to solve: failed to fetch https://me:secret@r.example/x?token=abc',
    )
    expect(JSON.stringify([error.message, error.data])).to.not.match(/secret|abc/)
  })
})

describe('an image that could not be loaded', () => {
  const completed = { exitCode: 1, stdout: '', stderr: '' }

  it('says why, and that it was built', () => {
    const stderr = 'Error response from daemon: write /x: no space left on device\n'
    const error = loadFailure('hecha00/app1:1', { ...completed, stderr })
    expect(error.message).to.match(
      /^hecha00\/app1:1 was built, but could not be loaded .*no space left on device$/,
    )
    expect(error.code).to.equal('DISK_FULL')
    expect(loadFailure('a', completed))
      .to.include({ code: 'LOAD_FAILED' })
      .and.property('message')
      .match(/no reason$/)
  })
})
