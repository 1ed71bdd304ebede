import { readFileSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

import { expect } from 'chai'

import Scan from '../../src/commands/scan.js'
import type { ScanResult } from '../../src/services/scan.js'
import { readLayout } from '../../src/services/scan-layout.js'
import { layoutFiles } from '../unit/services/oci-layout-files.js'
import { ROOT, runCommandClass } from './harness.js'

const fixture = (name: string) => join(ROOT, 'test', 'fixtures', 'trivy', name)
const report = (name: string) => ({ report: fixture(`${name}.json`) })
const failure = async (name: string) => ({ stderr: await readFile(fixture(`errors/${name}.txt`), 'utf8') })

interface Answer {
  report?: string
  stderr?: string
  wait?: boolean
}

describe('k8sflow scan', () => {
  let folder: string
  const write = async (name: string, text: string) => {
    await mkdir(dirname(join(folder, name)), { recursive: true })
    await writeFile(join(folder, name), text)
  }
  const writeAll = async (files: Record<string, string>) => {
    for (const [name, text] of Object.entries(files)) await write(name, text)
  }
  const answers = (images: Record<string, Answer>, version?: string) =>
    write('trivy.json', JSON.stringify({ images, version, log: join(folder, 'trivy.log') }))
  const run = (argv: string[], env: Record<string, string> = {}) =>
    runCommandClass(Scan, argv, {
      cwd: folder,
      env: {
        K8SFLOW_TRIVY: join(ROOT, 'test', 'commands', 'fakes', 'trivy.mjs'),
        FAKE_TRIVY: join(folder, 'trivy.json'),
        GITHUB_ACTIONS: undefined as unknown as string,
        TMPDIR: join(folder, 'tmp'),
        ...env,
      },
    })
  const json = async (argv: string[]) => {
    const { stdout, exitCode } = await run([...argv, '--json'])
    return { result: JSON.parse(stdout) as ScanResult, exitCode }
  }
  const calls = async (verb: string): Promise<string[]> =>
    (await readFile(join(folder, 'trivy.log'), 'utf8').catch(() => ''))
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as string[])
      .filter(([first]) => first === verb)
      .map((args) => args.join(' '))

  /** A layout of both platforms, and trivy's reports of them. */
  const layout = async (path: string) => {
    await writeAll(layoutFiles(path, ['linux/amd64', 'linux/arm64']))
    const { images } = await readLayout(join(folder, path))
    await answers({
      [images[0]?.digest ?? '']: report('debian-amd64'),
      [images[1]?.digest ?? '']: report('debian-arm64'),
    })
  }

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'k8sflow-scan-test-'))
    await mkdir(join(folder, 'tmp'))
  })

  afterEach(async () => {
    expect(await readdir(join(folder, 'tmp')), 'temporary files left behind').to.deep.equal([])
    await rm(folder, { recursive: true })
  })

  it('scans every platform of a layout, shows what it found and fails with 8', async () => {
    await layout('out/app1')
    await write('.trivyignore', '# only answers /ping\nCVE-2026-10004\n')
    const { exitCode, stdout, stderr } = await run(['out/app1'])
    expect(exitCode).to.equal(8)
    expect(stdout).to.match(
      /✗ +out\/app1 +linux\/amd64 +debian 13\.1 +1 +2 +1 +1 +1 +1\n✗ +out\/app1 +linux\/arm64 +debian 13\.1 +3 +2 /,
    )
    expect(stdout).to.match(
      /CRITICAL +CVE-2026-10001 +nginx +1\.26\.3-3 +1\.26\.3-3\+deb13u1 +nginx: a made-up overflow/,
    )
    expect(stdout).to.match(
      /HIGH +CVE-2026-10002 +libssl3t64 +3\.5\.1-1 +none yet +openssl: a made-up flaw without a title\./,
    )
    expect(stdout).to.match(/CRITICAL +aws-access-key-id +\/srv\/app\/production\.env:1 /)
    expect(stdout).to.include('CVE-2026-10004 (HIGH) of nginx ignored by ign: only answers /ping')
    expect(stdout).not.to.match(/CVE-2026-10003/)
    expect(stderr).to.match(
      /Error: Findings of severity CRITICAL or HIGH:\n {2}out\/app1 \(linux\/amd64\): 1 CRITICAL, 2 HIGH\n {2}out\/app1 \(linux\/arm64\): 3 CRITICAL, 2 HIGH\n/,
    )
    expect(stderr).to.match(/→ A fixed version exists for 2 of 5/)
    expect(stderr).to.match(/→ Take the secrets out of the image/)
    expect(stderr).to.match(/→ --ignore-unfixed leaves out what nobody has fixed yet \(1 of 5\)/)
    const scans = await calls('image')
    expect(scans).to.have.lengthOf(2)
    expect(scans.every((line) => line.includes('--ignorefile .trivyignore --input '))).to.equal(true)
  })

  it('has one stable JSON result', async () => {
    await layout('app1')
    const { digest } = await readLayout(join(folder, 'app1'))
    await write('samples/app1/Dockerfile', 'ARG B=base\nFROM nginx:1@sha256:1 AS base\n\nFROM ${B}\n')
    const { result, exitCode } = await json(['app1', '--platform', 'linux/arm64', '--severity', 'critical'])
    expect(exitCode).to.equal(8)
    const [image] = result.images
    expect(image?.findings[0]).to.deep.equal({
      kind: 'secret',
      id: 'aws-access-key-id',
      severity: 'CRITICAL',
      package: '/srv/app/production.env:1',
      installed: '',
      fixed: null,
      status: '',
      title: 'AWS Access Key ID',
      url: '',
    })
    expect({ ...result, images: [{ ...image, findings: image?.findings.length }] }).to.deep.equal({
      passed: false,
      severities: ['CRITICAL'],
      ignoreUnfixed: false,
      ignoreFile: null,
      trivy: '0.74.0',
      images: [
        {
          image: 'app1',
          apps: ['app1'],
          files: [],
          platform: 'linux/arm64',
          digest,
          os: { family: 'debian', name: '13.1', endOfLife: false },
          hasPackages: true,
          counts: { CRITICAL: 3, HIGH: 2, MEDIUM: 1, LOW: 1, UNKNOWN: 1 },
          findings: 3,
          ignored: [
            {
              kind: 'vulnerability',
              id: 'CVE-2026-10004',
              severity: 'HIGH',
              package: 'nginx',
              reason: '',
              source: 'ign',
            },
          ],
          unfixed: 0,
          dockerfile: { path: join('samples', 'app1', 'Dockerfile'), line: 2 },
        },
      ],
      failures: [],
      notes: [],
      warnings: [],
      error: {
        code: 'VULNERABILITIES_FOUND',
        message: 'Findings of severity CRITICAL:\n  app1 (linux/arm64): 3 CRITICAL',
        exit: 8,
        suggestions: [
          'A fixed version exists for 1 of 3: move to a base image that has it, and build again.',
          'Take the secrets out of the image, and replace them: whoever can pull it can read them.',
          'To accept one, add its ID to .trivyignore, with the reason in a comment (#) above it.',
        ],
      },
    })
  })

  it('passes when nothing is found at the severities asked for, and warns of an old system', async () => {
    await answers({ 'localhost:1/hecha00/app2:1.0.0': report('clean-end-of-life') })
    const { exitCode, stdout, stderr } = await run(['localhost:1/hecha00/app2:1.0.0'])
    expect(exitCode).to.equal(0)
    expect(stdout).to.match(
      /✔ +localhost:1\/hecha00\/app2:1\.0\.0 +linux\/arm64 +alpine 3\.12\.1 +0 +0 +0 +0 +0 +0/,
    )
    expect(stderr).to.match(/⚠ .* alpine 3\.12\.1 gets no security updates any more/)
    expect(stderr).not.to.match(/Error/)
  })

  it('takes the digest of what trivy pulled', async () => {
    await answers({ app2: report('clean-end-of-life') })
    const { result } = await json(['localhost:1/hecha00/app2'])
    expect(result.images[0]?.digest).to.equal(`sha256:${'2'.repeat(64)}`)
    expect(result.passed).to.equal(true)
  })

  it('warns of a system trivy does not know', async () => {
    await answers({ app2: report('unknown-os') })
    expect((await run(['localhost:1/x/app2'])).stderr).to.match(/⚠ .*does not know its operating system/)
  })

  it('scans the images of the values files, by digest', async () => {
    const digest = `sha256:${'a'.repeat(64)}`
    await write(
      'app1-production.yml',
      `firstApp:\n  create: true\n  countries: [it]\n  image: {repository: localhost:1/x/app1, digest: "${digest}"}\n`,
    )
    await answers({ 'x/app1': report('clean-end-of-life') })
    const { result } = await json(['-p', 'app1'])
    expect(result.images[0]).to.deep.include({
      image: `localhost:1/x/app1@${digest}`,
      apps: ['app1'],
      files: ['app1-production.yml'],
      digest,
    })
    expect((await run(['-p', 'app1'])).stderr).to.match(/► localhost:1\/x\/app1@sha256:a{12}… scanning/)
    expect((await calls('image'))[0]).to.match(
      / --image-src docker,containerd,podman localhost:1\/x\/app1@sha256:a+$/,
    )
  })

  it('scans every platform that the registry has, and no engine', async () => {
    await writeAll(layoutFiles('oci', ['linux/amd64', 'linux/arm64']))
    const { digest } = await readLayout(join(folder, 'oci'))
    const server = createServer((_, response) => {
      response.setHeader('content-type', 'application/vnd.oci.image.index.v1+json')
      response.end(readFileSync(join(folder, 'oci', 'blobs', ...digest.split(':'))))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const image = `127.0.0.1:${String((server.address() as AddressInfo).port)}/x/app1:1`
    await answers({ 'linux/amd64': report('debian-amd64'), 'linux/arm64': report('debian-arm64') })
    try {
      const other = await run([image, '--platform', 'linux/s390x'])
      expect(other.stderr).to.match(
        /could not be scanned for linux\/s390x: it has only linux\/amd64, linux\/arm64/,
      )
      expect(await calls('image')).to.deep.equal([])
      const { result } = await json([image])
      expect(result.images.map(({ platform }) => platform)).to.deep.equal(['linux/amd64', 'linux/arm64'])
    } finally {
      server.close()
    }
    const first = '--image-src remote'
    expect((await calls('image')).map((line) => line.replace(/^.* --platform/, '--platform'))).to.deep.equal([
      `--platform linux/amd64 ${first} ${image}`,
      `--platform linux/arm64 ${first} ${image}`,
    ])
  })

  it('says that it scanned the platform of a local engine only, and takes none from elsewhere', async () => {
    await answers({ 'x/app1': report('debian-amd64'), 'x/app2': await failure('not-in-engines') })
    const { result } = await json(['localhost:1/x/app1', 'localhost:1/x/app2', '--severity', 'UNKNOWN'])
    expect(result.warnings[0]).to.match(
      /^localhost:1\/x\/app1: only linux\/amd64 was scanned, as a local engine has it\. localhost:1 cannot be reached/,
    )
    expect(result.failures).to.have.lengthOf(1)
    expect(result.failures[0]).to.include({ image: 'localhost:1/x/app2', code: 'REGISTRY_UNREACHABLE' })
    expect(result.failures[0]?.suggestions.join()).to.match(/--platform linux\/amd64,linux\/arm64/)
    expect(await calls('image')).to.satisfy((lines: string[]) =>
      lines.every((line) => line.includes(' --image-src docker,containerd,podman ')),
    )
  })

  it('annotates findings and sums them up within GitHub Actions', async () => {
    await layout('out/app1')
    await write('samples/app1/Dockerfile', 'FROM nginx:1\n')
    await write('summary.md', '')
    const { stdout, stderr, exitCode } = await run(['out', '--platform', 'linux/amd64'], {
      GITHUB_ACTIONS: 'true',
      GITHUB_WORKSPACE: folder,
      GITHUB_STEP_SUMMARY: join(folder, 'summary.md'),
    })
    expect(exitCode).to.equal(8)
    expect(stdout).not.to.match(/::error/)
    expect(
      stderr.match(/^::error file=samples\/app1\/Dockerfile,line=1,title=(CRITICAL|HIGH) CVE-/gm),
    ).to.have.lengthOf(3)
    expect(await readFile(join(folder, 'summary.md'), 'utf8')).to.match(
      /## Findings of severity CRITICAL or HIGH in 1 image/,
    )
  })

  it('scans all images before it fails, and says which could not be scanned', async () => {
    await answers({
      'bad/app1': await failure('unauthorized'),
      'x/app2': report('clean-end-of-life'),
      'x/app3': report('debian-amd64'),
    })
    const images = ['localhost:1/bad/app1', 'localhost:1/x/app2', 'localhost:1/x/app3']
    const all = await json(images)
    expect(all.exitCode).to.equal(8)
    expect(all.result.failures.map(({ code, image }) => [code, image])).to.deep.equal([
      ['TRIVY_UNAUTHORIZED', 'localhost:1/bad/app1'],
    ])
    expect(all.result.error?.message).to.match(
      /localhost:1\/x\/app3 \(linux\/amd64\): 1 CRITICAL, 2 HIGH\nNot scanned:\n {2}localhost:1\/bad\/app1 could not/,
    )
    expect(all.result.error?.suggestions[0]).to.match(/^Log in to the registry/)
    const without = await json(images.slice(0, 2))
    expect(without.exitCode).to.equal(1)
    expect(without.result).to.include({ passed: false })
    expect(without.result.error).to.deep.include({ code: 'SCAN_INCOMPLETE' })
    const alone = await run(images.slice(0, 1))
    expect(alone.exitCode).to.equal(1)
    expect(alone.stderr).to.match(/refuses access[^]*→ Log in to the registry first: docker login/)
    expect(alone.stdout).to.equal('Nothing was scanned.\n')
  })

  it('stops at once when nothing can be scanned', async () => {
    await answers({ x: await failure('database') })
    const { exitCode, stdout, stderr } = await run(['localhost:1/x/a', 'localhost:1/x/b'])
    expect(exitCode).to.equal(1)
    expect(stdout).to.equal('')
    expect(stderr).to.match(/database could not be downloaded[^]*TRIVY_DB_REPOSITORY/)
    expect(await calls('image')).to.have.lengthOf(1)
  })

  it('refuses another platform than the one asked for', async () => {
    await answers({ 'x/app1': report('debian-amd64') })
    const { result, exitCode } = await json(['localhost:1/x/app1', '--platform', 'linux/arm64'])
    expect(exitCode).to.equal(1)
    expect(result.failures[0]).to.deep.include({
      code: 'TRIVY_PLATFORM_MISSING',
      message: 'localhost:1/x/app1 could not be scanned for linux/arm64: it has only linux/amd64.',
    })
    await layout('out')
    expect((await run(['out', '--platform', 'linux/s390x'])).stderr).to.match(
      /it has only linux\/amd64, linux\/arm64/,
    )
    expect(await calls('image')).to.have.lengthOf(1)
  })

  it('leaves out what nobody has fixed with --ignore-unfixed, and says how much that is', async () => {
    await layout('app1')
    const { stdout } = await run(['app1', '--platform', 'linux/amd64', '--ignore-unfixed'])
    expect(stdout).not.to.match(/CVE-2026-10002/)
    expect(stdout).to.match(/• 1 of severity CRITICAL or HIGH left out: nobody has fixed it yet/)
  })

  it('prints one SARIF report of everything, with what counts, scanning once', async () => {
    await layout('out/app1')
    const { exitCode, stdout } = await run(['out', '--format', 'sarif', '--severity', 'CRITICAL'])
    expect(exitCode).to.equal(8)
    expect(JSON.parse(stdout)).to.deep.equal({
      version: '2.1.0',
      $schema: 'https://example.com/sarif.json',
      runs: [
        {
          tool: { driver: { name: 'Trivy' } },
          results: [{ ruleId: 'CVE-2026-10001' }],
          properties: { imageName: 'out/app1' },
          automationDetails: { id: 'k8sflow-scan/app1/linux/amd64/' },
        },
        {
          tool: { driver: { name: 'Trivy' } },
          results: [
            { ruleId: 'CVE-2026-10001' },
            { ruleId: 'aws-access-key-id' },
            { ruleId: 'aws-secret-access-key' },
          ],
          properties: { imageName: 'out/app1' },
          automationDetails: { id: 'k8sflow-scan/app1/linux/arm64/' },
        },
      ],
    })
    expect(await calls('image')).to.have.lengthOf(2)
  })

  it('names the runs of a SARIF report so that a new tag changes nothing, and none twice', async () => {
    await answers({ 'x/': report('clean-end-of-life') })
    const images = ['localhost:1/x/y:1', `localhost:1/x/y@sha256:${'1'.repeat(64)}`, 'localhost:1/x/z']
    const { stdout } = await run([...images, '--format', 'sarif'])
    const { runs } = JSON.parse(stdout) as { runs: { automationDetails: { id: string } }[] }
    expect(runs.map(({ automationDetails }) => automationDetails.id)).to.deep.equal([
      'k8sflow-scan/localhost:1/x/y/linux/arm64/',
      'k8sflow-scan/localhost:1/x/y/linux/arm64-2/',
      'k8sflow-scan/localhost:1/x/z/linux/arm64/',
    ])
  })

  it('takes --format json for --json', async () => {
    await layout('app1')
    const one = await run(['app1', '--format', 'json'])
    const other = await run(['app1', '--json'])
    expect(JSON.parse(one.stdout)).to.deep.equal(JSON.parse(other.stdout))
    expect(one.exitCode).to.equal(8)
  })

  it('says how to get trivy', async () => {
    const { exitCode, stderr } = await run(['nginx'], { K8SFLOW_TRIVY: join(folder, 'none') })
    expect(exitCode).to.equal(4)
    expect(stderr).to.match(/trivy was not found \(looked for ".*none"\)[^]*Install trivy[^]*K8SFLOW_TRIVY/)
  })

  for (const [version, message] of [
    ['0.40.0', /is trivy 0\.40\.0; k8sflow needs 0\.55\.0/],
    ['0.69.4', /an attacker published/],
  ] as const)
    it(`refuses trivy ${version}`, async () => {
      await answers({}, version)
      const { exitCode, stderr } = await run(['nginx'])
      expect(exitCode).to.equal(4)
      expect(stderr).to.match(message)
      expect(await calls('image')).to.deep.equal([])
    })

  it('warns of a trivy without a version, and of variables without effect', async () => {
    await answers({ x: report('clean-end-of-life') }, 'dev')
    const { stderr, exitCode } = await run(['localhost:1/x/y'], {
      TRIVY_SEVERITY: 'LOW',
      TRIVY_IGNOREFILE: 'x',
      TRIVY_IGNORE_STATUS: 'affected',
    })
    expect(exitCode).to.equal(0)
    expect(stderr).to.match(/⚠ This trivy was built without a version/)
    expect(stderr).to.match(/⚠ TRIVY_SEVERITY has no effect here: use --severity\./)
    expect(stderr).to.match(/⚠ TRIVY_IGNOREFILE has no effect here: use --ignore-file\./)
    expect(stderr).to.match(/⚠ TRIVY_IGNORE_STATUS has no effect here: use --ignore-unfixed\./)
  })

  it('warns of rules without a reason, and names expired ones', async () => {
    await answers({ x: report('clean-end-of-life') })
    await write('.trivyignore', 'CVE-1\nCVE-2 exp:2026-01-01\n')
    const { stderr } = await run(['localhost:1/x/y'])
    expect(stderr).to.match(/⚠ \.trivyignore:1: CVE-1 is ignored without a reason/)
    expect(stderr).to.match(
      /⚠ \.trivyignore:2: CVE-2 is not ignored any more: the rule expired on 2026-01-01/,
    )
  })

  const refused: [what: string, argv: string[], message: RegExp][] = [
    ['nothing to scan', [], /There is nothing to scan/],
    ['an app for an image', ['app1'], /Scan the image its values name: k8sflow scan -p app1/],
    ['no severity', ['nginx', '--severity', 'BAD'], /--severity "BAD" is none of/],
    ['a missing ignore file', ['nginx', '--ignore-file', 'none'], /ignore file none cannot be used/],
    ['another format', ['nginx', '--format', 'xml'], /table, json, sarif/],
  ]
  for (const [what, argv, message] of refused)
    it(`refuses ${what} without asking trivy`, async () => {
      await answers({})
      const { exitCode, stderr } = await run(argv)
      expect(exitCode).to.equal(2)
      expect(stderr).to.match(message)
      expect(await calls('version')).to.deep.equal([])
    })

  it('ends with 130 when it is interrupted, leaving nothing behind', async () => {
    await answers({ x: { wait: true } })
    const done = run(['localhost:1/x/a', 'localhost:1/x/b'])
    while ((await calls('waiting')).length === 0) await new Promise((resolve) => setTimeout(resolve, 20))
    process.emit('SIGINT')
    const { exitCode, stderr } = await done
    expect(exitCode).to.equal(130)
    expect(stderr).to.match(/Interrupted: not everything was scanned/)
    expect(await calls('image')).to.have.lengthOf(1)
  })

  it('ends with 130 when it is interrupted while SARIF is made', async () => {
    await answers({ convert: { wait: true }, x: report('clean-end-of-life') })
    const done = run(['localhost:1/x/a', '--format', 'sarif'])
    while ((await calls('waiting')).length === 0) await new Promise((resolve) => setTimeout(resolve, 20))
    process.emit('SIGINT')
    const { exitCode, stdout } = await done
    expect(exitCode).to.equal(130)
    expect(stdout).to.equal('')
  })
})
