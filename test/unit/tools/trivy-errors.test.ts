import { readFileSync } from 'node:fs'

import { expect } from 'chai'

import { trivyError, trivyReason } from '../../../src/tools/trivy-errors.js'

const stderrOf = (name: string) =>
  readFileSync(new URL(`../../fixtures/trivy/errors/${name}.txt`, import.meta.url), 'utf8')
const errorOf = (name: string) => trivyError('app1', { exitCode: 1, stdout: '', stderr: stderrOf(name) })

describe('trivy errors', () => {
  const cases: [fixture: string, kind: string, message: RegExp, suggestion: RegExp][] = [
    [
      'database',
      'database',
      /could not be downloaded\.\n {2}trivy says: .*network is unreachable/,
      /TRIVY_DB_REPOSITORY/,
    ],
    ['no-database', 'no-database', /no vulnerability database yet/, /unset TRIVY_SKIP_DB_UPDATE/],
    ['database-newer', 'database-unusable', /Local DB: 9, Expected: 2/, /newer trivy/],
    ['database-older', 'database-unusable', /Local DB: 1, Expected: 2/, /trivy clean --vuln-db/],
    ['database-broken', 'database-unusable', /invalid database/, /trivy clean --vuln-db/],
    ['busy', 'busy', /cache is in use/, /TRIVY_CACHE_DIR/],
    ['unauthorized', 'unauthorized', /refuses access\.\n {2}trivy says: GET .*UNAUTHORIZED/, /docker login/],
    ['denied', 'unauthorized', /DENIED: requested access/, /docker login/],
    ['not-found', 'not-found', /there is no such image\.\n.*MANIFEST_UNKNOWN/, /push the image first/],
    ['no-repository', 'not-found', /NAME_UNKNOWN/, /Check the name/],
    ['platform-missing', 'platform-missing', /no image for that platform/, /imagetools inspect/],
    ['unreachable', 'unreachable', /cannot be reached\.\n.*connection refused$/, /connection and the proxy/],
    ['untrusted', 'unreachable', /unknown authority/, /SSL_CERT_FILE/],
    ['not-a-layout', 'not-an-image', /as an OCI Image/, /OCI layout folder/],
    ['bad-name', 'not-an-image', /could not parse reference: 127\.0\.0\.1:5999\/x:1/, /image reference/],
    ['ignore-file', 'ignore-file', /line 2: did not find expected node content/, /^$/],
    ['timeout', 'timeout', /ran out of time/, /TRIVY_TIMEOUT/],
    ['no-space', 'no-space', /the disk is full/, /^$/],
  ]
  for (const [fixture, kind, message, suggestion] of cases)
    it(`tells ${fixture} by trivy's words`, () => {
      const error = errorOf(fixture)
      expect(error.kind).to.equal(kind)
      expect(error.message).to.match(/^app1 could not be scanned: /)
      expect(error.message).to.match(message)
      expect(error.suggestions.join(' ')).to.match(suggestion)
      expect(error.exitCode).to.equal(1)
    })

  it('does not take a missing engine for the reason', () => {
    for (const name of ['denied', 'unreachable', 'platform-missing', 'unauthorized'])
      expect(errorOf(name).message).not.to.match(/docker\.sock|containerd|podman/)
  })

  it('stops the whole scan only for what concerns every image', () => {
    const general = cases.filter(([fixture]) => errorOf(fixture).isGeneral).map(([, kind]) => kind)
    expect(new Set(general)).to.deep.equal(
      new Set(['database', 'no-database', 'database-unusable', 'busy', 'ignore-file', 'no-space']),
    )
  })

  it('says what trivy said when it knows no better', () => {
    const stderr =
      '2026-11-24T11:49:04Z\tFATAL\tFatal error\trun error: image scan error: scan error: scan failed: the moon is full'
    expect(trivyError('app1', { exitCode: 1, stdout: '', stderr })).to.include({
      kind: 'other',
      message: 'app1 could not be scanned: the moon is full.',
    })
    expect(trivyReason('')).to.equal('trivy gave no reason')
  })

  it('says which signal ended trivy', () => {
    const error = trivyError('app1', { exitCode: 1, stdout: '', stderr: '', endedBy: 'SIGKILL' })
    expect(error.kind).to.equal('interrupted')
    expect(error.message).to.match(/ended by SIGKILL/)
  })

  it('masks passwords', () => {
    const error = trivyError('app1', {
      exitCode: 1,
      stdout: '',
      stderr: 'x\tFATAL\tGet "https://me:hunter2@registry.example.com/v2/": no',
    })
    expect(JSON.stringify([error.message, error.data])).not.to.include('hunter2')
  })
})
