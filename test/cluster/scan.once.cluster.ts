import { expect } from 'chai'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import type { ScanResult } from '../../src/services/scan.js'
import { ROOT } from '../commands/harness.js'
import { docker, insideCluster } from './docker.js'
import { baseDir } from './machine/paths.js'
import { type Advisory, installTrivy, writeTrivyCache } from './machine/trivy.js'

/** Made up, for packages of the base image: below their fixed versions, whatever Debian has of them by then. */
const ADVISORIES: Advisory[] = [
  advisory('CVE-2026-20001', 'CRITICAL', 'gettext', '99-1'),
  advisory('CVE-2026-20002', 'HIGH', 'busybox'),
  // Of two packages: nginx and nginx-common.
  advisory('CVE-2026-20003', 'LOW', 'nginx', '99-1'),
  advisory('CVE-2026-20004', 'CRITICAL', 'nginx', '0.1-1'),
]

function advisory(id: string, severity: Advisory['severity'], source: string, fixed?: string): Advisory {
  return { id, debian: '12', source, severity, title: `${source}: made up`, ...(fixed ? { fixed } : {}) }
}

const PLATFORMS = ['linux/amd64', 'linux/arm64']

describe('scan with a real trivy', function () {
  let folder: string
  let env: Record<string, string>
  const tag = `scan-${String(Date.now())}`
  const repository = 'localhost:5000/hecha00/app1'
  let digest: string

  const run = (argv: string[], more: Record<string, string> = {}) => {
    const script = join(ROOT, 'test', 'cluster', 'run-command.ts')
    const node = [
      '--import',
      join(ROOT, 'node_modules', 'tsx', 'dist', 'esm', 'index.mjs'),
      script,
      'scan',
      ...argv,
    ]
    return insideCluster(process.execPath, node, { cwd: folder, env: { ...env, ...more } })
  }
  const json = async (argv: string[], more: Record<string, string> = {}) => {
    const { stdout, stderr, exitCode } = await run([...argv, '--json'], more)
    if (stdout === '') throw new Error(stderr)
    return { result: JSON.parse(stdout) as ScanResult, exitCode }
  }
  const build = async (...argv: string[]) => {
    const base = `--build-arg=NGINX_IMAGE=${process.env['K8SFLOW_TEST_BASE_IMAGE']!}`
    const context = join(ROOT, 'samples', 'app1')
    const { exitCode, stderr } = await docker(['buildx', 'build', '--progress=plain', base, ...argv, context])
    expect(exitCode, stderr).to.equal(0)
  }
  const idsOf = ({ images }: ScanResult) =>
    images.map(({ platform, findings }) => [platform, ...findings.map(({ id }) => id)])
  const FOUND = PLATFORMS.map((platform) => [platform, 'CVE-2026-20001', 'CVE-2026-20002'])

  before(async function () {
    if (process.env['K8SFLOW_TEST_CLUSTER'] !== 'own') this.skip()
    folder = await mkdtemp(join(tmpdir(), 'k8sflow-scan-'))
    await writeTrivyCache(join(folder, 'cache'), ADVISORIES)
    env = {
      K8SFLOW_TRIVY: await installTrivy(),
      TRIVY_CACHE_DIR: join(folder, 'cache'),
      TRIVY_SKIP_DB_UPDATE: 'true',
    }
    const metadata = join(folder, 'metadata.json')
    await build(
      `--platform=${PLATFORMS.join()}`,
      '--push',
      `--tag=${repository}:${tag}`,
      `--metadata-file=${metadata}`,
    )
    digest = (JSON.parse(await readFile(metadata, 'utf8')) as Record<string, string>)[
      'containerimage.digest'
    ]!
  })

  after(async () => {
    if (folder) await rm(folder, { recursive: true })
  })

  it('finds in each platform of a pushed image what the database says, by digest', async () => {
    const image = `${repository}@${digest}`
    const { result, exitCode } = await json([image])
    expect(exitCode).to.equal(8)
    expect(idsOf(result)).to.deep.equal(FOUND)
    for (const scanned of result.images) {
      expect(scanned).to.deep.include({
        image,
        apps: ['app1'],
        digest,
        counts: { CRITICAL: 1, HIGH: 1, MEDIUM: 0, LOW: 2, UNKNOWN: 0 },
      })
      expect(scanned.os).to.include({ family: 'debian', endOfLife: false })
      expect(scanned.findings[0]).to.include({
        package: 'gettext-base',
        fixed: '99-1',
        title: 'gettext: made up',
      })
      expect(scanned.findings[1]).to.include({ package: 'busybox-static', fixed: null, status: 'affected' })
    }
  })

  it('takes the image of a values file', async () => {
    const section = { create: true, countries: ['it'], image: { repository, digest } }
    await writeFile(join(folder, 'app1-production.yml'), JSON.stringify({ firstApp: section }))
    const { result } = await json([])
    expect(result.images[0]).to.deep.include({
      image: `${repository}@${digest}`,
      files: ['app1-production.yml'],
    })
    expect(idsOf(result)).to.deep.equal(FOUND)
  })

  it('finds the same in the layout that buildx writes, and in one without attestations', async () => {
    const out = join(folder, 'out', 'app1')
    await build(`--platform=${PLATFORMS.join()}`, `--output=type=oci,tar=false,dest=${out}`)
    expect(idsOf((await json(['out'])).result)).to.deep.equal(FOUND)
    const base = await json([baseDir, '--platform', 'linux/arm64'])
    expect(idsOf(base.result)).to.deep.equal(FOUND.slice(1))
  })

  it('passes with a fix only where that is asked for, and with reasons for the rest', async () => {
    await writeFile(join(folder, 'accepted.txt'), '# nothing but /ping is served\nCVE-2026-20001\n')
    const argv = [`${repository}:${tag}`, '--ignore-unfixed', '--ignore-file', 'accepted.txt']
    const { result, exitCode } = await json(argv)
    expect(exitCode).to.equal(0)
    expect(result).to.include({ passed: true })
    expect(result.warnings).to.deep.equal([])
    for (const { ignored, unfixed } of result.images) {
      expect(unfixed).to.equal(1)
      expect(ignored).to.deep.equal([
        {
          kind: 'vulnerability',
          id: 'CVE-2026-20001',
          severity: 'CRITICAL',
          package: 'gettext-base',
          reason: 'nothing but /ping is served',
          source: 'accepted.txt',
        },
      ])
    }
  })

  it('reads reasons in YAML, which trivy gives back', async () => {
    const text =
      'vulnerabilities:\n  - id: CVE-2026-20001\n    statement: not reached\n    expired_at: 2099-01-01\n'
    await writeFile(join(folder, 'accepted.yaml'), text)
    const argv = [`${repository}:${tag}`, '--platform', 'linux/arm64', '--ignore-file', 'accepted.yaml']
    const { result } = await json(argv)
    expect(result.images[0]?.ignored[0]).to.include({ id: 'CVE-2026-20001', reason: 'not reached' })
    expect(idsOf(result)).to.deep.equal([['linux/arm64', 'CVE-2026-20002']])
  })

  it('prints SARIF with a run for each platform', async () => {
    const { stdout, exitCode } = await run([
      `${repository}:${tag}`,
      '--format',
      'sarif',
      '--severity',
      'CRITICAL',
    ])
    expect(exitCode).to.equal(8)
    const log = JSON.parse(stdout) as {
      version: string
      runs: { automationDetails: { id: string }; results: { ruleId: string; level: string }[] }[]
    }
    expect(log.version).to.equal('2.1.0')
    expect(log.runs.map((one) => one.automationDetails.id)).to.deep.equal(
      PLATFORMS.map((platform) => `k8sflow-scan/app1/${platform}/`),
    )
    for (const { results } of log.runs)
      expect(results.map(({ ruleId, level }) => [ruleId, level])).to.deep.equal([['CVE-2026-20001', 'error']])
  })

  it('finds a secret in a layer, and shows nothing of it', async () => {
    const context = join(folder, 'leak')
    const key = ['AKIA', 'Q7ZX4M2NPLRT6W3K'].join('')
    await mkdir(context)
    await writeFile(
      join(context, 'Dockerfile'),
      'ARG NGINX_IMAGE\nFROM ${NGINX_IMAGE}\nCOPY leak.env /srv/\n',
    )
    await writeFile(join(context, 'leak.env'), `AWS_ACCESS_KEY_ID=${key}\n`)
    const base = `--build-arg=NGINX_IMAGE=${process.env['K8SFLOW_TEST_BASE_IMAGE']!}`
    const to = `--output=type=oci,tar=false,dest=${join(folder, 'leaked')}`
    const { exitCode, stderr } = await docker([
      'buildx',
      'build',
      '--platform=linux/amd64',
      base,
      to,
      context,
    ])
    expect(exitCode, stderr).to.equal(0)
    const scan = await run(['leaked', '--ignore-unfixed'])
    expect(scan.exitCode).to.equal(8)
    expect(scan.stdout).to.match(/CRITICAL +aws-access-key-id +\/srv\/leak\.env:1 /)
    expect(scan.stdout + scan.stderr).not.to.include(key)
  })

  it('scans an image that only the Docker engine has', async () => {
    await build('--load', '--platform=linux/amd64', `--tag=hecha00/app1:${tag}-local`)
    const { result } = await json([`hecha00/app1:${tag}-local`])
    expect(idsOf(result)).to.deep.equal(FOUND.slice(0, 1))
    expect(result.warnings.join()).to.match(/only linux\/amd64 was scanned, as a local engine has it/)
  })

  it('lets neither trivy.yaml nor a variable leave out findings', async () => {
    const config = {
      vulnerability: { 'ignore-unfixed': true, 'ignore-status': ['affected'] },
      pkg: { types: ['library'] },
    }
    await writeFile(join(folder, 'narrow.json'), JSON.stringify(config))
    const env = { TRIVY_CONFIG: 'narrow.json', TRIVY_IGNORE_STATUS: 'affected' }
    const { result } = await json([baseDir, '--platform', 'linux/amd64'], env)
    expect(idsOf(result)).to.deep.equal(FOUND.slice(0, 1))
  })

  const missing: [what: string, image: () => string, argv: string[], message: RegExp][] = [
    [
      'a tag',
      () => `${repository}:none`,
      [],
      /no local engine has it\. localhost:5000 has no hecha00\/app1:none/,
    ],
    [
      'a repository',
      () => 'localhost:5000/hecha00/none:1',
      [],
      /no local engine has it\. localhost:5000 has no hecha00\/none:1/,
    ],
    [
      'a platform',
      () => `${repository}:${tag}`,
      ['--platform', 'linux/s390x'],
      /it has only linux\/amd64, linux\/arm64/,
    ],
  ]
  for (const [what, image, argv, message] of missing)
    it(`says so when ${what} is missing`, async () => {
      const { exitCode, stderr } = await run([image(), ...argv])
      expect(exitCode).to.equal(1)
      expect(stderr).to.match(message)
    })

  it('says so when nothing listens where the registry should be', async () => {
    const { exitCode, stderr } = await run(['localhost:5999/hecha00/app1:1', '--platform', 'linux/arm64'])
    expect(exitCode).to.equal(1)
    expect(stderr).to.match(/the registry cannot be reached\.\n.*connection refused/)
  })

  it('says so when there is no database, and none can be downloaded', async () => {
    const empty = { TRIVY_CACHE_DIR: join(folder, 'empty') }
    const skipped = await run([`${repository}:${tag}`], empty)
    expect(skipped.exitCode).to.equal(1)
    expect(skipped.stderr).to.match(/no vulnerability database yet[^]*unset TRIVY_SKIP_DB_UPDATE/)
    const mirror = {
      ...empty,
      TRIVY_SKIP_DB_UPDATE: 'false',
      TRIVY_DB_REPOSITORY: 'localhost:5000/no/trivy-db:2',
    }
    const download = await run([`${repository}:${tag}`], mirror)
    expect(download.exitCode).to.equal(1)
    expect(download.stderr).to.match(
      /◎ trivy downloads its database[^]*could not be downloaded[^]*TRIVY_DB_REPOSITORY/,
    )
  })
})
