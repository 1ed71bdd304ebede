import { expect } from 'chai'

import Values from '../../src/commands/values.js'
import { runCommandClass } from './harness.js'

describe('k8sflow values', () => {
  it('names an unknown flag and exits with 2', async () => {
    const result = await runCommandClass(Values, ['--nope'])
    expect(result.exitCode).to.equal(2)
    expect(result.stderr).to.include('--nope')
  })
})
