import { expect } from 'chai'
import { execa } from 'execa'
import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  realpath,
  rm,
  stat,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import VpnAdd from '../../src/commands/vpn/add.js'
import VpnInit from '../../src/commands/vpn/init.js'
import VpnList from '../../src/commands/vpn/list.js'
import VpnRenew from '../../src/commands/vpn/renew.js'
import VpnRevoke from '../../src/commands/vpn/revoke.js'
import { readCertificate } from '../../src/pki/certificates.js'
import { readRevocationList } from '../../src/pki/revocations.js'
import type { VpnIndex } from '../../src/services/vpn-index.js'
import type { VpnListResult } from '../../src/services/vpn-list.js'
import type { VpnRenewResult } from '../../src/services/vpn-renew.js'
import { initVpn } from '../../src/services/vpn-init.js'
import { renewVpn } from '../../src/services/vpn-renew.js'
import { addUser, revokeUser, type VpnRevokeResult } from '../../src/services/vpn-users.js'
import { startFakeApi } from './fakes/api-server.js'
import { type CommandResult, ROOT, runCommandClass } from './harness.js'

type CommandClass = Parameters<typeof runCommandClass>[0]
type Failure = { error: { code: string; exit: number; message: string; suggestions: string[] } }

const INIT = ['--server', 'home.example.org', '--route', '192.168.1.10/32']
const quiet = { progress: () => undefined }
const DAY_MS = 86_400_000

describe('vpn', () => {
  let folder: string
  let dir: string
  const env: Record<string, string | undefined> = {
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_DIR: undefined,
    GIT_WORK_TREE: undefined,
    GIT_INDEX_FILE: undefined,
    GIT_PREFIX: undefined,
  }

  beforeEach(async () => {
    folder = await realpath(await mkdtemp(join(tmpdir(), 'k8sflow-vpn-')))
    dir = join(folder, 'vpn')
    Object.assign(env, { GIT_CEILING_DIRECTORIES: folder, KUBECONFIG: join(folder, 'none') })
  })
  afterEach(async () => {
    await rm(folder, { recursive: true })
  })

  const run = async (command: CommandClass, argv: string[], more = {}): Promise<CommandResult> =>
    runCommandClass(command, [...argv, '--dir', dir], { cwd: folder, env: { ...env, ...more } })
  const ok = async <Result>(command: CommandClass, argv: string[]): Promise<Result> => {
    const { stdout, stderr, exitCode } = await run(command, [...argv, '--json'])
    expect(exitCode, `${stdout}${stderr}`).to.equal(0)
    return JSON.parse(stdout) as Result
  }
  const refused = async (command: CommandClass, argv: string[], more = {}) => {
    const before = await snapshot(folder)
    const { stdout, exitCode } = await run(command, [...argv, '--json'], more)
    const { error } = JSON.parse(stdout) as Failure
    expect(exitCode).to.equal(error.exit)
    expect(await snapshot(folder), 'nothing is written').to.deep.equal(before)
    return error
  }
  const index = async () => JSON.parse(await readFile(join(dir, 'vpn.json'), 'utf8')) as VpnIndex
  const file = async (...parts: string[]) => readFile(join(dir, ...parts), 'utf8')

  it('keeps every key for its owner alone', async () => {
    // What a user has as umask must not matter.
    const before = process.umask(0)
    try {
      await ok(VpnInit, INIT)
      await ok(VpnAdd, ['ann'])
      await ok(VpnRenew, [])
      await ok(VpnRevoke, ['ann'])
      await ok(VpnAdd, ['bob'])
    } finally {
      process.umask(before)
    }
    expect(await snapshot(dir)).to.deep.equal([
      'drwx------ .',
      '-rw------- ca.crt',
      '-rw------- ca.key',
      'drwx------ server',
      '-rw-r--r-- server/k8sflow-crl.pem',
      '-rw------- server/k8sflow.conf',
      '-rw------- tls-crypt.key',
      'drwx------ users',
      '-rw------- users/bob.ovpn',
      '-rw------- vpn.json',
    ])
    expect(await readdir(folder)).to.deep.equal(['vpn'])
  })

  it('writes what openssl finds good, and calls revoked and expired what is', async () => {
    await ok(VpnInit, INIT)
    await ok(VpnAdd, ['ann'])
    await ok(VpnAdd, ['bob'])
    const ann = await certificateIn(join(dir, 'users', 'ann.ovpn'), folder)
    const bob = await certificateIn(join(dir, 'users', 'bob.ovpn'), folder)
    const served = await certificateIn(join(dir, 'server', 'k8sflow.conf'), folder)
    await addUser({ user: 'eve', days: 1, dir }, { ...quiet, now: () => new Date(Date.now() - 3 * DAY_MS) })
    const eve = await certificateIn(join(dir, 'users', 'eve.ovpn'), folder)
    await ok(VpnRevoke, ['bob'])
    const verify = async (purpose: string, certificate: string) => {
      const files = ['-CAfile', join(dir, 'ca.crt'), '-CRLfile', join(dir, 'server', 'k8sflow-crl.pem')]
      const { all } = await execa(
        'openssl',
        ['verify', '-x509_strict', '-crl_check', ...files, '-purpose', purpose, certificate],
        { all: true, reject: false },
      )
      return all
    }
    expect(await verify('sslclient', ann)).to.match(/OK$/)
    expect(await verify('sslserver', ann)).to.include('certificate purpose')
    expect(await verify('sslserver', served)).to.match(/OK$/)
    expect(await verify('sslclient', bob)).to.include('certificate revoked')
    expect(await verify('sslclient', eve)).to.include('certificate has expired')
    const crl = ['crl', '-in', join(dir, 'server', 'k8sflow-crl.pem'), '-CAfile', join(dir, 'ca.crt')]
    const { stdout, stderr } = await execa('openssl', [...crl, '-noout', '-text'])
    expect(stderr).to.include('verify OK')
    expect(stdout)
      .to.include('Version 2')
      .and.match(/CRL Number:\s+2\n/)
      .and.include('Privilege Withdrawn')
  })

  it('pushes the routes and nothing else', async () => {
    await ok(VpnInit, [
      ...['--server', 'home.example.org:1195', '--proto', 'tcp', '--network', '10.9.0.0/20'],
      ...['--route', '192.168.1.10', '--route', '10.1.0.0/16,192.168.1.10/32'],
    ])
    const { file: user } = await ok<{ file: string }>(VpnAdd, ['ann'])
    const server = await file('server', 'k8sflow.conf')
    expect(server.match(/^push.*$/gm)).to.deep.equal([
      'push "route 192.168.1.10 255.255.255.255"',
      'push "route 10.1.0.0 255.255.0.0"',
    ])
    expect(server)
      .to.include('\nport 1195\nproto tcp-server\n')
      .and.include('\nserver 10.9.0.0 255.255.240.0\n')
      .and.not.match(/redirect-gateway|explicit-exit-notify/)
    expect(await readFile(user, 'utf8'))
      .to.include('\nproto tcp-client\nremote home.example.org 1195\n')
      .and.not.match(/redirect-gateway|explicit-exit-notify|^ca |^key /m)
  })

  it('takes the addresses of the cluster for routes, and asks for them where there is none', async () => {
    const kubeconfig = join(folder, 'config')
    const api = await startFakeApi()
    const write = async (server: string) =>
      writeFile(
        kubeconfig,
        `clusters: [{name: c, cluster: {server: "${server}"}}]\nusers: [{name: u, user: {token: t}}]\ncontexts: [{name: pi, context: {cluster: c, user: u}}]\ncurrent-context: pi\n`,
      )
    const server = INIT.slice(0, 2)
    try {
      await write(api.url)
      api.nodes = undefined
      expect((await refused(VpnInit, server, { KUBECONFIG: kubeconfig })).code).to.equal('NO_ROUTE')
      api.nodes = [{ name: 'pi', architecture: 'arm64', addresses: ['192.168.1.10', 'fd00::10'] }]
      const { stdout, stderr } = await run(VpnInit, server, { KUBECONFIG: kubeconfig })
      expect(stdout).to.include('leads to   192.168.1.10/32\n')
      expect(stderr).to.include('the API server and the nodes')
    } finally {
      await api.close()
    }
    await rm(dir, { recursive: true })
    expect((await refused(VpnInit, server)).code).to.equal('NO_ROUTE')
    // Nothing listens there any more, and so it is away from home.
    await write('https://192.0.2.1:1')
    const argv = [...server, '--json', '--dir', dir]
    const options = { cwd: folder, env: { ...env, KUBECONFIG: kubeconfig } }
    const { stdout } = await runCommandClass(VpnInit, argv, options)
    expect((JSON.parse(stdout) as VpnListResult).routes).to.deep.equal(['192.0.2.1/32'])
  })

  const WRONG: [string, string[], RegExp][] = [
    ['SERVER_MISSING', [], /under which name/],
    ['INVALID_SERVER', ['--server', 'a b'], /not a host name/],
    ['INVALID_SERVER', ['--server', 'home.example.org:0'], /not a host name/],
    ['INVALID_SERVER', ['--server', 'home.example.org:'], /not a host name/],
    ['INVALID_SERVER', ['--server', '192.168.1.300'], /not a host name/],
    ['INVALID_SERVER', ['--server', 'x\nredirect-gateway'], /not a host name/],
    ['INVALID_PROTO', [...INIT, '--proto', 'sctp'], /neither udp nor tcp/],
    ['INVALID_NETWORK', [...INIT, '--network', '10.8.0.0'], /not an IPv4 network/],
    ['INVALID_NETWORK', [...INIT, '--network', '10.8.0.0/30'], /no usable size/],
    ['INVALID_NETWORK', [...INIT, '--network', '10.8.0.1/24'], /not the network/],
    ['INVALID_NETWORK', [...INIT, '--network', '8.8.8.0/24'], /not a private network/],
    ['INVALID_NETWORK', [...INIT, '--route', 'fd00::/64'], /not an IPv4 network/],
    ['INVALID_ROUTE', [...INIT, '--route', '0.0.0.0/0'], /far more/],
    ['INVALID_ROUTE', [...INIT, '--route', '10.0.0.0/8'], /overlap/],
    ['INVALID_ROUTE', ['--server', '203.0.113.5', '--route', '203.0.113.0/24'], /into itself/],
    ['INVALID_DAYS', [...INIT, '--days', '0'], /out of bounds/],
    ['INVALID_DAYS', [...INIT, '--days', '3651'], /out of bounds/],
  ]
  for (const [code, argv, message] of WRONG)
    it(`refuses ${JSON.stringify(argv)}`, async () => {
      const error = await refused(VpnInit, argv)
      expect(error).to.include({ code, exit: 2 })
      expect(error.message).to.match(message)
      expect(error.suggestions).not.to.be.empty
    })

  it('refuses user names that could be paths or options', async () => {
    await ok(VpnInit, INIT)
    for (const name of ['', '.', '../x', 'a/b', 'Ann', 'a b', '.a', 'a.', 'a'.repeat(33), 'a\nb'])
      expect((await refused(VpnAdd, [name])).code, name).to.equal('INVALID_USER')
    expect((await refused(VpnAdd, ['ann', '--days', '0'])).code).to.equal('INVALID_DAYS')
    expect((await refused(VpnRevoke, ['ann'])).code).to.equal('USER_UNKNOWN')
    expect((await refused(VpnRenew, ['ann'])).code).to.equal('USER_UNKNOWN')
    await ok(VpnAdd, ['a.b_c-1'])
  })

  it('keeps out of git', async () => {
    await mkdir(join(folder, 'repository'))
    dir = join(folder, 'repository', 'secrets', 'vpn')
    const git = async (...args: string[]) =>
      execa('git', ['-C', join(folder, 'repository'), ...args], { env })
    await git('init', '-q')
    expect((await refused(VpnInit, INIT)).code).to.equal('VPN_IN_GIT')
    // Not all that holds a key is called so.
    await writeFile(join(folder, 'repository', '.gitignore'), '*.key\n*.conf\n')
    expect((await refused(VpnInit, INIT)).code).to.equal('VPN_IN_GIT')
    // Nor what a run that is killed leaves behind.
    await writeFile(join(folder, 'repository', '.gitignore'), '*.key\n*.conf\n*.ovpn\nvpn.json\n')
    expect((await refused(VpnInit, INIT)).code).to.equal('VPN_IN_GIT')
    const none = await refused(VpnInit, INIT, { PATH: join(folder, 'empty') })
    expect(none.message).to.include('git is not installed')
    await writeFile(join(folder, 'repository', '.gitignore'), '/secrets/\n')
    await ok(VpnInit, INIT)
    await ok(VpnAdd, ['ann'])
    expect((await git('status', '--porcelain')).stdout).to.equal('?? .gitignore')
    // Then somebody adds one all the same.
    await git('add', '--force', 'secrets/vpn/ca.crt')
    expect((await refused(VpnAdd, ['bob'])).message).to.include('are in git')
    expect((await refused(VpnRenew, [])).code).to.equal('VPN_IN_GIT')
  })

  it('does without git where there is no repository', async () => {
    const { exitCode } = await run(VpnInit, INIT, { PATH: join(folder, 'empty') })
    expect(exitCode).to.equal(0)
  })

  it('is in the data folder of the user unless told where', async () => {
    const options = { cwd: folder, env: { ...env, XDG_DATA_HOME: join(folder, 'data') } }
    const { stdout } = await runCommandClass(VpnInit, [...INIT, '--json'], options)
    expect((JSON.parse(stdout) as { dir: string }).dir).to.equal(join(folder, 'data', 'k8sflow', 'vpn'))
  })

  it('does not touch a folder with anything else in it, or open to others', async () => {
    await mkdir(dir)
    await writeFile(join(dir, 'mine'), '')
    expect((await refused(VpnInit, INIT)).code).to.equal('VPN_FOLDER_UNUSABLE')
    expect((await refused(VpnAdd, ['ann'])).code).to.equal('VPN_MISSING')
    await rm(join(dir, 'mine'))
    await ok(VpnInit, INIT)
    expect((await refused(VpnInit, INIT)).code).to.equal('VPN_EXISTS')
    await chmod(dir, 0o755)
    const { code, suggestions } = await refused(VpnAdd, ['ann'])
    expect(code).to.equal('VPN_FOLDER_OPEN')
    expect(suggestions).to.deep.equal([`Close it: chmod 700 ${dir}`])
    expect((await refused(VpnList, [])).code).to.equal('VPN_FOLDER_OPEN')
  })

  it('asks for a passphrase when the key has one', async () => {
    const right = join(folder, 'right')
    const wrong = join(folder, 'wrong')
    await writeFile(right, 'correct horse\n')
    await writeFile(wrong, 'battery staple\n')
    await writeFile(join(folder, 'blank'), '\n')
    const init = [...INIT, '--passphrase-file']
    expect((await refused(VpnInit, [...init, join(folder, 'none')])).code).to.equal('PASSPHRASE_UNREADABLE')
    expect((await refused(VpnInit, [...init, join(folder, 'blank')])).code).to.equal('PASSPHRASE_UNREADABLE')
    expect((await refused(VpnInit, [...INIT, '--passphrase'])).code).to.equal('PASSPHRASE_MISSING')
    await ok(VpnInit, [...init, right])
    expect(await file('ca.key')).to.match(/^-----BEGIN ENCRYPTED \w+ KEY-----\n/)
    for (const argv of [[VpnAdd, 'ann'], [VpnRenew]] as [CommandClass, string?][]) {
      const [command, ...args] = argv as [CommandClass, ...string[]]
      expect((await refused(command, args)).code).to.equal('PASSPHRASE_MISSING')
      const given = [...args, '--passphrase-file', wrong]
      expect((await refused(command, given)).code).to.equal('PASSPHRASE_WRONG')
    }
    await ok(VpnAdd, ['ann', '--passphrase-file', right])
    const { exitCode } = await run(VpnRevoke, ['ann'], { K8SFLOW_VPN_PASSPHRASE_FILE: right })
    expect(exitCode).to.equal(0)
    expect((await run(VpnList, [])).exitCode).to.equal(0)
  })

  it('adds a user once, and again after the end or a revocation', async () => {
    await ok(VpnInit, INIT)
    await ok(VpnAdd, ['ann'])
    const { code, suggestions } = await refused(VpnAdd, ['ann'])
    expect(code).to.equal('USER_EXISTS')
    expect(suggestions[0]).to.equal('For a new file: k8sflow vpn renew ann')
    await ok(VpnRevoke, ['ann'])
    expect((await refused(VpnRenew, ['ann'])).code).to.equal('USER_REVOKED')
    await ok(VpnAdd, ['ann'])
    await addUser({ user: 'bob', days: 1, dir }, { ...quiet, now: () => new Date(Date.now() - 3 * DAY_MS) })
    await ok(VpnAdd, ['bob'])
    const { users } = await ok<VpnListResult>(VpnList, [])
    expect(users.map(({ user, state }) => `${user} ${state}`)).to.deep.equal(['ann valid', 'bob valid'])
  })

  it('revokes every certificate that a user ever had', async () => {
    await ok(VpnInit, INIT)
    await ok(VpnAdd, ['ann'])
    await ok(VpnRenew, ['ann'])
    await ok(VpnAdd, ['bob'])
    const first = await ok<VpnRevokeResult>(VpnRevoke, ['ann'])
    expect(first.serials).to.have.lengthOf(2)
    const list = readRevocationList(await file('server', 'k8sflow-crl.pem'))
    expect(list).to.deep.include({ number: 2, serials: first.serials })
    const again = await ok<VpnRevokeResult>(VpnRevoke, ['ann'])
    expect(again).to.deep.include({ already: true, number: 3, revokedAt: first.revokedAt })
    await ok(VpnRevoke, ['bob'])
    expect(readRevocationList(await file('server', 'k8sflow-crl.pem')).serials).to.have.lengthOf(3)
  })

  it('does not let a user in again who is revoked while renew asks for the passphrase', async () => {
    const passphraseFile = join(folder, 'passphrase')
    await writeFile(passphraseFile, 'correct horse\n')
    await ok(VpnInit, [...INIT, '--passphrase-file', passphraseFile])
    await ok(VpnAdd, ['ann', '--passphrase-file', passphraseFile])
    const askPassphrase = async () => {
      await revokeUser({ user: 'ann', dir, passphraseFile }, quiet)
      return 'correct horse'
    }
    const error = await renewVpn({ user: 'ann', dir }, { ...quiet, askPassphrase }).catch((e: unknown) => e)
    expect(error).to.have.property('code', 'USER_REVOKED')
    expect((await index()).certificates.every(({ user, revoked }) => user === null || revoked)).to.equal(true)
  })

  it('says which user has a file that is older than the index', async () => {
    await ok(VpnInit, INIT)
    await ok(VpnAdd, ['ann'])
    const old = await file('users', 'ann.ovpn')
    await ok(VpnRenew, ['ann'])
    expect((await ok<VpnListResult>(VpnList, [])).warnings).to.deep.equal([])
    await writeFile(join(dir, 'users', 'ann.ovpn'), old)
    const { warnings } = await ok<VpnListResult>(VpnList, [])
    expect(warnings.join()).to.include('ann.ovpn is older than the index: k8sflow vpn renew ann')
  })

  it('finishes what a run that was cut off began', async () => {
    await ok(VpnInit, INIT)
    await ok(VpnAdd, ['ann'])
    const list = await file('server', 'k8sflow-crl.pem')
    const configuration = await file('server', 'k8sflow.conf')
    await ok(VpnRevoke, ['ann'])
    await ok(VpnRenew, [])
    // As when the index was written, and the files were not any more.
    await writeFile(join(dir, 'server', 'k8sflow-crl.pem'), list)
    await writeFile(join(dir, 'server', 'k8sflow.conf'), configuration)
    const { warnings } = await ok<VpnListResult>(VpnList, [])
    expect(warnings).to.have.lengthOf(2)
    expect(warnings.join()).to.include('k8sflow-crl.pem is missing or older').and.include('k8sflow.conf is')
    await ok(VpnRenew, [])
    expect((await ok<VpnListResult>(VpnList, [])).warnings).to.deep.equal([])
    const { serials } = readRevocationList(await file('server', 'k8sflow-crl.pem'))
    expect(serials).to.deep.equal(
      (await index()).certificates.flatMap((one) => (one.revoked ? one.serial : [])),
    )
  })

  it('lets two runs at once both count, and takes over from one that was killed', async () => {
    await ok(VpnInit, INIT)
    const { pid } = await execa(process.execPath, ['-e', 'process.stdout.write(String(process.pid))']).then(
      ({ stdout }) => ({ pid: stdout }),
    )
    await writeFile(join(dir, '.lock'), pid)
    const names = ['a', 'b', 'c', 'd']
    await Promise.all(names.map(async (user) => addUser({ user, dir }, quiet)))
    const { users } = await ok<VpnListResult>(VpnList, [])
    expect(users.map(({ user }) => user)).to.deep.equal(names)
    expect(await readdir(dir)).not.to.include('.lock')
    const twice = await Promise.allSettled([0, 1].map(async () => addUser({ user: 'e', dir }, quiet)))
    expect(twice.map(({ status }) => status).sort()).to.deep.equal(['fulfilled', 'rejected'])
  })

  it('makes one VPN of two that are begun at once', async () => {
    const options = { server: 'home.example.org', route: ['192.168.1.10/32'], dir }
    const both = await Promise.allSettled([0, 1].map(async () => initVpn(options, quiet)))
    expect(both.map(({ status }) => status).sort()).to.deep.equal(['fulfilled', 'rejected'])
    expect(await readdir(folder)).to.deep.equal(['vpn'])
    expect((await ok<VpnListResult>(VpnList, [])).warnings).to.deep.equal([])
  })

  describe('init that is ended before its time', () => {
    const children: { kill(signal: 'SIGKILL'): boolean }[] = []
    afterEach(() => {
      for (const child of children.splice(0)) child.kill('SIGKILL')
    })

    /** A run of init in a process of its own that has written all keys, and waits for a line. */
    const halfWay = async () => {
      const script = `
        import fs from 'node:fs'
        import { syncBuiltinESMExports } from 'node:module'
        const { rename } = fs.promises
        fs.promises.rename = async (from, to) => {
          if (to.endsWith('vpn.json')) {
            process.stdout.write('half-way')
            await new Promise((done) => process.stdin.once('data', done))
          }
          return rename(from, to)
        }
        syncBuiltinESMExports()
        const { default: VpnInit } = await import(${JSON.stringify(join(ROOT, 'src/commands/vpn/init.ts'))})
        await VpnInit.run(process.argv.slice(1), ${JSON.stringify(ROOT)}).catch(() => undefined)
        process.stdin.unref()`
      const node = ['--import', import.meta.resolve('tsx')]
      const child = execa(
        process.execPath,
        [...node, '--input-type=module', '-e', script, '--', ...INIT, '--dir', dir],
        { cwd: folder, env, reject: false },
      )
      children.push(child)
      let out = ''
      child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()))
      while (!out.includes('half-way')) {
        expect(child.exitCode, out).to.equal(null)
        await new Promise((done) => setTimeout(done, 20))
      }
      // Not by itself: it is a promise, too.
      return { child }
    }
    const left = async () => (await readdir(folder)).filter((name) => name.startsWith('.vpn.k8sflow-tmp-'))

    for (const signal of ['SIGINT', 'SIGTERM'] as const)
      it(`takes its keys away on ${signal}`, async () => {
        const { child } = await halfWay()
        expect(await left()).to.have.length(1)
        child.kill(signal)
        child.stdin.write('\n')
        const { exitCode, stderr } = await child
        expect(exitCode, stderr).to.equal(130)
        expect(stderr).to.include('no VPN was made')
        expect(await readdir(folder)).to.deep.equal([])
      })

    it('leaves keys when it is killed, and the next one takes them away at once', async () => {
      const { child } = await halfWay()
      child.kill('SIGKILL')
      await child
      const [name = ''] = await left()
      expect(await readdir(join(folder, name))).to.include('ca.key')
      const [alive, old] = [
        `.vpn.k8sflow-tmp-${String(process.pid)}-a`,
        `.vpn.k8sflow-tmp-${String(process.pid)}-b`,
      ]
      for (const other of [alive, old, '.vpn2.k8sflow-tmp-1-a']) await mkdir(join(folder, other))
      await utimes(join(folder, old), 0, 0)
      await ok(VpnInit, INIT)
      expect(await readdir(folder)).to.have.members([alive, '.vpn2.k8sflow-tmp-1-a', 'vpn'])
    })
  })

  it('renews the server, and users who have little time left', async () => {
    await ok(VpnInit, [...INIT, '--days', '20'])
    await ok(VpnAdd, ['ann', '--days', '29'])
    await ok(VpnAdd, ['bob', '--days', '90'])
    await addUser({ user: 'eve', days: 1, dir }, { ...quiet, now: () => new Date(Date.now() - 3 * DAY_MS) })
    const before = await index()
    const { warnings } = await ok<VpnListResult>(VpnList, [])
    expect(warnings.map((text) => text.split(':')[0])).to.deep.equal([
      'The server certificate ends in 19 days, and nobody gets in after that',
      'The revocation list ends in 19 days, and nobody gets in after that',
      'User ann ends in 28 days',
    ])
    const all = await ok<VpnRenewResult>(VpnRenew, [])
    expect(all.users.map(({ user }) => user)).to.deep.equal(['ann'])
    expect(all.notes).to.deep.equal([
      'User eve has expired and stays so; to let them in again: k8sflow vpn renew eve',
    ])
    expect(all.revocationList.number).to.equal(2)
    const served = readCertificate(await file('server', 'k8sflow.conf').then(certificateText))
    expect(before.certificates.map(({ serial }) => serial)).not.to.include(served.serialNumber)
    const one = await ok<VpnRenewResult>(VpnRenew, ['eve', '--days', '10'])
    expect(one).to.deep.include({ serverFiles: [], notes: [] })
    expect(one.users.map(({ user }) => user)).to.deep.equal(['eve'])
    expect((await refused(VpnRenew, ['--days', '0'])).code).to.equal('INVALID_DAYS')
  })

  it('says what to do at the end of the authority, and issues nothing beyond it', async () => {
    const old = new Date(Date.now() - 3640 * DAY_MS)
    const options = { server: 'home.example.org', route: ['192.168.1.10/32'], dir }
    const { authorityNotAfter } = await initVpn(options, { ...quiet, now: () => old })
    const { warnings } = await ok<VpnListResult>(VpnList, [])
    expect(warnings[0]).to.include('The authority ends in 9 days').and.include('anew in another folder')
    expect((await ok<{ notAfter: string }>(VpnAdd, ['ann'])).notAfter).to.equal(authorityNotAfter)
    const later = addUser({ user: 'bob', dir }, { ...quiet, now: () => new Date(Date.now() + 20 * DAY_MS) })
    expect(await later.catch((error: { code: string }) => error.code)).to.equal('AUTHORITY_EXPIRED')
  })

  it('says which file is damaged, and changes nothing', async () => {
    await ok(VpnInit, INIT)
    for (const text of ['', '{', '[]', '{"version": 2}', '{"version": 1}']) {
      await writeFile(join(dir, 'vpn.json'), text)
      expect(await refused(VpnAdd, ['ann']), text).to.include({ code: 'VPN_INDEX_DAMAGED', exit: 1 })
    }
    await rm(dir, { recursive: true })
    await ok(VpnInit, INIT)
    await writeFile(join(dir, 'ca.key'), 'x')
    expect((await refused(VpnAdd, ['ann'])).message).to.include(join(dir, 'ca.key'))
    await rm(join(dir, 'ca.crt'))
    expect((await refused(VpnAdd, ['ann'])).code).to.equal('VPN_FILE_UNREADABLE')
  })

  it('says in words what was made and what comes next', async () => {
    const { stdout } = await run(VpnInit, INIT)
    expect(stdout)
      .to.include(`The VPN is in ${dir}.\n`)
      .and.include(`k8sflow vpn add ann --dir ${dir}\n`)
      .and.include('home.example.org:1194/udp')
      .and.include(`tar -C ${join(dir, 'server')} -cf - k8sflow.conf k8sflow-crl.pem | ssh pi sudo tar`)
    expect((await run(VpnList, [])).stdout).to.include('No user yet')
    expect((await run(VpnAdd, ['ann'])).stdout).to.include(join(dir, 'users', 'ann.ovpn'))
    expect((await run(VpnRenew, ['ann'])).stdout).to.include('The old files work until their own end.')
    const table = (await run(VpnList, [])).stdout
    expect(table).to.match(/^USER +STATE +UNTIL +FILE\nann +valid +\d{4}-\d\d-\d\d +\S+ann\.ovpn\n/)
    const revoked = (await run(VpnRevoke, ['ann'])).stdout
    expect(revoked).to.include('in list 2').and.include('-cf - k8sflow-crl.pem | ssh pi')
    expect((await run(VpnRevoke, ['ann'])).stdout).to.include('was revoked on')
    const renewed = (await run(VpnRenew, [])).stdout
    expect(renewed).to.include('revocation list 4').and.include('systemctl restart openvpn-server@k8sflow')
  })
})

/** Modes and names of all files below a folder, in order. */
async function snapshot(folder: string): Promise<string[]> {
  const { stdout } = await execa('find', ['.', '-not', '-path', './*/.git/*', '-printf', '%M %P\n'], {
    cwd: folder,
  })
  return stdout
    .split('\n')
    .map((line) => (line.endsWith(' ') ? `${line}.` : line))
    .sort((a, b) => (a.slice(11) < b.slice(11) ? -1 : 1))
}

function certificateText(configuration: string): string {
  return /<cert>\n([^<]*)<\/cert>/.exec(configuration)?.[1] ?? ''
}

/** Writes the certificate of a configuration into a file of its own. */
async function certificateIn(configuration: string, folder: string): Promise<string> {
  const text = certificateText(await readFile(configuration, 'utf8'))
  const file = join(folder, `${readCertificate(text).serialNumber}.crt`)
  await writeFile(file, text)
  expect((await stat(file)).size).to.be.greaterThan(0)
  return file
}
