import { expect } from 'chai'

import { pinnedContext } from '../../../src/cluster/cluster.js'

describe('the context helm is given', () => {
  const target = { server: 'https://pi:6443', user: 'u', kubeconfig: '~/.kube/config', contexts: ['pi'] }

  it('is the one the cluster was reached by', () => {
    expect(pinnedContext({ ...target, context: 'pi' })).to.equal('pi')
  })

  it('is none inside a pod, where helm could not know it', () => {
    expect(pinnedContext({ ...target, context: '' })).to.equal(undefined)
    expect(pinnedContext({ ...target, context: 'inClusterContext' })).to.equal(undefined)
  })
})
