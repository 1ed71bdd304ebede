import { expect } from 'chai'
import { existsSync } from 'node:fs'
import { join } from 'node:path'

import { chartPath } from '../../../src/tools/chart.js'

describe('the chart to deploy', () => {
  const before = process.env['K8SFLOW_CHART']
  beforeEach(() => delete process.env['K8SFLOW_CHART'])
  afterEach(() => {
    if (before === undefined) delete process.env['K8SFLOW_CHART']
    else process.env['K8SFLOW_CHART'] = before
  })

  it('is the one that travels with the package, from any folder', () => {
    expect(existsSync(join(chartPath(), 'Chart.yaml'))).to.equal(true)
    expect(chartPath()).to.match(/^\/.*\/helm$/)
  })

  it('is another one where --chart or K8SFLOW_CHART says so, the flag first', () => {
    process.env['K8SFLOW_CHART'] = 'variable.tgz'
    expect(chartPath()).to.equal('variable.tgz')
    expect(chartPath('oci://registry.io/flag')).to.equal('oci://registry.io/flag')
  })

  it('is refused by its place where there is none', () => {
    expect(() => chartPath('/nowhere'))
      .to.throw('There is no chart in /nowhere')
      .that.includes({ code: 'CHART_NOT_FOUND', exitCode: 2 })
  })
})
