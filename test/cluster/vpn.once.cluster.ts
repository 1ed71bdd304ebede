import { expect } from 'chai'
import { execa } from 'execa'
import { chmod, copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parse, stringify } from 'yaml'

import VpnAdd from '../../src/commands/vpn/add.js'
import VpnInit from '../../src/commands/vpn/init.js'
import VpnRenew from '../../src/commands/vpn/renew.js'
import VpnRevoke from '../../src/commands/vpn/revoke.js'
import { staticKey } from '../../src/services/vpn-configuration.js'
import type { VpnInitResult } from '../../src/services/vpn-init.js'
import type { VpnRenewResult } from '../../src/services/vpn-renew.js'
import { addUser, type VpnAddResult, type VpnRevokeResult } from '../../src/services/vpn-users.js'
import { ROOT } from '../commands/harness.js'
import { k8sflowJson } from './cli.js'
import { nodeAddress } from './machine/namespace.js'
import {
  makeOutside,
  type OpenVpn,
  type Outside,
  prepareOpenVpn,
  removeOutside,
  routesOf,
  SERVER_ADDRESS,
  startClient,
  startServer,
  stopClients,
} from './openvpn.js'

const DAY_MS = 86_400_000

/** Prints the status of an answer that only an administrator gets, or the code of the error. */
const REQUEST = `
  const config = JSON.parse(process.env.KUBECONFIG_AS_JSON)
  const { cluster } = config.clusters[0], { user } = config.users[0]
  const pem = (text) => Buffer.from(text, 'base64')
  require('node:https').get(cluster.server + '/api/v1/secrets', {
    ca: pem(cluster['certificate-authority-data']),
    cert: pem(user['client-certificate-data']),
    key: pem(user['client-key-data']),
    timeout: Number(process.env.TIMEOUT_MS),
  }, (response) => { process.stdout.write(String(response.statusCode)); process.exit() })
    .on('timeout', () => { process.stdout.write('timeout'); process.exit() })
    .on('error', (error) => process.stdout.write(error.code))`

describe('k8sflow vpn', function () {
  // Each wait has a limit of its own.
  this.timeout(1_800_000)
  let folder: string
  let dir: string
  let onServer: string
  let kubeconfig: string
  let outside: Outside[]
  let server: OpenVpn

  before(async function () {
    if (process.env['K8SFLOW_TEST_CLUSTER'] !== 'own') this.skip()
    await prepareOpenVpn()
    folder = await mkdtemp(join(tmpdir(), 'k8sflow-vpn-'))
    dir = join(folder, 'vpn')
    // As /etc/openvpn/server: OpenVPN reads the revocation list in there as nobody.
    onServer = join(folder, 'server')
    await chmod(folder, 0o755)
    await execa('mkdir', ['-m', '755', onServer])
    outside = await makeOutside(2)
    kubeconfig = await outsideKubeconfig(folder)
    const { serverFiles, routes } = await vpn<VpnInitResult>(VpnInit, ['--server', SERVER_ADDRESS])
    expect(routes).to.deep.equal([`${nodeAddress}/32`])
    await copyToServer(serverFiles)
    server = await startServer(onServer, 'k8sflow.conf')
    await server.up()
  })
  afterEach(stopClients)
  after(async () => {
    if (folder === undefined) return
    await removeOutside()
    await rm(folder, { recursive: true })
  })

  async function vpn<Result>(command: Parameters<typeof k8sflowJson>[0], argv: string[]): Promise<Result> {
    const { result, exitCode, stderr } = await k8sflowJson<Result>(command, [...argv, '--dir', dir])
    if (exitCode !== 0) throw new Error(`${JSON.stringify(result)} ${stderr}`)
    return result
  }

  /** As the commands say it is done, without ssh. */
  async function copyToServer(files: string[]): Promise<void> {
    const names = files.map((file) => file.slice(file.lastIndexOf('/') + 1))
    await execa('tar', ['-C', join(dir, 'server'), '-cf', '-', ...names]).pipe('tar', [
      ...['-C', onServer, '-xpf', '-', '--no-same-owner'],
    ])
  }

  /** A file as its user has it, who keeps it when it goes here. */
  async function handedOver(file: string, name: string): Promise<string> {
    const copy = join(folder, `${name}.ovpn`)
    await copyFile(file, copy)
    return copy
  }

  const added = async (user: string) => handedOver((await vpn<VpnAddResult>(VpnAdd, [user])).file, user)

  /** Runs k8sflow itself outside, and gives the code of its error. */
  async function k8sflowOutside({ netnsFile }: Outside): Promise<string | undefined> {
    const program = [process.execPath, '--import', 'tsx', join(ROOT, 'test/cluster/run-command.ts')]
    const { stdout } = await execa(
      'nsenter',
      [`--net=${netnsFile}`, ...program, 'hosts', '--json', '--ip', nodeAddress],
      { env: { KUBECONFIG: kubeconfig, CI: 'true' }, reject: false },
    )
    return (JSON.parse(stdout) as { error?: { code: string } }).error?.code
  }

  /** Whether the API server answers outside, asked with the kubeconfig's credentials. */
  async function reachesCluster({ netnsFile }: Outside, timeoutMs = 20_000): Promise<boolean> {
    const { stdout } = await execa('nsenter', [`--net=${netnsFile}`, process.execPath, '-e', REQUEST], {
      env: {
        TIMEOUT_MS: String(timeoutMs),
        KUBECONFIG_AS_JSON: JSON.stringify(parse(await readFile(kubeconfig, 'utf8'))),
      },
    })
    // Anything else would be another failure than the one that is looked for. A client that tries to come back keeps its
    // routes, so that nothing goes another way meanwhile.
    expect(stdout).to.be.oneOf(['200', 'ENETUNREACH', 'timeout'])
    return stdout === '200'
  }

  it('leads an added user, and nobody without the tunnel, to the API server and nowhere else', async () => {
    const file = await added('ann')
    const [home, other] = outside as [Outside, Outside]
    const before = await routesOf(home)
    expect(await k8sflowOutside(home)).to.equal('CLUSTER_TIMEOUT')
    const client = await startClient(home, file)
    await client.up()
    expect(await k8sflowOutside(home)).to.equal(undefined)
    expect(await reachesCluster(home)).to.equal(true)
    const routes = (await routesOf(home)).filter((route) => !before.includes(route))
    expect(routes).to.have.lengthOf(2)
    expect(routes[0]).to.match(/^10\.8\.0\.0\/24 dev tun0 /)
    expect(routes[1]).to.match(
      new RegExp(`^${nodeAddress.replaceAll('.', '\\.')} via 10\\.8\\.0\\.1 dev tun0`),
    )
    expect(before.every((route) => !route.startsWith('default'))).to.equal(true)
    expect(await reachesCluster(other)).to.equal(false)
    await client.stop()
    expect(await reachesCluster(home)).to.equal(false)
  })

  it('lets a revoked user in no more, and everybody else again', async () => {
    const [one, two] = outside as [Outside, Outside]
    const bob = await startClient(one, await added('bob'))
    const eve = await startClient(two, await added('eve'))
    await Promise.all([bob.up(), eve.up()])
    expect(await reachesCluster(one)).to.equal(true)
    const { revocationList } = await vpn<VpnRevokeResult>(VpnRevoke, ['bob'])
    await copyToServer([revocationList])

    // Without a restart: the server reads the list for each connection.
    await bob.stop()
    const again = await startClient(one, join(folder, 'bob.ovpn'))
    await server.says(/VERIFY ERROR: depth=0, error=certificate revoked: CN=bob/)
    expect(await reachesCluster(one)).to.equal(false)
    expect(again.log()).not.to.include('Initialization Sequence Completed')
    expect(await reachesCluster(two)).to.equal(true)
  })

  it('ends a connection that stands when the server is restarted', async () => {
    const [one, two] = outside as [Outside, Outside]
    const dan = await startClient(one, await added('dan'))
    const fay = await startClient(two, await added('fay'))
    await Promise.all([dan.up(), fay.up()])
    const { revocationList } = await vpn<VpnRevokeResult>(VpnRevoke, ['dan'])
    await copyToServer([revocationList])
    await server.stop()
    server = await startServer(onServer, 'k8sflow.conf')
    await server.up()
    await server.says(/VERIFY ERROR: depth=0, error=certificate revoked: CN=dan/)
    await fay.says(/Initialization Sequence Completed[\s\S]*Initialization Sequence Completed/)
    expect(await reachesCluster(two)).to.equal(true)
    expect(await reachesCluster(one, 3000)).to.equal(false)
  })

  it('lets an expired user in no more', async () => {
    const now = () => new Date(Date.now() - 3 * DAY_MS)
    const { file } = await addUser({ user: 'carl', days: 1, dir }, { progress: () => undefined, now })
    const [home] = outside as [Outside]
    const client = await startClient(home, file)
    await server.says(/VERIFY ERROR: depth=0, error=certificate has expired: CN=carl/)
    expect(await reachesCluster(home)).to.equal(false)
    expect(client.log()).not.to.include('Initialization Sequence Completed')
  })

  it('does not even answer one without the tls-crypt key', async () => {
    const [home] = outside as [Outside]
    const text = await readFile(await added('gil'), 'utf8')
    const file = join(folder, 'wrong.ovpn')
    await writeFile(
      file,
      text.replace(/(<tls-crypt>\n)[^<]*/, (_, tag: string) => tag + staticKey()),
      {
        mode: 0o600,
      },
    )
    const client = await startClient(home, file)
    await server.says(/tls-crypt unwrap error: packet authentication failed[\s\S]*tls-crypt unwrap error/)
    await client.says('UDPv4 link remote')
    expect(client.log()).not.to.include('TLS: Initial packet')
  })

  it('goes on with renewed files, for new and for old users', async () => {
    const [one, two] = outside as [Outside, Outside]
    const old = await added('hal')
    const { serverFiles, users } = await vpn<VpnRenewResult>(VpnRenew, ['--within', '400'])
    await copyToServer(serverFiles)
    await server.stop()
    server = await startServer(onServer, 'k8sflow.conf')
    await server.up()
    const renewed = users.find(({ user }) => user === 'ann')
    const clients = [await startClient(one, old), await startClient(two, renewed!.file)]
    await Promise.all(clients.map(async (client) => client.up()))
    expect(await reachesCluster(one)).to.equal(true)
    expect(await reachesCluster(two)).to.equal(true)
  })
})

/** The suite's kubeconfig with the address that the API server has for others. */
async function outsideKubeconfig(folder: string): Promise<string> {
  const config = parse(await readFile(process.env['KUBECONFIG']!, 'utf8')) as {
    clusters: { cluster: { server: string } }[]
  }
  for (const { cluster } of config.clusters) cluster.server = `https://${nodeAddress}:6443`
  const file = join(folder, 'kubeconfig')
  await writeFile(file, stringify(config), { mode: 0o600 })
  return file
}
