import { expect } from 'chai'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { ChangingCommand } from '../../src/changing-command.js'
import History from '../../src/commands/history.js'
import Render from '../../src/commands/render.js'
import Rollback from '../../src/commands/rollback.js'
import Status from '../../src/commands/status.js'
import Uninstall from '../../src/commands/uninstall.js'
import { runCommandClass } from './harness.js'

/** A helm with one release, app1, of two revisions; what it was called with is written beside it. */
const HELM = `#!/bin/sh
echo "$*" >> "$0.log"
case "$1 $*" in
  version*) printf v4.3.1 ;;
  list*we-road*) echo '[{"name":"app1","namespace":"we-road","revision":"2","status":"deployed'"$FAKE_TEXT"'","chart":"k8sflow-1.0.0"}]' ;;
  list*) echo '[]' ;;
  history*) echo '[{"revision":1,"status":"superseded","description":"Install complete'"$FAKE_TEXT"'"},{"revision":2,"status":"deployed"}]' ;;
  status*) echo '{"name":"app1","namespace":"we-road","version":3,"info":{"status":"deployed"}}' ;;
  get*'--revision 1'*) printf 'kind: Deployment\\nmetadata:\\n  name: app1-it\\n  namespace: we-road-it\\nspec: {template: {spec: {containers: [{image: "app1:1"}]}}}\\n' ;;
  get*) printf 'kind: Deployment\\nmetadata:\\n  name: app1-it\\n  namespace: we-road-it\\nspec: {template: {spec: {containers: [{image: "app1:2"}]}}}\\n' ;;
  rollback*) [ -z "$FAKE_FAILURE" ] || { echo "Error: $FAKE_FAILURE" >&2; exit 1; } ;;
  template*) [ -z "$FAKE_FAILURE" ] || { echo "Error: $FAKE_FAILURE" >&2; exit 1; }; echo 'kind: Deployment' ;;
esac
`

describe('commands that show and undo', () => {
  let folder: string
  let server: Server
  let env: Record<string, string>
  const run = async (
    command: Parameters<typeof runCommandClass>[0],
    argv: string[],
    more: Record<string, string> = {},
  ) => runCommandClass(command, argv, { cwd: folder, env: { ...env, ...more } })
  const changes = async () =>
    (await readFile(join(folder, 'helm.log'), 'utf8'))
      .split('\n')
      .filter((line) => /^(rollback|uninstall|upgrade)/.test(line))

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'k8sflow-observe-'))
    server = createServer((request, response) => {
      const path = request.url ?? ''
      const reply = path.startsWith('/version')
        ? { gitVersion: 'v1.37.2' }
        : path.includes('selfsubjectaccessreviews')
          ? { status: { allowed: true } }
          : /^\/api\/v1\/namespaces\/[^/?]+(\?|$)/.test(path)
            ? { metadata: { name: 'we-road-it' } }
            : { items: [] }
      response.end(JSON.stringify(reply))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    await writeFile(join(folder, 'helm'), HELM)
    await chmod(join(folder, 'helm'), 0o755)
    await writeFile(
      join(folder, 'config'),
      `clusters: [{name: c, cluster: {server: "http://127.0.0.1:${String(port)}"}}]\nusers: [{name: u, user: {token: t}}]\ncontexts: [{name: pi, context: {cluster: c, user: u}}]\ncurrent-context: pi\n`,
    )
    env = { K8SFLOW_HELM: join(folder, 'helm'), KUBECONFIG: join(folder, 'config') }
  })
  afterEach(async () => {
    server.closeAllConnections()
    server.close()
    await rm(folder, { recursive: true })
  })

  it('status prints a table or an object, and --check judges it', async () => {
    const { stdout, exitCode } = await run(Status, [])
    expect(exitCode).to.equal(0)
    expect(stdout)
      .to.match(/^app1 +it +app1 +2 +missing +0\/1/m)
      .and.match(/^app2 .*not deployed/m)
    const json = await run(Status, ['--json', '--check'])
    expect(json.exitCode).to.equal(1)
    expect(JSON.parse(json.stdout)).to.include({ context: 'pi', healthy: false, serverVersion: 'v1.37.2' })
  })

  it('history prints revisions', async () => {
    const { stdout } = await run(History, ['-p', 'app1'])
    expect(stdout).to.match(/^app1 +1 .*superseded .*Install complete$/m)
  })

  it('stay with the cluster they were shown, whatever becomes the current context meanwhile', async () => {
    for (const [command, argv] of [
      [Status, []],
      [History, ['-p', 'app1']],
      [Rollback, ['-p', 'app1', '--yes', '--no-wait']],
      [Uninstall, ['-p', 'app1', '--yes', '--no-wait']],
    ] as const) {
      await run(command, [...argv])
      const log = await readFile(join(folder, 'helm.log'), 'utf8')
      const calls = log.split('\n').filter((line) => line !== '' && !line.startsWith('version'))
      expect(calls, command.name).to.have.length.above(0)
      for (const call of calls) expect(call).to.match(/ --kube-context pi$/)
    }
    expect((await changes()).map((line) => line.split(' ')[0])).to.deep.equal(['rollback', 'uninstall'])
  })

  it('rollback and uninstall need a yes, and do nothing without', async () => {
    for (const command of [Rollback, Uninstall]) {
      const { exitCode, stderr } = await run(command, ['-p', 'app1'])
      expect(exitCode).to.equal(2)
      expect(stderr).to.include('--yes')
    }
    expect(await changes()).to.deep.equal([])
  })

  it('take only what can be the name of a namespace', async () => {
    for (const command of [History, Render, Rollback, Status, Uninstall])
      for (const namespace of ['We_Road', '-x', 'x'.repeat(64), '']) {
        const { exitCode, stderr } = await run(command, ['--namespace', namespace])
        expect(exitCode, `${command.name} ${namespace}`).to.equal(2)
        expect(stderr).to.include('cannot be the name of a namespace')
      }
  })

  it('render passes the version of Kubernetes on, and suggests it to a helm that takes another', async () => {
    const choice = ['-p', 'app1', '-c', 'it', '-e', 'staging']
    await run(Render, [...choice, '--kube-version', 'v1.33.0'])
    expect(await readFile(join(folder, 'helm.log'), 'utf8')).to.include(' --kube-version v1.33.0')
    const refused = await run(Render, choice, {
      FAKE_FAILURE: 'chart requires kubeVersion: >=1.30.0-0 which is incompatible with Kubernetes v1.20.0',
    })
    expect(refused.exitCode).to.equal(2)
    expect(refused.stderr).to.include('--kube-version, such as')
  })

  it('rollback takes only the number of a revision', async () => {
    for (const revision of ['0', '-1', 'abc', '1.5']) {
      const { exitCode, stderr } = await run(Rollback, [revision, '-p', 'app1', '--yes'])
      expect(exitCode, revision).to.equal(2)
      expect(stderr)
        .to.include(`"${revision}" is not the number of a revision`)
        .and.include('k8sflow history')
    }
    expect(await changes().catch(() => [])).to.deep.equal([])
  })

  it('rollback says where it ended, or why it failed, as text and as JSON', async () => {
    const good = await run(Rollback, ['-p', 'app1', '--yes', '--no-wait'])
    expect(good.exitCode, good.stderr).to.equal(0)
    expect(good.stdout).to.equal('app1 is at revision 3, which is revision 1 again.\n')
    const bad = await run(Rollback, ['1', '-p', 'app1', '--yes', '--no-wait', '--json'], {
      FAKE_FAILURE: 'it is broken',
    })
    expect(bad.exitCode).to.equal(1)
    const { error, releases } = JSON.parse(bad.stdout) as {
      error: { code: string }
      releases: { outcome: string }[]
    }
    expect(error.code).to.equal('ROLLBACK_FAILED')
    expect(releases[0]?.outcome).to.equal('failed')
  })

  it('uninstall says what is gone, and with --dry-run only what would be run', async () => {
    const dry = await run(Uninstall, ['-p', 'app1', '--dry-run', '--no-wait'])
    expect(dry.stdout).to.match(/helm uninstall app1 --timeout 5m --namespace we-road --kube-context pi\n$/)
    expect(await changes()).to.deep.equal([])
    const done = await run(Uninstall, ['-p', 'app1', '--yes'])
    expect(done.stdout).to.equal('app1 is gone: 1 object deleted.\nNamespaces kept: we-road-it.\n')
  })

  it('tell the runner of GitHub Actions nothing that others wrote', async () => {
    const evil = '##[set-output name=a]b'
    class Undo extends ChangingCommand {
      override async run(): Promise<unknown> {
        await this.parse(Undo)
        return this.finish({}, undefined, () => evil)
      }
    }
    const runs: [Parameters<typeof run>[0], string[]][] = [
      [Status, []],
      [History, ['-p', 'app1']],
      [Undo, []],
    ]
    for (const [command, argv] of runs) {
      const { stdout, exitCode, stderr } = await run(command, argv, {
        GITHUB_ACTIONS: 'true',
        FAKE_TEXT: evil,
      })
      expect(exitCode, stderr).to.equal(0)
      expect(stdout, command.name)
        .to.match(/##\\\[/)
        .and.not.match(/##\[/)
    }
  })

  it('names everything wrong with what was typed, without asking the cluster', async () => {
    const { exitCode, stderr } = await run(Status, ['-p', 'app3', '-c', 'ita'], { KUBECONFIG: '/nowhere' })
    expect(exitCode).to.equal(2)
    expect(stderr).to.include('app3').and.include('ita')
  })

  it('exits with 5 when the kubeconfig is missing', async () => {
    const { exitCode, stdout } = await run(Status, ['--json', '--kubeconfig', join(folder, 'none')])
    expect(exitCode).to.equal(5)
    expect(JSON.parse(stdout)).to.have.nested.property('error.code', 'KUBECONFIG_MISSING')
  })

  it('render prints manifests without a cluster, and exits with 2 when the chart refuses the values', async () => {
    const argv = ['-c', 'it', '-p', 'app1', '-e', 'staging']
    const good = await run(Render, argv, { KUBECONFIG: '/nowhere' })
    expect(good.exitCode, good.stderr).to.equal(0)
    expect(good.stdout).to.equal('kind: Deployment\n')
    const failure = "values don't meet the specifications of the schema(s) in the following chart(s):"
    const bad = await run(Render, argv, { FAKE_FAILURE: failure })
    expect(bad.exitCode).to.equal(2)
    expect(bad.stderr).to.include('cannot be rendered')
  })
})
