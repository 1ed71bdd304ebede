import { expect } from 'chai'

import { countsText, type Gate, isBlocking, sortFindings } from '../../../src/services/scan-findings.js'
import { parseReport } from '../../../src/tools/trivy-report.js'
import { readReport } from '../tools/trivy-fixtures.js'

const GATE: Gate = { severities: ['CRITICAL', 'HIGH'], ignoreUnfixed: false }

describe('sorting findings', () => {
  it('counts all severities, and lists those asked for, the worst first', () => {
    const sorted = sortFindings(readReport('debian-amd64'), GATE)
    expect(sorted.counts).to.deep.equal({ CRITICAL: 1, HIGH: 2, MEDIUM: 1, LOW: 1, UNKNOWN: 1 })
    expect(sorted.findings.map(({ id, fixed }) => [id, fixed])).to.deep.equal([
      ['CVE-2026-10001', '1.26.3-3+deb13u1'],
      ['CVE-2026-10002', null],
      ['CVE-2026-10007', '2.31.0, 3.0.1'],
    ])
    expect(sorted.unfixed).to.equal(0)
  })

  it('leaves out what has no fix when asked to, and counts that', () => {
    const sorted = sortFindings(readReport('debian-amd64'), { ...GATE, ignoreUnfixed: true })
    expect(sorted.counts).to.deep.equal({ CRITICAL: 1, HIGH: 1, MEDIUM: 1, LOW: 0, UNKNOWN: 0 })
    expect(sorted.findings.map(({ id }) => id)).to.deep.equal(['CVE-2026-10001', 'CVE-2026-10007'])
    expect(sorted.unfixed).to.equal(1)
  })

  it('never leaves out a secret', () => {
    const sorted = sortFindings(readReport('debian-arm64'), { ...GATE, ignoreUnfixed: true })
    expect(sorted.findings.filter(({ kind }) => kind === 'secret')).to.have.lengthOf(2)
  })

  it('gives the reasons of what is ignored: of the statement, else of the ignore file', () => {
    const rules = [{ id: 'CVE-2026-10004', line: 2, reason: 'only answers /ping', expired: false }]
    const file = { path: '.trivyignore', rules, problems: [] }
    const [plain] = sortFindings(readReport('debian-amd64'), GATE, file).ignored
    expect(plain).to.deep.equal({
      kind: 'vulnerability',
      id: 'CVE-2026-10004',
      severity: 'HIGH',
      package: 'nginx',
      reason: 'only answers /ping',
      source: 'ign',
    })
    const stated = sortFindings(readReport('ignored'), GATE, file).ignored
    expect(stated.map(({ reason }) => reason)).to.deep.equal([
      'this parser is not reached',
      'vulnerable_code_not_in_execute_path',
      'it is an example',
    ])
  })

  it('has no reason where nobody gave one', () => {
    expect(sortFindings(readReport('debian-amd64'), GATE).ignored[0]?.reason).to.equal('')
  })

  it('lets no text of an advisory reach the terminal as it is', () => {
    const entry = {
      VulnerabilityID: 'CVE-1\u001b[2J',
      PkgName: 'a\nb',
      Title: '\u001b]0;x\u0007 title',
      Severity: 'HIGH',
    }
    const report = parseReport({
      SchemaVersion: 2,
      Results: [{ Class: 'os-pkgs', Vulnerabilities: [entry] }],
    })
    expect(JSON.stringify(sortFindings(report, GATE))).not.to.match(/\\u001b|\\u0007|\\n/)
  })

  it('decides for SARIF as it decides here', () => {
    for (const name of ['debian-amd64', 'debian-arm64'])
      for (const ignoreUnfixed of [true, false]) {
        const report = readReport(name)
        const gate = { ...GATE, ignoreUnfixed }
        const blocking = report.findings.filter((finding) => isBlocking(finding, gate))
        expect(blocking).to.have.lengthOf(sortFindings(report, gate).findings.length)
      }
  })

  it('says counts in words', () => {
    const { counts } = sortFindings(readReport('debian-amd64'), GATE)
    expect(countsText(counts, GATE.severities)).to.equal('1 CRITICAL, 2 HIGH')
    expect(countsText(counts, ['LOW'])).to.equal('1 LOW')
  })
})
