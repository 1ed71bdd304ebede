import { expect } from 'chai'

import { narrowReport, parseReport } from '../../../src/tools/trivy-report.js'
import { readReport } from './trivy-fixtures.js'

describe('trivy reports', () => {
  it('gives the vulnerabilities of packages and of files of languages', () => {
    const report = readReport('debian-amd64')
    expect(report).to.deep.include({
      os: { family: 'debian', name: '13.1', endOfLife: false },
      platform: 'linux/amd64',
      hasPackages: true,
    })
    expect(
      report.findings.map(({ id, severity, fixed, status }) => [id, severity, fixed, status]),
    ).to.have.deep.members([
      ['CVE-2026-10001', 'CRITICAL', '1.26.3-3+deb13u1', 'fixed'],
      ['CVE-2026-10002', 'HIGH', '', 'affected'],
      ['CVE-2026-10003', 'LOW', '', 'will_not_fix'],
      ['CVE-2026-10005', 'MEDIUM', '3.5.1-1+deb13u1', 'fixed'],
      ['CVE-2026-10006', 'UNKNOWN', '', 'affected'],
      ['CVE-2026-10007', 'HIGH', '2.31.0, 3.0.1', 'fixed'],
    ])
    expect(report.findings.find(({ id }) => id === 'CVE-2026-10007')).to.deep.equal({
      kind: 'vulnerability',
      id: 'CVE-2026-10007',
      severity: 'HIGH',
      package: 'requests',
      path: 'opt/tool/requests-2.0.0.dist-info/METADATA',
      installed: '2.0.0',
      fixed: '2.31.0, 3.0.1',
      status: 'fixed',
      title: 'requests: a made-up redirect to anywhere',
      url: 'https://avd.aquasec.com/nvd/cve-2026-10007',
    })
  })

  it('takes the first line of the description where there is no title', () => {
    const found = readReport('debian-amd64').findings.find(({ id }) => id === 'CVE-2026-10002')
    expect(found?.title).to.equal('openssl: a made-up flaw without a title.')
  })

  it('gives secrets by file and line, and nothing of what was matched', () => {
    const report = readReport('debian-arm64')
    const secrets = report.findings.filter(({ kind }) => kind === 'secret')
    expect(secrets.map(({ id, package: place, severity }) => [id, place, severity])).to.deep.equal([
      ['aws-access-key-id', '/srv/app/production.env:1', 'CRITICAL'],
      ['aws-secret-access-key', '/srv/app/production.env:2', 'CRITICAL'],
    ])
    expect(JSON.stringify(secrets)).not.to.match(/\*{4}|ACCESS_KEY_ID=/)
    expect(report.platform).to.equal('linux/arm64')
  })

  it('gives what was ignored, by which file and why', () => {
    const ignored = readReport('ignored').ignored
    expect(
      ignored.map(({ finding, status, statement, source }) => [
        finding.id,
        finding.kind,
        status,
        statement,
        source,
      ]),
    ).to.deep.equal([
      ['CVE-2026-10004', 'vulnerability', 'ignored', 'this parser is not reached', 'ign.yaml'],
      [
        'CVE-2026-10001',
        'vulnerability',
        'not_affected',
        'vulnerable_code_not_in_execute_path',
        'app.openvex.json',
      ],
      ['aws-access-key-id', 'secret', 'ignored', 'it is an example', 'ign.yaml'],
    ])
  })

  it('tells a system at its end, and one it does not know', () => {
    const old = readReport('clean-end-of-life')
    expect(old.os).to.deep.equal({ family: 'alpine', name: '3.12.1', endOfLife: true })
    expect(old.findings).to.deep.equal([])
    expect(old.repoDigests).to.deep.equal([`127.0.0.1:5000/hecha00/app2@sha256:${'2'.repeat(64)}`])
    expect(readReport('unknown-os')).to.deep.include({ os: null, hasPackages: false, findings: [] })
  })

  for (const json of [null, [], 'x', {}, { SchemaVersion: 1 }, { SchemaVersion: 3, Results: [] }])
    it(`refuses ${JSON.stringify(json)}`, () => {
      expect(() => parseReport(json)).to.throw(/reads schema 2/)
    })

  it('makes do with little', () => {
    const report = parseReport({ SchemaVersion: 2, Results: [{ Vulnerabilities: [{}] }, {}] })
    expect(report.findings).to.have.lengthOf(1)
    expect(report.findings[0]).to.include({ id: '', severity: 'UNKNOWN', fixed: '' })
  })

  it('narrows a report down under another name, for SARIF', () => {
    const narrow = narrowReport(
      readReport('debian-arm64'),
      ({ severity }) => severity === 'CRITICAL',
      'out/app1',
    )
    expect(narrow.ArtifactName).to.equal('out/app1')
    expect(narrow.Results?.map(({ Target: target }) => target)).to.deep.equal([
      'out/app1 (debian 13.1)',
      'Python',
      '/srv/app/production.env',
    ])
    const ids = narrow.Results?.flatMap((result) => [
      ...(result.Vulnerabilities ?? []).map((entry) => entry.VulnerabilityID),
      ...(result.Secrets ?? []).map((entry) => entry.RuleID),
    ])
    expect(ids).to.deep.equal(['CVE-2026-10001', 'aws-access-key-id', 'aws-secret-access-key'])
    expect(JSON.stringify(narrow)).not.to.include('layout-1')
  })
})
