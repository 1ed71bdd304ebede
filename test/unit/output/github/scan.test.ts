import { expect } from 'chai'

import { scanReport } from '../../../../src/output/github/scan.js'
import { finding, scanned, scanResult } from '../../services/scanned-image.js'

const dockerfile = { path: 'samples/app1/Dockerfile', line: 2 }

describe('the report of a scan for GitHub', () => {
  it('annotates each finding once, at the Dockerfile of its app', () => {
    const findings = [finding(), finding({ id: 'CVE-2026-2', severity: 'CRITICAL', fixed: null })]
    const report = scanReport(
      scanResult([
        scanned({ findings, dockerfile }),
        scanned({ findings, dockerfile, platform: 'linux/arm64' }),
        scanned({ image: 'nginx:1', apps: [], findings: [finding()] }),
      ]),
    )
    expect(report.annotations).to.deep.equal([
      {
        level: 'error',
        title: 'CRITICAL CVE-2026-2',
        message: 'nginx 1.26 in hecha00/app1:1, not fixed yet\nnginx: made up\nhttps://example.com/1',
        file: 'samples/app1/Dockerfile',
        line: 2,
      },
      {
        level: 'error',
        title: 'HIGH CVE-2026-1',
        message: 'nginx 1.26 in hecha00/app1:1, fixed in 1.27\nnginx: made up\nhttps://example.com/1',
        file: 'samples/app1/Dockerfile',
        line: 2,
      },
      {
        level: 'error',
        title: 'HIGH CVE-2026-1',
        message: 'nginx 1.26 in nginx:1, fixed in 1.27\nnginx: made up\nhttps://example.com/1',
      },
    ])
    expect(report.outputs).to.deep.equal({ passed: 'false' })
  })

  it('keeps the worst where there are more than GitHub shows', () => {
    const many = Array.from({ length: 12 }, (_, index) => finding({ id: `CVE-${String(index)}` }))
    const { annotations } = scanReport(
      scanResult([
        scanned({ findings: many, dockerfile }),
        scanned({
          image: 'hecha00/app2:1',
          findings: [finding({ id: 'CVE-WORST', severity: 'CRITICAL' })],
          dockerfile: { path: 'samples/app2/Dockerfile', line: 2 },
        }),
      ]),
    )
    expect(annotations).to.have.lengthOf(10)
    expect(annotations[0]).to.include({ title: 'CRITICAL CVE-WORST', file: 'samples/app2/Dockerfile' })
    expect(annotations[9]).to.include({ message: 'and 4 more; see the log and the job summary' })
  })

  it('says nothing of a secret but where it is', () => {
    const secret = finding({
      kind: 'secret',
      id: 'private-key',
      package: '/srv/key.pem:1',
      installed: '',
      fixed: null,
      title: 'Asymmetric Private Key',
      url: '',
    })
    const { annotations, summary } = scanReport(scanResult([scanned({ findings: [secret] })]))
    expect(annotations[0]?.message).to.equal('/srv/key.pem:1 in hecha00/app1:1\nAsymmetric Private Key')
    expect(summary).to.include('private-key | <code>/srv/key.pem:1</code> | <code></code> |  |')
  })

  it('sums up counts, findings and what could not be scanned', () => {
    const failure = {
      image: 'x/y:1',
      platform: null,
      code: 'X',
      message: 'x/y:1 | no',
      suggestions: ['Log in.'],
    }
    const counts = { CRITICAL: 0, HIGH: 1, MEDIUM: 2, LOW: 3, UNKNOWN: 4 }
    const { summary, annotations } = scanReport(
      scanResult([scanned({ findings: [finding()], counts })], { failures: [failure], passed: false }),
    )
    expect(summary?.split('\n')).to.deep.equal([
      '## Findings of severity CRITICAL or HIGH in 1 image; 1 scan failed',
      '',
      '| Image | Platform | CRITICAL | HIGH | MEDIUM | LOW | UNKNOWN | Ignored |',
      '| --- | --- | --- | --- | --- | --- | --- | --- |',
      '| <code>hecha00/app1:1</code> | linux/amd64 | 0 | 1 | 2 | 3 | 4 | 0 |',
      '',
      '| Severity | ID | Package | Installed | Fixed in | Image | Title |',
      '| --- | --- | --- | --- | --- | --- | --- |',
      '| HIGH | CVE-2026-1 | <code>nginx</code> | <code>1.26</code> | <code>1.27</code> | <code>hecha00/app1:1</code> | nginx: made up |',
      '',
      '| Not scanned | Why |',
      '| --- | --- |',
      '| <code>x/y:1</code> | x/y:1 &#124; no |',
    ])
    expect(annotations.at(-1)).to.deep.equal({ level: 'error', message: 'x/y:1 | no\nLog in.' })
  })

  it('has little to say when all is well', () => {
    expect(scanReport(scanResult([scanned()]))).to.deep.include({
      annotations: [],
      outputs: { passed: 'true' },
    })
    expect(scanReport(scanResult([scanned()])).summary).to.match(
      /^## No findings of severity CRITICAL or HIGH\n/,
    )
  })
})
