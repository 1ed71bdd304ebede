import { expect } from 'chai'

import { checkAccess, connectionFailure, refused } from '../../../src/cluster/access.js'
import type { ClusterTarget } from '../../../src/cluster/cluster.js'
import { TimeoutFailure } from '../../../src/cluster/http.js'
import { ClusterAccessError } from '../../../src/errors.js'
import { fakeCluster } from './fake-cluster.js'

const target: ClusterTarget = {
  context: 'pi',
  server: 'https://127.0.0.1:6443',
  user: 'me',
  kubeconfig: '~/.kube/config',
  contexts: ['pi', 'cloud'],
}
const away: ClusterTarget = { ...target, server: 'https://pi.lan:6443' }
const failed = (code: string, message = code) => Object.assign(new Error(message), { code })

describe('access errors', () => {
  const cases: [string, ClusterTarget, unknown, string, RegExp, RegExp][] = [
    [
      'refused here',
      target,
      failed('ECONNREFUSED'),
      'CLUSTER_REFUSED',
      /Nothing listens at https:\/\/127\.0\.0\.1:6443/,
      /replace 127\.0\.0\.1 by the Pi's address/,
    ],
    [
      'refused there',
      away,
      failed('ECONNREFUSED'),
      'CLUSTER_REFUSED',
      /Nothing listens/,
      /systemctl status k3s/,
    ],
    [
      'no answer',
      away,
      new TimeoutFailure('connect', 5000),
      'CLUSTER_TIMEOUT',
      /no connection within 5 s/,
      /port 6443 is open/,
    ],
    ['no route', away, failed('EHOSTUNREACH'), 'CLUSTER_TIMEOUT', /no route/, /same network or VPN/],
    [
      'slow',
      away,
      new TimeoutFailure('answer', 30_000),
      'CLUSTER_SLOW',
      /longer than 30 s/,
      /load of the server/,
    ],
    [
      'unknown host',
      away,
      failed('ENOTFOUND'),
      'CLUSTER_UNKNOWN_HOST',
      /pi\.lan cannot be resolved/,
      /spelling of "server"/,
    ],
    [
      'another name',
      away,
      failed(
        'ERR_TLS_CERT_ALTNAME_INVALID',
        "Hostname/IP does not match certificate's altnames: Host: pi.lan. is not in the cert's altnames: DNS:kubernetes, IP Address:10.43.0.1",
      ),
      'CLUSTER_TLS_NAME',
      /for other names: kubernetes, 10\.43\.0\.1\./,
      /--tls-san pi\.lan/,
    ],
    [
      'unknown CA',
      away,
      failed('UNABLE_TO_VERIFY_LEAF_SIGNATURE'),
      'CLUSTER_UNKNOWN_CA',
      /authority the kubeconfig does not know/,
      /k3s\.yaml/,
    ],
    [
      'self-signed',
      away,
      failed('DEPTH_ZERO_SELF_SIGNED_CERT'),
      'CLUSTER_UNKNOWN_CA',
      /authority/,
      /reinstalled/,
    ],
    ['too early', away, failed('CERT_NOT_YET_VALID'), 'CLUSTER_CERTIFICATE_DATE', /not valid yet/, /clocks/],
    ['no TLS', away, failed('EPROTO'), 'CLUSTER_NOT_TLS', /does not speak TLS/, /port/],
    [
      'client certificate refused',
      away,
      failed('ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED'),
      'CLUSTER_UNAUTHORIZED',
      /does not accept the credentials of user "me"/,
      /from the server again/,
    ],
    [
      'anything else',
      away,
      failed('ECONNRESET', 'socket hang up'),
      'CLUSTER_UNREACHABLE',
      /cannot be reached: socket hang up/,
      /--context: cloud/,
    ],
  ]
  for (const [what, where, failure, code, message, advice] of cases)
    it(`has its own advice: ${what}`, () => {
      const error = connectionFailure(where, failure)
      expect(error.code).to.equal(code)
      expect(error.exitCode).to.equal(5)
      expect(error.message).to.match(message)
      expect(error.suggestions.join('\n')).to.match(advice)
      expect(error.suggestions.at(-1)).to.include('--context: cloud')
    })

  it('says which verb and resource are forbidden, and where', () => {
    const message =
      'secrets is forbidden: User "me" cannot list resource "secrets" in API group "" in the namespace "we-road"'
    const error = refused(target, 403, JSON.stringify({ kind: 'Status', message }))
    expect(error.message).to.include('User "me" may not list secrets in namespace we-road')
    expect(error.suggestions[0]).to.include('allows "list" on "secrets" in namespace we-road')
    const wide =
      'deployments.apps is forbidden: User "me" cannot list resource "deployments" in API group "apps" at the cluster scope'
    expect(refused(target, 403, JSON.stringify({ message: wide })).message).to.include(
      'may not list deployments.apps (',
    )
  })
})

describe('checkAccess', () => {
  const version = { gitVersion: 'v1.37.2' }
  const needs = [{ verb: 'list', resource: 'secrets', namespace: 'we-road' }]

  it('gives the version when all needs are met', async () => {
    const cluster = fakeCluster(({ path }) => (path === '/version' ? version : { status: { allowed: true } }))
    expect(await checkAccess(cluster, needs)).to.deep.equal({ version: 'v1.37.2' })
  })

  it('names the need that is not met', async () => {
    const cluster = fakeCluster(({ path }) =>
      path === '/version' ? version : { status: { allowed: false } },
    )
    const error = await checkAccess(cluster, needs).catch((caught: unknown) => caught as ClusterAccessError)
    expect(error).to.be.instanceOf(ClusterAccessError).with.property('code', 'CLUSTER_FORBIDDEN')
  })

  it('refuses a server that is no Kubernetes, and 401', async () => {
    const page = fakeCluster(() => ({ status: 200, text: '<html>router</html>' }))
    const error = await checkAccess(page).catch((caught: unknown) => caught as ClusterAccessError)
    expect(error).to.have.property('code', 'CLUSTER_NOT_KUBERNETES')
    const unknown = fakeCluster(() => ({ status: 401, text: '{"kind":"Status"}' }))
    const second = await checkAccess(unknown).catch((caught: unknown) => caught as ClusterAccessError)
    expect(second).to.have.property('code', 'CLUSTER_UNAUTHORIZED')
  })
})
