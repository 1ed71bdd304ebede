import { expect } from 'chai'

import type { K8sflowError } from '../../src/errors.js'
import { settleBooleans, splitLists } from '../../src/flag-variables.js'

const FLAGS = {
  'dry-run': { type: 'boolean', env: 'K8SFLOW_DRY_RUN' },
  wait: { type: 'boolean', env: 'K8SFLOW_WAIT' },
  countries: { type: 'option', env: 'K8SFLOW_COUNTRIES', multiple: true },
  context: { type: 'option', env: 'K8SFLOW_CONTEXT' },
}

describe('variables of flags', () => {
  it('spells yes and no the way oclif reads them', () => {
    for (const [given, settled] of [
      ['on', 'true'],
      [' TRUE', 'true'],
      ['y', 'true'],
      ['off', 'false'],
      ['0', 'false'],
      ['', 'false'],
    ] as const) {
      const environment = { K8SFLOW_DRY_RUN: given, K8SFLOW_CONTEXT: 'on' }
      settleBooleans(FLAGS, environment)
      expect(environment, given).to.deep.equal({ K8SFLOW_DRY_RUN: settled, K8SFLOW_CONTEXT: 'on' })
    }
  })

  it('refuses a word that is neither, and names the variable', () => {
    let error: K8sflowError | undefined
    try {
      settleBooleans(FLAGS, { K8SFLOW_DRY_RUN: 'bogus' })
    } catch (thrown) {
      error = thrown as K8sflowError
    }
    expect(error?.exitCode).to.equal(2)
    expect(error?.message).to.include('K8SFLOW_DRY_RUN').and.to.include('bogus')
  })

  it('splits what came as one string, where a flag may be given more than once', () => {
    expect(splitLists({ countries: 'it,es', context: 'a,b', wait: true }, FLAGS)).to.deep.equal({
      countries: ['it', 'es'],
      context: 'a,b',
      wait: true,
    })
    expect(splitLists({ countries: ['it,es'] }, FLAGS)).to.deep.equal({ countries: ['it,es'] })
  })

  it('splits at line breaks where values have commas of their own', () => {
    const flags = { 'cache-from': { type: 'option', env: 'K8SFLOW_CACHE_FROM', multiple: true } }
    const text = 'type=registry,ref=a\ntype=gha\n'
    expect(splitLists({ 'cache-from': text }, flags)).to.deep.equal({
      'cache-from': ['type=registry,ref=a', 'type=gha'],
    })
    expect(splitLists({ 'cache-from': [text] }, flags)).to.deep.equal({ 'cache-from': [text] })
  })
})
