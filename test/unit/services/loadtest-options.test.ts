import { expect } from 'chai'

import { InvalidInputError } from '../../../src/errors.js'
import { checkLoadtestOptions, type LoadtestOptions } from '../../../src/services/loadtest-options.js'

const options = (more: Partial<LoadtestOptions>): LoadtestOptions => ({
  ...{ users: 50, spawnRate: 10, duration: '2m', via: 'ingress' },
  ...more,
})
const check = (more: Partial<LoadtestOptions>) => checkLoadtestOptions(options(more))

describe('the options of a load test', () => {
  it('are read into seconds, milliseconds and a URL', () => {
    expect(check({})).to.deep.equal({
      users: 50,
      spawnRate: 10,
      seconds: 120,
      watchSeconds: 0,
      via: 'ingress',
      limits: {},
    })
    expect(check({ maxP95: '200' }).limits).to.deep.equal({ maxP95: 200 })
    expect(check({ maxP95: '1.5s' }).limits).to.deep.equal({ maxP95: 1500 })
    expect(check({ maxFailures: '0' }).limits).to.deep.equal({ maxFailures: { count: 0 } })
    expect(check({ maxFailures: '0.5%' }).limits).to.deep.equal({ maxFailures: { percent: 0.5 } })
    expect(check({ watchScaleDown: '8m' }).watchSeconds).to.equal(480)
    expect(check({ watchScaleDown: '0s' }).watchSeconds).to.equal(0)
  })

  it('take an address in whatever way it is written', () => {
    for (const [given, url] of [
      ['192.168.1.10', 'http://192.168.1.10'],
      ['pi.lan:8080', 'http://pi.lan:8080'],
      ['https://10.0.0.1/', 'https://10.0.0.1'],
      ['fd00::10', 'http://[fd00::10]'],
      ['[fd00::10]:8080', 'http://[fd00::10]:8080'],
    ])
      expect(check({ address: given }).address, given).to.equal(url)
    for (const given of ['', 'ftp://pi', 'http://pi/path', 'http://u:p@pi', 'a b', 'http://pi?x=1'])
      expect(() => check({ address: given }), given).to.throw(InvalidInputError, '--address')
  })

  it('are refused where they mean nothing', () => {
    for (const more of [
      { users: 1.5 },
      { users: 10_001 },
      { spawnRate: 0 },
      { duration: '0s' },
      { duration: '25h' },
      { maxP95: '0' },
      { maxP95: '-1' },
      { maxFailures: '1.5' },
      { maxFailures: '%' },
      { watchScaleDown: 'soon' },
    ])
      expect(() => check(more), JSON.stringify(more)).to.throw(InvalidInputError)
  })
})
