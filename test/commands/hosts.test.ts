import { expect } from 'chai'
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import Hosts from '../../src/commands/hosts.js'
import { InvalidInputError } from '../../src/errors.js'
import { blockText } from '../../src/services/hosts-file.js'
import { hosts } from '../../src/services/hosts.js'
import type { HostsOptions } from '../../src/services/hosts-options.js'
import { type FakeApi, startFakeApi } from './fakes/api-server.js'
import { ROOT, runCommandClass } from './harness.js'

const FILE = Buffer.from('127.0.0.1\tlocalhost\n# caf\xe9\n', 'latin1')

describe('hosts', () => {
  let folder: string
  let file: string
  let api: FakeApi
  const kubeconfig = () => join(folder, 'config')
  const run = async (argv: string[], env: Record<string, string> = {}) =>
    runCommandClass(Hosts, argv, { cwd: folder, env: { KUBECONFIG: kubeconfig(), ...env } })
  const write = async (...argv: string[]) => run(['--write', '--hosts-file', file, ...argv])
  const block = (...lines: string[]) =>
    `# k8sflow begin pi\n# ${api.url}, written by "k8sflow hosts"; what is changed in here is lost\n${lines.map((line) => `${line}\n`).join('')}# k8sflow end pi\n`

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'k8sflow-hosts-'))
    file = join(folder, 'hosts')
    await writeFile(file, FILE)
    await chmod(file, 0o640)
    api = await startFakeApi()
    api.apps = [
      { app: 'app1', country: 'it', host: 'app1-it.info', address: '192.168.1.10' },
      { app: 'app2', country: 'es', host: 'app2-es.info', address: '192.168.1.11' },
      { app: 'app2', country: 'it' },
    ]
    await writeFile(
      kubeconfig(),
      `clusters: [{name: c, cluster: {server: "${api.url}"}}]\nusers: [{name: u, user: {token: t}}]\ncontexts: [{name: pi, context: {cluster: c, user: u}}]\ncurrent-context: pi\n`,
    )
  })
  afterEach(async () => {
    await api.close()
    await rm(folder, { recursive: true })
  })

  it('prints the lines of what has a host, and nothing else on stdout', async () => {
    const { stdout, stderr, exitCode } = await run([])
    expect(exitCode, stderr).to.equal(0)
    expect(stdout).to.equal(block('192.168.1.10 app1-it.info', '192.168.1.11 app2-es.info'))
    expect((await run(['-p', 'app2', '--ip', '10.0.0.1,fd00::1'])).stdout).to.equal(
      block('10.0.0.1 app2-es.info', 'fd00::1  app2-es.info'),
    )
    expect((await run(['-c', 'fr'])).stdout).to.equal('')
    expect(api.changes).to.deep.equal([])
  })

  it('writes them once, changes them with the cluster, and takes them out byte for byte', async () => {
    const first = await write()
    expect(first.stdout, first.stderr).to.equal(`2 hosts were written to ${file}.\n`)
    const lines = block('192.168.1.10 app1-it.info', '192.168.1.11 app2-es.info')
    expect(await readFile(file)).to.deep.equal(Buffer.concat([FILE, Buffer.from(lines)]))
    expect((await stat(file)).mode & 0o777).to.equal(0o640)
    const { ino } = await stat(file)
    expect((await write()).stdout).to.equal(`${file} is up to date: 2 hosts.\n`)
    expect((await stat(file)).ino).to.equal(ino)

    api.apps = api.apps.slice(0, 1)
    expect((await write('--ip', '10.0.0.1')).stdout).to.equal(`1 host was written to ${file}.\n`)
    expect(await readFile(file, 'latin1')).to.equal(FILE.toString('latin1') + block('10.0.0.1 app1-it.info'))

    const gone = await run(['--remove', '--hosts-file', file])
    expect(gone.stdout).to.equal(`The block of context "pi" was taken out of ${file}.\n`)
    expect(await readFile(file)).to.deep.equal(FILE)
    const again = await run(['--remove', '--hosts-file', file])
    expect(again.stdout).to.equal(`${file} has no block of context "pi".\n`)
    expect((await readdir(folder)).sort()).to.deep.equal(['config', 'hosts'])
  })

  it('removes without a cluster, and of a context that is gone', async () => {
    await write()
    await api.close()
    const argv = ['--remove', '--hosts-file', file, '--context', 'pi']
    expect((await run(argv, { KUBECONFIG: '/nowhere' })).exitCode).to.equal(0)
    expect(await readFile(file)).to.deep.equal(FILE)
    api = await startFakeApi()
  })

  it('takes the block out when nothing has a host any more, and makes no file for nothing', async () => {
    await write()
    api.apps = []
    const { stderr } = await write()
    expect(stderr).to.include('No app that is deployed has a host: there is nothing for a hosts file')
    expect((await run(['-c', 'fr'])).stderr).to.include('No app of those chosen with -p and -c that is')
    expect(await readFile(file)).to.deep.equal(FILE)
    const other = join(folder, 'none')
    expect((await run(['--write', '--hosts-file', other])).exitCode).to.equal(0)
    expect((await run(['--remove', '--hosts-file', other])).exitCode).to.equal(0)
    expect(await readdir(folder)).not.to.include('none')
  })

  it('says which folder is missing for a file of its own', async () => {
    const { stderr, exitCode } = await run(['--write', '--hosts-file', join(folder, 'no', 'hosts')])
    expect(exitCode).to.equal(2)
    expect(stderr).to.include('its folder does not exist').and.not.include('read-only')
    expect(stderr).to.include(`→ Make the folder ${join(folder, 'no')}, or name another file`)
  })

  it('shows with --dry-run what it would do', async () => {
    const { stdout } = await write('--dry-run')
    expect(stdout).to.equal(
      `2 hosts would be written to ${file}:\n${block('192.168.1.10 app1-it.info', '192.168.1.11 app2-es.info')}`,
    )
    expect(await readFile(file)).to.deep.equal(FILE)
    await write()
    const before = await readFile(file)
    const { stdout: taken } = await run(['--remove', '--dry-run', '--hosts-file', file])
    expect(taken).to.equal(`The block of context "pi" would be taken out of ${file}.\n`)
    expect(await readFile(file)).to.deep.equal(before)
  })

  it('prints an object with --json', async () => {
    const { stdout } = await write('--json', '-p', 'app1')
    expect(JSON.parse(stdout)).to.deep.equal({
      context: 'pi',
      action: 'write',
      file,
      change: 'updated',
      dryRun: false,
      hosts: [
        { app: 'app1', country: 'it', host: 'app1-it.info', addresses: ['192.168.1.10'], source: 'cluster' },
      ],
      block: block('192.168.1.10 app1-it.info'),
      warnings: [],
      notes: [],
    })
  })

  it('warns of the same host elsewhere, and of another cluster of the same name', async () => {
    await writeFile(
      file,
      '10.0.0.9 app1-it.info\n# k8sflow begin pi\n# https://other:6443, written by "k8sflow hosts"\n# k8sflow end pi\n',
    )
    const { stderr, exitCode } = await write()
    expect(exitCode).to.equal(0)
    expect(stderr)
      .to.include(`${file}:1 gives app1-it.info another address, 10.0.0.9`)
      .and.include(`was written for https://other:6443, and is now for ${api.url}`)
  })

  it('writes nothing into a file whose markers are damaged', async () => {
    const text = '# k8sflow begin pi\n10.0.0.9 app1-it.info\n'
    await writeFile(file, text)
    for (const action of ['--write', '--remove']) {
      const { stderr, exitCode } = await run([action, '--hosts-file', file])
      expect(exitCode).to.equal(2)
      expect(stderr).to.include('damaged at line 1').and.include('Nothing was changed')
    }
    expect(await readFile(file, 'utf8')).to.equal(text)
  })

  it('leaves out what an Ingress has for a host and is none', async () => {
    api.apps = [
      { app: 'app1', country: 'it', host: 'app1-it.info\n6.6.6.6 bank.example', address: '10.0.0.1' },
    ]
    const { stdout, stderr } = await run([])
    expect(stdout).to.equal('')
    expect(stderr).to.include('app1/it is left out')
  })

  it('asks for an address where the cluster has none, and for a choice between --write and --remove', async () => {
    api.apps = [{ app: 'app1', country: 'it', host: 'app1-it.info' }]
    const none = await run([])
    expect(none.exitCode).to.equal(2)
    expect(none.stderr).to.include('--ip 192.168.1.10')
    expect((await run(['--write', '--remove'])).exitCode).to.equal(2)
    expect((await run(['--ip', 'pi.lan', '--json'])).stdout).to.include('INVALID_ADDRESS')
    expect((await run(['--kubeconfig', '/nowhere'])).exitCode).to.equal(5)
  })

  it('takes the address and the file from variables, and says what a name of dynamic DNS needs', async () => {
    const { stderr, exitCode } = await run(['--write'], {
      K8SFLOW_HOSTS_FILE: file,
      K8SFLOW_IP: '10.0.0.5,::5',
    })
    expect(exitCode, stderr).to.equal(0)
    expect(await readFile(file, 'latin1')).to.include('\n10.0.0.5 app2-es.info\n::5      app2-es.info\n')
    const { notes } = await hosts(options({ ddns: 'home.example.org' }), {
      resolve: async () => ['10.0.0.6'],
    })
    expect(notes.join()).to.include('run this again when the address of home.example.org changes')
  })

  it('does what docs/network.md shows', async () => {
    const text = await readFile(join(ROOT, 'docs/network.md'), 'utf8')
    const commands = [...text.matchAll(/^k8sflow hosts(.*?)(#.*)?$/gm)].map(([, argv = '']) => argv.trim())
    expect(commands).to.have.length(4)
    for (const argv of commands) {
      const { exitCode, stderr } = await run(argv.split(' ').filter(Boolean), { K8SFLOW_HOSTS_FILE: file })
      expect(exitCode, `${argv}: ${stderr}`).to.equal(0)
    }
    expect(await readFile(file)).to.deep.equal(FILE)
    const lines = ['app1-es.info', 'app1-it.info'].map((host) => ({ address: '192.168.1.10', host }))
    const example = blockText({ context: 'pi', server: 'https://192.168.1.10:6443', lines })
    expect(text).to.include(`\n${example}\u0060\u0060\u0060\n`)
  })

  const options = (more: Partial<HostsOptions> = {}): HostsOptions => ({
    kubeconfig: kubeconfig(),
    write: false,
    remove: false,
    dryRun: false,
    hostsFile: file,
    ...more,
  })
  const denied = async (more: Partial<HostsOptions>, user: number | undefined, code = 'EACCES') => {
    const edit = async () => {
      const cause = Object.assign(new Error('no'), { code })
      throw new InvalidInputError('it cannot be written', { code: 'NOT_WRITABLE', cause })
    }
    const error = await hosts(options(more), { edit, user }).catch((caught: unknown) => caught)
    expect(error).to.deep.include({ code: 'HOSTS_FILE_NOT_WRITABLE', exitCode: 2 })
    return (error as InvalidInputError).suggestions.join()
  }

  it('shows the one command that does it with rights', async () => {
    expect(
      await denied({ write: true, project: ['app1', 'app2'], ip: ['10.0.0.1'], ddns: 'x.org' }, 1000),
    ).to.equal(
      `It needs root's rights; run: sudo env "PATH=$PATH" k8sflow hosts --write -p app1,app2 --ip 10.0.0.1 --kubeconfig ${kubeconfig()} --context pi --hosts-file ${file}`,
    )
    const own = process.env['KUBECONFIG']
    process.env['KUBECONFIG'] = kubeconfig()
    const text = await denied({ write: true, kubeconfig: undefined, countries: ['it'] }, 1000).finally(() => {
      if (own === undefined) delete process.env['KUBECONFIG']
      else process.env['KUBECONFIG'] = own
    })
    expect(text).to.include(
      `"PATH=$PATH" KUBECONFIG=${kubeconfig()} k8sflow hosts --write -c it --context pi`,
    )
    await write()
    expect(await denied({ remove: true, context: 'pi', ip: ['10.0.0.1'] }, 1000)).to.include(
      `k8sflow hosts --remove --context pi --hosts-file ${file}`,
    )
    expect(await denied({ write: true, ip: ['10.0.0.1'] }, undefined)).to.match(
      /as administrator: k8sflow hosts --write/,
    )
    for (const text of [
      await denied({ write: true, ip: ['10.0.0.1'] }, 0, 'EPERM'),
      await denied({ write: true, ip: ['10.0.0.1'] }, 1000, 'EROFS'),
    ])
      expect(text).to.include('read-only').and.not.include('sudo')
  })

  it('refuses a place where nobody may write, and needs no rights when nothing changes', async function () {
    if (process.platform !== 'linux') this.skip()
    const { stderr, exitCode } = await run(['--write', '--hosts-file', '/sys/kernel/hosts'])
    expect(exitCode).to.equal(2)
    expect(stderr).to.include('/sys/kernel/hosts cannot be written').and.include('Nothing was changed')
    expect((await run(['--remove', '--hosts-file', '/sys/kernel/fscaps'])).exitCode).to.equal(0)
  })
})
