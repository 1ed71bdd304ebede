import { expect } from 'chai'

import Status from '../../src/commands/status.js'
import { k8sflow } from './cli.js'
import {
  expiredKubeconfig,
  unauthorisedKubeconfig,
  unreachableKubeconfig,
  wrongAuthorityKubeconfig,
  wrongContextKubeconfig,
} from './machine/kubeconfigs.js'

describe('access to the cluster', () => {
  before(function () {
    // Certificates can only be issued for a cluster of our own.
    if (process.env['K8SFLOW_TEST_CLUSTER'] === 'foreign') this.skip()
  })

  const cases: [string, () => Promise<string>, RegExp, RegExp][] = [
    [
      'a server that nothing listens at',
      unreachableKubeconfig,
      /Nothing listens at https:\/\/127\.0\.0\.1:1 /,
      /this machine itself/,
    ],
    [
      'an expired certificate',
      expiredKubeconfig,
      /certificate of user "default" expired on \d{4}-\d\d-\d\d/,
      /fresh kubeconfig/,
    ],
    [
      'a user who may do nothing',
      unauthorisedKubeconfig,
      /may not list secrets in namespace we-road/,
      /a Role that allows "list" on "secrets"/,
    ],
    [
      'an unknown authority',
      wrongAuthorityKubeconfig,
      /an authority the kubeconfig does not know/,
      /from the server again/,
    ],
    ['a context that is not there', wrongContextKubeconfig, /There is no context "raspberry"/, /It has: pi/],
  ]
  for (const [what, kubeconfig, message, advice] of cases)
    it(`exits with 5 and its own advice: ${what}`, async () => {
      const { exitCode, stderr } = await k8sflow(Status, ['--kubeconfig', await kubeconfig()])
      expect(exitCode, stderr).to.equal(5)
      expect(stderr).to.match(message).and.match(advice)
    })
})
