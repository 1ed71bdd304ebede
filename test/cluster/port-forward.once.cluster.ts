import { expect } from 'chai'
import { execa } from 'execa'

import type { Cluster, ObjectMeta } from '../../src/cluster/cluster.js'
import { forwardPort, type ForwardedPort } from '../../src/cluster/port-forward.js'
import type { K8sflowError } from '../../src/errors.js'
import { deploy, removeAll, suiteCluster } from './cli.js'
import { unauthorisedKubeconfig } from './machine/kubeconfigs.js'
import { waitFor } from './machine/wait.js'
import { endpointsSettled } from './service-endpoints.js'

const COUNTRIES = ['it']
const TARGET = { namespace: 'we-road-it', service: 'app1-svc-it', port: 80 }

describe('port-forward', () => {
  let cluster: Cluster
  let forwarded: ForwardedPort | undefined

  before(async () => {
    cluster = await suiteCluster()
    await deploy({ app1: { countries: COUNTRIES } })
    await endpointsSettled(cluster, TARGET.namespace, TARGET.service)
  })
  afterEach(async () => forwarded?.close())
  after(async () => removeAll(COUNTRIES))

  const ping = async () => {
    const url = `http://127.0.0.1:${String(forwarded!.port)}/ping`
    return (await (await fetch(url, { headers: { connection: 'close' } })).text()).trim()
  }

  it('leads to an app, for many connections at once', async () => {
    forwarded = await forwardPort(cluster, TARGET)
    const answers = await Promise.all(Array.from({ length: 20 }, ping))
    expect([...new Set(answers)]).to.deep.equal(['hello from app1-staging-it'])
  })

  it('leads to the new pod when the pod was replaced', async () => {
    forwarded = await forwardPort(cluster, TARGET)
    const path = '/api/v1/namespaces/we-road-it/pods'
    const query = { labelSelector: 'app=app1-it' }
    const names = async () =>
      (await cluster.list<{ metadata: ObjectMeta }>({ path, query })).map(({ metadata }) => metadata.name)
    const before = await names()
    await cluster.send({ method: 'DELETE', path, query })
    // The old pod answers until it is gone.
    await waitFor({ what: 'the old pod to be gone', seconds: 180, intervalMs: 300 }, async () => {
      const now = await names()
      return before.every((name) => !now.includes(name))
    })
    await endpointsSettled(cluster, TARGET.namespace, TARGET.service)
    expect(await ping()).to.equal('hello from app1-staging-it')
  })

  it('says what the node says of a port nothing listens at, and that a pod is gone', async () => {
    const problems: string[] = []
    const closed = {
      ...cluster,
      connectToPod: async (port: Parameters<Cluster['connectToPod']>[0]) =>
        cluster.connectToPod({ ...port, port: 9 }),
    }
    forwarded = await forwardPort(closed, TARGET, { onProblem: (text) => problems.push(text) })
    expect(await ping().catch(() => 'failed')).to.equal('failed')
    expect(problems.join()).to.match(/Pod app1-it-\S+ does not take the connection: .*refused/)
    const error = await cluster
      .connectToPod({ namespace: 'we-road-it', pod: 'none', port: 80 } as Parameters<
        Cluster['connectToPod']
      >[0])
      .catch((caught: unknown) => caught)
    expect(error).to.include({ name: 'ApiStatusError', status: 404 })
  })

  it('names what a user may not do', async function () {
    if (process.env['K8SFLOW_TEST_CLUSTER'] === 'foreign') this.skip()
    const { connect } = await import('../../src/cluster/client.js')
    const stranger = await connect({ kubeconfig: await unauthorisedKubeconfig() })
    const error = (await stranger
      .connectToPod({ namespace: 'we-road-it', pod: 'app1', port: 80 } as Parameters<
        Cluster['connectToPod']
      >[0])
      .catch((caught: unknown) => caught)) as K8sflowError
    expect(error).to.include({ code: 'CLUSTER_FORBIDDEN', exitCode: 5 })
    expect(error.message).to.include('may not create pods/portforward in namespace we-road-it')
  })

  it('lets the process end once it is closed', async () => {
    const script = `
      const { connect } = await import('./src/cluster/client.ts')
      const { forwardPort } = await import('./src/cluster/port-forward.ts')
      const forwarded = await forwardPort(await connect(), ${JSON.stringify(TARGET)})
      const answer = await fetch('http://127.0.0.1:' + forwarded.port + '/ping')
      console.log((await answer.text()).trim())
      await forwarded.close()`
    const { stdout } = await execa(
      process.execPath,
      ['--import', 'tsx', '--input-type=module', '-e', script],
      {
        timeout: 180_000,
      },
    )
    expect(stdout).to.equal('hello from app1-staging-it')
  })
})
