import { readFileSync } from 'node:fs'

import { expect } from 'chai'

import { FailedError } from '../../../src/errors.js'
import { createTrivy, type ImageRequest, type Trivy } from '../../../src/tools/trivy.js'
import { type Answer, FakeRunner } from './fake-runner.js'

const REPORT = readFileSync(new URL('../../fixtures/trivy/debian-amd64.json', import.meta.url), 'utf8')

const fakeTrivy = (answer: Answer) =>
  new FakeRunner(({ args }) => (args[0] === 'version' ? { stdout: '{"Version":"0.74.0"}' } : answer))

async function withTrivy(answer: Answer, act: (trivy: Trivy) => Promise<unknown>) {
  const runner = fakeTrivy(answer)
  await act(await createTrivy(runner, { program: '/opt/trivy' }))
  return runner
}

describe('trivy verbs', () => {
  const image = (request: Partial<ImageRequest>) =>
    withTrivy({ stdout: REPORT }, (trivy) =>
      trivy.image({ subject: 'app1', source: { reference: 'hecha00/app1:1' }, ...request }),
    )
  const always =
    'image --format json --no-progress --list-all-pkgs=false --show-suppressed --scanners vuln,secret --severity UNKNOWN,LOW,MEDIUM,HIGH,CRITICAL --exit-code 0 --exit-on-eol 0 --pkg-types os,library --ignore-unfixed=false --ignore-status '
  const cases: [string, Partial<ImageRequest>, string][] = [
    ['a reference', {}, 'hecha00/app1:1'],
    ['a folder', { source: { folder: '/tmp/layout-0' } }, '--input /tmp/layout-0'],
    ['a platform', { platform: 'linux/arm64' }, '--platform linux/arm64 hecha00/app1:1'],
    [
      'the registry first',
      { platform: 'linux/arm64', from: 'registry-first' },
      '--platform linux/arm64 --image-src remote,docker,containerd,podman hecha00/app1:1',
    ],
    ['the registry alone', { from: 'registry' }, '--image-src remote hecha00/app1:1'],
    ['local engines', { from: 'engines' }, '--image-src docker,containerd,podman hecha00/app1:1'],
    ['an ignore file', { ignoreFile: '.trivyignore' }, '--ignorefile .trivyignore hecha00/app1:1'],
  ]
  for (const [name, request, expected] of cases)
    it(`has arguments for ${name}`, async () => {
      expect((await image(request)).argumentLists).to.deep.equal([`${always} ${expected}`])
    })

  it('leaves the order of sources to TRIVY_IMAGE_SRC', async () => {
    process.env['TRIVY_IMAGE_SRC'] = 'podman'
    try {
      expect((await image({ from: 'registry' })).argumentLists[0]).not.to.include('--image-src')
    } finally {
      delete process.env['TRIVY_IMAGE_SRC']
    }
  })

  it('lets no variable change what trivy prints, and keeps it from calling home', async () => {
    const runner = await image({})
    for (const { env } of runner.invocations) {
      expect(env).to.include({ TRIVY_DISABLE_TELEMETRY: 'true', TRIVY_SKIP_VERSION_CHECK: 'true' })
      for (const name of [
        'FORMAT',
        'OUTPUT',
        'SEVERITY',
        'EXIT_CODE',
        'IGNOREFILE',
        'IGNORE_STATUS',
        'PKG_TYPES',
        'QUIET',
        'RUN_AS_PLUGIN',
      ]) {
        expect(env).to.have.property(`TRIVY_${name}`)
        expect(env?.[`TRIVY_${name}`]).to.equal(undefined)
      }
      expect(env).not.to.have.any.keys('TRIVY_CACHE_DIR', 'TRIVY_USERNAME', 'TRIVY_DB_REPOSITORY')
    }
  })

  it('tells trivy to stop once, and says when the database is downloaded', async () => {
    const { signal } = new AbortController()
    let downloads = 0
    const runner = await withTrivy({ stdout: REPORT }, (trivy) =>
      trivy.image(
        { subject: 'app1', source: { reference: 'x/y' } },
        { signal, onDownload: () => (downloads += 1) },
      ),
    )
    const [, scan] = runner.invocations
    expect(scan).to.include({ ownGroup: true, signal })
    scan?.onStderr?.('2026-11-24T11:49:04Z\tINFO\t[vulndb] Downloading vulnerability DB...')
    scan?.onStderr?.('2026-11-24T11:49:04Z\tINFO\tDetected OS\tfamily="debian"')
    expect(downloads).to.equal(1)
  })

  it('converts a saved report, and lets nothing be ignored a second time', async () => {
    const runner = await withTrivy({ stdout: '{"runs":[]}' }, (trivy) =>
      trivy.sarif({ report: 'report.json', noIgnores: 'empty' }),
    )
    expect(runner.argumentLists).to.deep.equal([
      'convert --format sarif --severity UNKNOWN,LOW,MEDIUM,HIGH,CRITICAL --ignorefile empty --exit-code 0 report.json',
    ])
  })

  it('says so when trivy prints no JSON', async () => {
    const error = await image({})
      .then(async () =>
        withTrivy({ stdout: '# Report' }, (trivy) => trivy.image({ subject: 'a', source: { folder: 'f' } })),
      )
      .catch((thrown: unknown) => thrown)
    expect(error).to.be.instanceOf(FailedError)
    expect((error as FailedError).message).to.match(/printed something that is not JSON/)
  })

  it('finds trivy by K8SFLOW_TRIVY', async () => {
    process.env['K8SFLOW_TRIVY'] = '/elsewhere/trivy'
    try {
      expect((await createTrivy(fakeTrivy({}))).program).to.equal('/elsewhere/trivy')
    } finally {
      delete process.env['K8SFLOW_TRIVY']
    }
  })
})
