import { expect } from 'chai'

import { scanText } from '../../../src/output/scan-text.js'
import { finding, scanned, scanResult } from '../services/scanned-image.js'

const text = (...args: Parameters<typeof scanResult>) => scanText(scanResult(...args))

describe('the text of a scan', () => {
  it('shows platforms in which the same was found as one', async () => {
    const found = { findings: [finding()], counts: { CRITICAL: 0, HIGH: 1, MEDIUM: 0, LOW: 0, UNKNOWN: 0 } }
    const shown = await text([
      scanned({ ...found }),
      scanned({ ...found, platform: 'linux/arm64' }),
      scanned({ platform: 'linux/arm/v7' }),
    ])
    expect(shown.split('\n')).to.deep.equal([
      '   IMAGE           PLATFORM                 OS           CRITICAL  HIGH  MEDIUM  LOW  UNKNOWN  IGNORED',
      '✗  hecha00/app1:1  linux/amd64,linux/arm64  debian 13.1  0         1     0       0    0        0',
      '✔  hecha00/app1:1  linux/arm/v7             debian 13.1  0         0     0       0    0        0',
      '',
      'hecha00/app1:1 linux/amd64 linux/arm64',
      'SEVERITY  ID          PACKAGE  INSTALLED  FIXED IN  TITLE           LINK',
      'HIGH      CVE-2026-1  nginx    1.26       1.27      nginx: made up  https://example.com/1',
      '',
    ])
  })

  it('shortens digests and titles, and says what has no fix, or no system', async () => {
    const shown = await text([
      scanned({
        image: `hecha00/app1@sha256:${'a'.repeat(64)}`,
        platform: null,
        os: null,
        findings: [
          finding({ fixed: null, title: 'x'.repeat(80), path: 'usr/lib/x.jar' }),
          finding({ title: '', url: '' }),
        ],
      }),
    ])
    expect(shown).to.match(/✗ +hecha00\/app1@sha256:aaaaaaaaaaaa… +- +- +/)
    expect(shown).to.match(/nginx \(usr\/lib\/x\.jar\) +1\.26 +none yet +x{59}… /)
    expect(shown).to.match(/1\.27 +- +-\n/)
  })

  it('shows fifty findings of an image, and counts the others', async () => {
    const findings = Array.from({ length: 53 }, (_, index) => finding({ id: `CVE-${String(index)}` }))
    const shown = await text([scanned({ findings })])
    expect(shown.match(/CVE-/g)).to.have.lengthOf(50)
    expect(shown).to.match(/and 3 more; --json has them all/)
  })

  it('says what was ignored or left out, and why', async () => {
    const entry = {
      kind: 'vulnerability',
      id: 'CVE-9',
      severity: 'HIGH',
      package: 'nginx',
      source: '.trivyignore',
    } as const
    const shown = await text([
      scanned({
        ignored: [
          { ...entry, reason: 'not reached' },
          { ...entry, id: 'CVE-8', reason: '' },
        ],
        unfixed: 2,
      }),
    ])
    expect(shown).to.match(/• CVE-9 \(HIGH\) of nginx ignored by \.trivyignore: not reached\n/)
    expect(shown).to.match(/• CVE-8 .*: no reason given\n/)
    expect(shown).to.match(/• 2 of severity CRITICAL or HIGH left out: nobody has fixed them yet\n/)
  })

  it('says that nothing was scanned', async () => {
    expect(await text([])).to.equal('Nothing was scanned.\n')
  })
})
