import { expect } from 'chai'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import Hosts from '../../src/commands/hosts.js'
import { waitFor } from './machine/wait.js'
import { deploy, k8sflow, removeAll } from './cli.js'
import { insideCluster } from './docker.js'

const COUNTRIES = ['it', 'es']
const FILE = '127.0.0.1 localhost\n'

describe('k8sflow hosts', () => {
  let folder: string
  let file: string

  before(async function () {
    if (process.env['K8SFLOW_TEST_CLUSTER'] !== 'own') this.skip()
    folder = await mkdtemp(join(tmpdir(), 'k8sflow-hosts-'))
    file = join(folder, 'hosts')
    await deploy({ app1: { countries: COUNTRIES } })
  })
  after(async () => {
    if (folder === undefined) return
    await rm(folder, { recursive: true })
    await removeAll(COUNTRIES)
  })

  it('names the address where the ingress controller answers for each host', async () => {
    await writeFile(file, FILE)
    // The ingress controller writes its address into an Ingress a moment after that was made.
    await waitFor({ what: 'the address of the Ingresses', seconds: 180 }, async () => {
      const { exitCode } = await k8sflow(Hosts, ['--write', '--hosts-file', file])
      return exitCode === 0
    })
    const lines = (await readFile(file, 'utf8')).split('\n')
    for (const country of COUNTRIES) {
      const host = `app1-${country}.info`
      const line = lines.find((candidate) => candidate.includes(host))
      expect(line, lines.join('\n')).to.match(/^[\d.]+\s/)
      // It takes up new hosts a moment after it has named its address.
      await waitFor({ what: `${host} to be served`, seconds: 180 }, async () => {
        const said = await answer(line!.split(/\s/)[0]!, host)
        if (said !== `hello from app1-staging-${country}`) throw new Error(said)
        return true
      })
    }
  })

  it('changes nothing when it is run again, and leaves the file as it was when taken out', async () => {
    const written = await readFile(file, 'utf8')
    expect((await k8sflow(Hosts, ['--write', '--hosts-file', file])).exitCode).to.equal(0)
    expect(await readFile(file, 'utf8')).to.equal(written)
    expect((await k8sflow(Hosts, ['--remove', '--hosts-file', file])).exitCode).to.equal(0)
    expect(await readFile(file, 'utf8')).to.equal(FILE)
  })
})

/** What an address inside the cluster's network answers to a request for `/ping` of a host. */
async function answer(address: string, host: string): Promise<string> {
  const script = `
    require('node:http').get({ host: '${address}', path: '/ping', headers: { host: '${host}' } }, (response) =>
      response.on('data', (data) => process.stdout.write(data)))`
  const { stdout } = await insideCluster(process.execPath, ['-e', script])
  return stdout.trim()
}
