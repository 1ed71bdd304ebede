import { expect } from 'chai'

import { checkScanOptions } from '../../../src/services/scan-options.js'

describe('options of scan', () => {
  it('are tidied', () => {
    expect(
      checkScanOptions({
        severity: ['low,CRITICAL', ' high'],
        platform: ['linux/arm64/v8,linux/amd64', 'linux/amd64', 'linux/arm/7'],
      }),
    ).to.deep.equal({
      severities: ['CRITICAL', 'HIGH', 'LOW'],
      platforms: ['linux/arm64', 'linux/amd64', 'linux/arm/v7'],
    })
  })

  const wrong: [string, { severity: string[]; platform?: string[] }, RegExp][] = [
    ['a severity', { severity: ['HIGHEST'] }, /--severity "HIGHEST" is none of CRITICAL, HIGH/],
    ['no severity', { severity: [''] }, /--severity is empty/],
    ['a platform', { severity: ['HIGH'], platform: ['arm64'] }, /--platform "arm64" is not a platform/],
    ['a long platform', { severity: ['HIGH'], platform: ['a/b/c/d'] }, /"a\/b\/c\/d"/],
    ['everything at once', { severity: ['X'], platform: ['y'] }, /^2 problems:\n.*"X".*\n.*"y"/],
  ]
  for (const [what, raw, message] of wrong)
    it(`are refused for ${what}`, () => {
      expect(() => checkScanOptions(raw)).to.throw(message)
    })
})
