import { expect } from 'chai'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { parse } from 'yaml'

import MonitoringInstall from '../../src/commands/monitoring/install.js'
import MonitoringOpen from '../../src/commands/monitoring/open.js'
import { type MonitoringInstallResult } from '../../src/services/monitoring-install.js'
import { type HelmAnswers, type HelmScript, writeHelmScript } from './fakes/helm-script.js'
import { ROOT, runCommandClass } from './harness.js'

const CHART = 'oci://ghcr.io/prometheus-community/charts/kube-prometheus-stack'

interface Change {
  path: string
  body: { kind: string; metadata: { labels: object }; data: Record<string, string> }
}

describe('k8sflow monitoring', () => {
  let folder: string
  let server: Server
  let helm: HelmScript
  let changes: Change[]
  let refuse: (path: string) => number | undefined
  let services: object[]
  const run = (command: Parameters<typeof runCommandClass>[0], argv: string[]) =>
    runCommandClass(command, argv, {
      cwd: folder,
      env: { K8SFLOW_HELM: helm.program, KUBECONFIG: join(folder, 'config') },
    })
  const install = (...argv: string[]) => run(MonitoringInstall, argv)
  const answers = async (table: HelmAnswers) => {
    helm = await writeHelmScript(folder, table)
  }

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'k8sflow-monitoring-'))
    changes = []
    services = []
    refuse = () => undefined
    server = createServer((request, response) => {
      let body = ''
      request.on('data', (chunk: Buffer) => (body += chunk.toString()))
      request.on('end', () => {
        const path = (request.url ?? '').split('?')[0] ?? ''
        if (request.method === 'PATCH') changes.push({ path, body: JSON.parse(body) as Change['body'] })
        const status = refuse(path)
        if (status !== undefined)
          return void response.writeHead(status).end('{"reason":"Refused","message":"said no"}')
        const reply = path.startsWith('/version')
          ? { gitVersion: 'v1.37.2' }
          : path.includes('selfsubjectaccessreviews')
            ? { status: { allowed: refuse('rights') === undefined } }
            : { items: path.endsWith('/services') ? services : [] }
        response.end(JSON.stringify(reply))
      })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    await writeFile(
      join(folder, 'config'),
      `clusters: [{name: c, cluster: {server: "http://127.0.0.1:${String(port)}"}}]\nusers: [{name: u, user: {token: t}}]\ncontexts: [{name: pi, context: {cluster: c, user: u}}]\ncurrent-context: pi\n`,
    )
    await answers({ upgrade: { stdout: 'STATUS: deployed\nREVISION: 1\n' } })
  })
  afterEach(async () => {
    server.closeAllConnections()
    server.close()
    await rm(folder, { recursive: true })
  })

  it('install lets helm install the pinned chart with the values for small boards, then adds the dashboard', async () => {
    await writeFile(join(folder, 'mine.yaml'), 'grafana: {adminUser: me}\n')
    const { exitCode, stdout, stderr } = await install('--yes', '-f', 'mine.yaml')
    expect(exitCode, stderr).to.equal(0)
    expect(stdout).to.include('installed in namespace monitoring (revision 1)').and.include('monitoring open')
    const values = join(ROOT, 'monitoring', 'values-pi.yaml')
    expect((await helm.calls()).filter((line) => !line.startsWith('version'))).to.deep.equal([
      `upgrade --install monitoring ${CHART} --version 88.5.3 -f ${values} -f mine.yaml --create-namespace --wait --timeout 10m --namespace monitoring --kube-context pi`,
    ])
    expect(changes.map(({ path }) => path)).to.deep.equal([
      '/api/v1/namespaces/monitoring/configmaps/k8sflow-dashboard',
    ])
    expect(changes[0]?.body.metadata.labels).to.include({ grafana_dashboard: '1' })
    const dashboard = await readFile(join(ROOT, 'helm', 'dashboards', 'k8sflow.json'), 'utf8')
    expect(changes[0]?.body.data).to.deep.equal({ 'k8sflow.json': dashboard })
  })

  it('install --dry-run shows the commands, asks nobody and changes nothing', async () => {
    const { stdout, exitCode } = await install('--dry-run', '--monitoring-namespace', 'watch', '--no-wait')
    expect(exitCode).to.equal(0)
    const [first, second, ...more] = stdout.trimEnd().split('\n')
    expect(first).to.match(/helm upgrade --install monitoring oci:\S+ --version 88\.5\.3 -f \S+ /)
    expect(first).to.include('--namespace watch').and.not.include('--wait')
    expect(second).to.match(
      /^kubectl create configmap k8sflow-dashboard --namespace watch .*grafana_dashboard=1/,
    )
    expect(more).to.deep.equal([])
    expect(changes).to.deep.equal([])
    expect((await helm.calls()).filter((line) => line.startsWith('upgrade'))).to.deep.equal([])
  })

  it('install takes a chart on disk as it is, and says as JSON what it did', async () => {
    await writeFile(join(folder, 'stack.tgz'), '')
    const { stdout, exitCode } = await install('--monitoring-chart', 'stack.tgz', '--yes', '--json')
    expect(exitCode).to.equal(0)
    const result = JSON.parse(stdout) as MonitoringInstallResult
    expect(result).to.include({
      chart: 'stack.tgz',
      version: null,
      revision: 1,
      context: 'pi',
      dryRun: false,
    })
    expect((await helm.calls()).join('\n')).not.to.include('--version')
  })

  it('install does nothing without a yes, without a values file it was told of, or without the rights', async () => {
    const asked = await install()
    expect([asked.exitCode, asked.stderr]).to.deep.equal([2, asked.stderr])
    expect(asked.stderr).to.include('needs a yes')
    const missing = await install('--yes', '-f', 'none.yaml')
    expect(missing.exitCode).to.equal(2)
    expect(missing.stderr).to.include('no values file none.yaml')
    const namespace = await install('--yes', '--monitoring-namespace', 'No_Name')
    expect(namespace.exitCode).to.equal(2)
    refuse = (what) => (what === 'rights' ? 403 : undefined)
    const denied = await install('--yes')
    expect(denied.exitCode).to.equal(5)
    expect((await helm.calls()).filter((line) => line.startsWith('upgrade'))).to.deep.equal([])
    expect(changes).to.deep.equal([])
  })

  it('install says what helm said, and what is left to do where only the dashboard failed', async () => {
    const unknown =
      'failed to perform "FetchReference" on source: Get "https://ghcr.io/v2/": dial tcp: lookup ghcr.io: no such host'
    await answers({ upgrade: { stderr: `Error: ${unknown}`, exitCode: 1 } })
    const failed = await install('--yes')
    expect(failed.exitCode).to.equal(1)
    expect(failed.stderr).to.include(unknown).and.include('helm pull').and.not.include('kubeconfig')
    expect(changes).to.deep.equal([])
    await answers({ upgrade: { stdout: 'REVISION: 2\n' } })
    refuse = (path) => (path.endsWith('k8sflow-dashboard') ? 422 : undefined)
    const half = await install('--yes')
    expect(half.exitCode).to.equal(1)
    expect(half.stderr).to.include('dashboard could not be written').and.include('Run the same again')
  })

  it('open says how to install what is not there, and shows a password to nobody but a person', async () => {
    const missing = await run(MonitoringOpen, ['--port', '3000'])
    expect(missing.exitCode).to.equal(1)
    expect(missing.stderr).to.include('k8sflow monitoring install')
    services = [{ metadata: { name: 'monitoring-grafana' }, spec: { ports: [{ port: 80 }] } }]
    for (const more of [[], ['--json']]) {
      const piped = await run(MonitoringOpen, ['--show-password', ...more])
      expect(piped.exitCode).to.equal(2)
      expect(piped.stdout + piped.stderr).to.include('at a terminal only')
    }
  })

  describe('its values for small boards', () => {
    it('are keys of the very version that is installed', async () => {
      const { chart, version, keys } = JSON.parse(
        await readFile(join(ROOT, 'test', 'fixtures', 'monitoring-keys.json'), 'utf8'),
      ) as { chart: string; version: string; keys: string[] }
      const { stdout } = await install('--dry-run')
      expect(stdout).to.include(`/${chart} --version ${version} `)
      const values = parse(await readFile(join(ROOT, 'monitoring', 'values-pi.yaml'), 'utf8')) as object
      const known = new Set(keys)
      const used = new Set<string>()
      const unknown: string[] = []
      const visit = (value: unknown, place: string): void => {
        if (known.has(place)) used.add(place)
        else if (typeof value !== 'object' || value === null || Array.isArray(value)) unknown.push(place)
        else
          for (const [key, part] of Object.entries(value)) visit(part, place === '' ? key : `${place}.${key}`)
      }
      visit(values, '')
      expect(unknown, 'not in that chart: see scripts/monitoring-keys.ts').to.deep.equal([])
      expect([...used]).to.have.members(keys)
    })
  })
})
