import { expect } from 'chai'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'

import type { OpenGrafana } from '../../src/services/monitoring-open.js'
import { writeKubeconfig } from './fakes/kubeconfig.js'
import { httpServer } from './fakes/servers.js'
import { ROOT } from './harness.js'
import { KEYS, startInTerminal } from './terminal.js'

const SERVICE = {
  metadata: { name: 'monitoring-grafana' },
  spec: { ports: [{ name: 'http-web', port: 80 }] },
}
const SLICE = {
  ports: [{ name: 'http-web', port: 3000 }],
  endpoints: [{ conditions: { ready: true }, targetRef: { kind: 'Pod', name: 'grafana-1' } }],
}
const encoded = (value: string) => Buffer.from(value).toString('base64')

/** With a Grafana whose pod takes no connection: what goes through one is tested on the real node. */
describe('k8sflow monitoring open, until Ctrl-C', () => {
  let folder: string
  let api: Awaited<ReturnType<typeof httpServer>>
  let secret: { status: number; body: object }

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'k8sflow-pty-'))
    const data = { 'admin-user': encoded('admin'), 'admin-password': encoded('open sesame') }
    secret = { status: 200, body: { data } }
    api = await httpServer((request, response) => {
      const { pathname } = new URL(request.url ?? '', 'http://fake')
      const isSecret = pathname.endsWith('/secrets/monitoring-grafana')
      const body = isSecret
        ? secret.body
        : pathname === '/version'
          ? { gitVersion: 'v1.37.2' }
          : pathname.endsWith('/services')
            ? { items: [SERVICE] }
            : pathname.endsWith('/endpointslices')
              ? { items: [SLICE] }
              : SERVICE
      response.writeHead(isSecret ? secret.status : 200).end(JSON.stringify(body))
    })
    await writeKubeconfig(folder, `http://127.0.0.1:${String(api.port)}`)
  })
  afterEach(async () => {
    await api.close()
    await rm(folder, { recursive: true })
  })

  const env = () => ({ KUBECONFIG: join(folder, 'kubeconfig') })
  const refused = async (url: string) =>
    fetch(url).then(
      () => undefined,
      (error: Error) => (error.cause as NodeJS.ErrnoException).code,
    )

  it('says where it is and how to log in, and ends well with the port closed', async () => {
    const terminal = startInTerminal(['monitoring', 'open'], folder, env())
    await terminal.until('Ctrl-C closes it.')
    const url = /^Grafana +(http:\/\/127\.0\.0\.1:\d+)$/m.exec(terminal.text())?.[1] ?? ''
    expect(terminal.text()).to.include(`Dashboard  ${url}/d/k8sflow\nUser       admin\n`)
    expect(terminal.text()).to.match(/^Password +shown with --show-password$/m)
    for (let time = 0; time < 3; time++) expect(await refused(url)).not.to.equal('ECONNREFUSED')
    await terminal.until('⚠')
    terminal.press(KEYS.ctrlC)
    expect(await terminal.end()).to.deep.equal({ exitCode: 0, restored: true })
    expect(await refused(url)).to.equal('ECONNREFUSED')
    expect(terminal.text().match(/⚠/g), terminal.text()).to.have.lengthOf(1)
    expect(terminal.text()).not.to.include('sesame')
  })

  it('shows the password when asked, and says why it cannot', async () => {
    const shown = startInTerminal(['monitoring', 'open', '--show-password'], folder, env())
    await shown.until('open sesame')
    shown.press(KEYS.ctrlC)
    expect((await shown.end()).exitCode).to.equal(0)
    secret = { status: 404, body: { kind: 'Status' } }
    const terminal = startInTerminal(['monitoring', 'open', '--show-password'], folder, env())
    await terminal.until('Secret monitoring-grafana is missing, or you may not read it')
    terminal.press(KEYS.ctrlC)
    expect((await terminal.end()).exitCode).to.equal(0)
  })

  it('gives one JSON object as soon as it is open, without the password', async () => {
    const argv = [join(ROOT, 'bin', 'run.js'), 'monitoring', 'open', '--json']
    const child = spawn(process.execPath, argv, { cwd: folder, env: { ...process.env, ...env() } })
    const ended = once(child, 'exit')
    const errors = text(child.stderr)
    let stdout = ''
    for await (const chunk of child.stdout.setEncoding('utf8')) {
      stdout += String(chunk)
      if (stdout.endsWith('}\n')) child.kill('SIGTERM')
    }
    expect(await ended, await errors).to.deep.equal([0, null])
    const { url, ...rest } = JSON.parse(stdout) as OpenGrafana
    expect(rest).to.deep.equal({
      context: 'pi',
      namespace: 'monitoring',
      service: 'monitoring-grafana',
      dashboard: `${url}/d/k8sflow`,
      user: 'admin',
    })
  })
})
