import { expect } from 'chai'
import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import Deploy from '../../src/commands/deploy.js'
import Hosts from '../../src/commands/hosts.js'
import TlsCa from '../../src/commands/tls/ca.js'
import TlsSelfSigned from '../../src/commands/tls/self-signed.js'
import type { ExposeCheckResult } from '../../src/services/expose-check.js'
import { ROOT } from '../commands/harness.js'
import { k8sflow, removeAll, suiteCluster, withFile } from './cli.js'
import { insideCluster } from './docker.js'
import { nodeAddress } from './machine/namespace.js'
import { waitFor } from './machine/wait.js'

const HOST = 'app1-it.info'
const RUN_COMMAND = ['--import', 'tsx', join(ROOT, 'test', 'cluster', 'run-command.ts'), 'expose/check']
/** The file named first stands for /etc/hosts, in a mount namespace of its own. */
const WITH_HOSTS = 'mount --bind "$0" /etc/hosts && exec "$@"'

describe('k8sflow expose check', () => {
  let folder: string
  let file: string
  let ca: string

  before(async function () {
    if (process.env['K8SFLOW_TEST_CLUSTER'] !== 'own') this.skip()
    folder = await mkdtemp(join(tmpdir(), 'k8sflow-expose-'))
    file = join(folder, 'hosts')
    ca = join(folder, 'ca.crt')
    await writeFile(file, '127.0.0.1 localhost\n')
    const ingress = { tls: { enabled: true, issuer: 'none' } }
    const firstApp = { create: true, appName: 'app1', env: 'staging', countries: ['it'], ingress }
    await withFile(JSON.stringify({ firstApp }), async (values) => {
      const { exitCode, stderr } = await k8sflow(Deploy, ['-f', values])
      expect(exitCode, stderr).to.equal(0)
    })
  })
  after(async () => {
    if (folder === undefined) return
    await rm(folder, { recursive: true })
    await removeAll(['it'])
    const path = '/api/v1/namespaces/we-road/secrets/k8sflow-ca'
    await (await suiteCluster()).find({ method: 'DELETE', path })
  })

  /** Runs the command in the node's network, with the hosts file of the test. */
  const check = async (...argv: string[]): Promise<ExposeCheckResult & { exitCode: number | undefined }> => {
    const command = [process.execPath, ...RUN_COMMAND, ...argv, '--json']
    const { stdout, stderr, exitCode } = await insideCluster(
      'unshare',
      ['--mount', 'sh', '-c', WITH_HOSTS, file, ...command],
      { cwd: ROOT },
    )
    if (stdout === '') throw new Error(stderr)
    return { ...(JSON.parse(stdout) as ExposeCheckResult), exitCode }
  }
  const fails = async (hop: string, ...argv: string[]) => {
    const { failed, exitCode, hops } = await check(...argv)
    expect(failed?.hop, JSON.stringify(hops)).to.equal(hop)
    expect(exitCode).to.equal(1)
    return [failed!.text, ...failed!.advice].join('\n')
  }
  /** The ingress takes up what is new a moment later. */
  const comesTo = async (what: string, ...argv: string[]) =>
    waitFor({ what, seconds: 180, intervalMs: 300 }, async () => {
      const { ok, failed } = await check(...argv)
      if (!ok) throw new Error(JSON.stringify(failed))
      return true
    })

  it('names the hop that is missing, one after the other, until the app answers over HTTP', async () => {
    expect(await fails('name', HOST, '--port', '80')).to.match(/hosts --write|resolv\.conf/)
    await waitFor({ what: 'the address of the Ingress', seconds: 180 }, async () => {
      return (await k8sflow(Hosts, ['--write', '--hosts-file', file])).exitCode === 0
    })
    expect(await fails('port', HOST, '--port', '81')).to.include('nothing listens')
    await comesTo('app1 over HTTP', HOST, '--port', '80')
    await appendFile(file, `${nodeAddress} app2-it.info\n`)
    expect(await fails('route', 'app2-it.info', '--port', '80')).to.include(
      'Traefik has no route for app2-it.info',
    )
  })

  it('compares the certificate of the ingress with the host, and trusts the exported CA', async () => {
    expect(await fails('tls', HOST)).to.include('ingress.tls')
    expect((await k8sflow(TlsSelfSigned, [])).exitCode).to.equal(0)
    expect((await k8sflow(TlsCa, ['-o', ca])).exitCode).to.equal(0)
    await comesTo('app1 over HTTPS', HOST, '--port', '80,443', '--ca', ca)
    const { hops } = await check(HOST)
    expect(hops.find(({ hop }) => hop === 'tls')?.text).to.include('is not trusted')
  })

  it('tells an app without pods from a host without a route', async () => {
    const cluster = await suiteCluster()
    await cluster.send({
      method: 'PATCH',
      path: '/apis/apps/v1/namespaces/we-road-it/deployments/app1-it/scale',
      contentType: 'application/merge-patch+json',
      body: { spec: { replicas: 0 } },
    })
    // Until Traefik knows that the pod is gone, it tries to reach it, and gives no answer for a while.
    await waitFor({ what: 'Traefik to find no pod', seconds: 180, intervalMs: 300 }, async () => {
      const { failed, hops } = await check(HOST, '--port', '80')
      if (failed?.hop !== 'app') throw new Error(JSON.stringify(hops))
      return true
    })
    expect(await fails('app', HOST, '--port', '80')).to.include('k8sflow status')
  })
})
