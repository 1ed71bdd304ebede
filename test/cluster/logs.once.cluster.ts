import { expect } from 'chai'
import { execa } from 'execa'
import { readdir, readFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import type { Cluster } from '../../src/cluster/cluster.js'
import { forwardPort } from '../../src/cluster/port-forward.js'
import { parseQuantity } from '../../src/cluster/quantity.js'
import Deploy from '../../src/commands/deploy.js'
import Status from '../../src/commands/status.js'
import type { StatusResult } from '../../src/services/status.js'
import { ROOT } from '../commands/harness.js'
import { k8sflow, k8sflowJson, removeAll, suiteCluster, withFile } from './cli.js'
import { docker, insideCluster } from './docker.js'
import { ingressLeadsTo, openThroughIngress, throughIngress } from './ingress.js'
import { waitFor } from './machine/wait.js'
import { baseArgument, inRegistry } from './sample-repository.js'
import { endpointsSettled } from './service-endpoints.js'

const EXPORTER = join(ROOT, 'samples/log-exporter')
const HOST = 'app1-lo.info'
const MiB = 1024 ** 2

/** Of the 40 MiB nginx and the 32 MiB the exporter may use; nginx's hold the log, which is in memory. */
const MOST_MEMORY = { 'app1-lo': 20 * MiB, logs: 24 * MiB }

interface Pod {
  metadata: { name: string; uid: string }
  spec: { containers: { name: string }[]; initContainers?: { name: string; restartPolicy?: string }[] }
  status: { podIP: string; conditions: { type: string; status: string }[] } & Record<
    'containerStatuses' | 'initContainerStatuses',
    { name: string; restartCount: number; lastState: { terminated?: { reason: string } } }[]
  >
}

/** A line as the exporter gives it in JSON, or how many a reader came too late for. */
interface Line {
  line?: number
  path?: string
  missed?: number
}

describe('the log exporter on a node', function () {
  // Each wait has a limit of its own; programs and images are built here, too.
  this.timeout(1_800_000)
  // Not moved between runs on one cluster: a node that has a tag does not pull it again.
  const tag = `logs-${Date.now()}`
  const services = '/api/v1/namespaces/we-road-lo/services/app1-svc-lo'
  let cluster: Cluster
  let pod: Pod

  before(async function () {
    if (process.env['K8SFLOW_TEST_CLUSTER'] !== 'own') this.skip()
    cluster = await suiteCluster()
    await Promise.all([buildApp(tag), buildExporter(tag)])
    await deployWith({ public: false })
    pod = await onlyPod()
    await endpointsSettled(cluster, 'we-road-lo', 'app1-svc-lo')
    await ingressLeadsTo(HOST, '/ping')
  })
  after(async () => {
    if (cluster !== undefined) await removeAll(['lo'])
  })

  async function deployWith(logs: { public: boolean }): Promise<void> {
    const firstApp = {
      create: true,
      appName: 'app1',
      env: 'staging',
      countries: ['lo'],
      image: { tag },
      // More than the exporter's reader can follow; its own limits are the chart's.
      resources: { limits: { cpu: '1' } },
      autoscaling: { maxReplicas: 1 },
      logs: { enabled: true, ...logs, image: { tag } },
    }
    await withFile(JSON.stringify({ firstApp }), async (file) => {
      const { exitCode, stdout, stderr } = await k8sflow(Deploy, ['-f', file])
      expect(exitCode, `${stdout}\n${stderr}`).to.equal(0)
    })
  }

  async function pods(): Promise<Pod[]> {
    return cluster.list<Pod>({ path: '/api/v1/namespaces/we-road-lo/pods' })
  }

  /** The app's pod, once no pod of an earlier revision is left. */
  async function onlyPod(): Promise<Pod> {
    return waitFor({ what: 'one pod', seconds: 180, intervalMs: 300 }, async () => {
      const found = await pods()
      return found.length === 1 && found[0]!
    })
  }

  /** What the exporter answers through its port of the Service. */
  async function fromExporter(path: string, query: Record<string, string | number> = {}): Promise<string> {
    const { status, text } = await cluster.exchange({ path: `${services}:logs/proxy${path}`, query })
    expect(status, text).to.equal(200)
    return text
  }

  /** What the exporter counted. Of the pod itself: its Service leads nowhere while nginx is not ready, as under load. */
  async function received(): Promise<number> {
    const path = `/api/v1/namespaces/we-road-lo/pods/${pod.metadata.name}:8081/proxy/stats`
    const { status, text } = await cluster.exchange({ path })
    expect(status, text).to.equal(200)
    return (JSON.parse(text) as { received: number }).received
  }

  /** Asks the pod's nginx, whether it is ready or not; gives the status of its answer. */
  async function fromNginx(path: string): Promise<number> {
    const script = `
      fetch('http://${pod.status.podIP}:8080${path}').then(({ status }) => {
        process.stdout.write(String(status))
        process.exit()
      })`
    const { stdout, stderr } = await insideCluster(process.execPath, ['--eval', script])
    if (stdout === '') throw new Error(stderr)
    return Number(stdout)
  }

  /** Asks nginx for /<label>/0 and so on; gives the numbers that got no answer. */
  async function load(label: string, requests: number, perSecond = 0): Promise<number[]> {
    const argv = [pod.status.podIP, '8080', label, String(requests), String(perSecond)]
    const { unanswered } = JSON.parse(await inside('load-client.ts', argv)) as { unanswered: number[] }
    return unanswered
  }

  /** What a client that reads along gets, up to the line with that path. */
  async function follow(end: string): Promise<Line[]> {
    const address = await cluster.send<{ spec: { clusterIP: string } }>({ path: services })
    const url = `http://${address.spec.clusterIP}:8081/logs`
    return parsed(await inside('log-reader.ts', [url, end]))
  }

  describe('its image', () => {
    it('is a static program of a few MB, for both platforms, and nothing else', async () => {
      const index = (await inRegistry('localhost:5000/hecha00/log-exporter', tag)).body as {
        manifests: { digest: string; platform: { architecture: string } }[]
      }
      expect(index.manifests.map(({ platform }) => platform.architecture)).to.have.members(['amd64', 'arm64'])
      for (const { digest } of index.manifests) {
        const { body } = await inRegistry('localhost:5000/hecha00/log-exporter', digest)
        const { layers } = body as { layers: { size: number }[] }
        expect(layers).to.have.lengthOf(1)
        expect(layers[0]!.size).to.be.within(MiB, 4 * MiB)
      }
    })
  })

  describe('beside nginx', () => {
    it('is a container of its own that starts first, in a namespace that takes restricted pods alone', async () => {
      expect(pod.spec.containers.map(({ name }) => name)).to.deep.equal(['app1-lo'])
      expect(pod.spec.initContainers).to.have.lengthOf(1)
      expect(pod.spec.initContainers![0]).to.include({ name: 'logs', restartPolicy: 'Always' })
      const { metadata } = await cluster.send<{ metadata: { labels: Record<string, string> } }>({
        path: '/api/v1/namespaces/we-road-lo',
      })
      expect(metadata.labels['pod-security.kubernetes.io/enforce']).to.equal('restricted')
    })

    it('serves the newest lines, lines of a time, and JSON, without what is private', async () => {
      for (const path of ['/first?secret=1', '/second', '/third'])
        expect((await throughIngress(HOST, path)).status).to.equal(404)
      await enough(3)
      expect(await received()).to.equal(3)
      const line = (path: string) => new RegExp(`^\\S+ GET ${path} 404 \\d+B \\d+\\.\\d+s$`)
      const [second, third, none] = (await fromExporter('/logs', { tail: 2, format: 'text' })).split('\n')
      expect(second).to.match(line('/second'))
      expect(third).to.match(line('/third'))
      expect(none).to.equal('')
      const values = JSON.parse(await fromExporter('/logs', { since: '1h', format: 'json' })) as Line[]
      expect(values.map(({ line, path }) => [line, path])).to.deep.equal([
        [1, '/first'],
        [2, '/second'],
        [3, '/third'],
      ])
      expect(values[0]).to.include({ method: 'GET', status: 404 })
      const later = new Date(Date.now() + 3_600_000).toISOString()
      expect(await fromExporter('/logs', { since: later, format: 'text' })).to.equal('')
    })

    it('is reached inside of the cluster, and not through the ingress', async () => {
      expect((await throughIngress(HOST, '/logs')).status).to.equal(404)
      const { exitCode } = await insideCluster(process.execPath, [
        '--eval',
        `fetch('http://${pod.status.podIP}:8081/healthz').then(({ ok }) => process.exit(ok ? 0 : 1))`,
      ])
      expect(exitCode).to.equal(0)
    })

    it('gives each line once, also when it is killed and nginx is ended while requests come', async () => {
      const before = await received()
      const reading = follow('/restarts/end')
      const loading = load('restarts', 9_000, 1500)
      await enough(before + 1500)
      await kill('/log-exporter', 'SIGKILL')
      await enough(before + 4000)
      // What nginx does at once when it is asked to end: no request is half done then.
      await kill('nginx: master process', 'SIGTERM')
      const unanswered = await loading
      await waitFor({ what: 'nginx to answer again', seconds: 180, intervalMs: 300 }, async () => {
        return (await fromNginx('/restarts/end')) === 404
      })
      const lines = await reading

      expect(lines.filter(({ missed }) => missed !== undefined)).to.deep.equal([])
      const numbers = lines.map(({ line }) => line)
      expect(numbers).to.deep.equal(numbers.map((_, index) => index + 1))
      const got = lines.map(({ path }) => path!).filter((path) => /^\/restarts\/\d+$/.test(path))
      expect(new Set(got).size, 'lines that came twice').to.equal(got.length)
      // A request whose answer was lost may have been logged.
      const answered = Array.from({ length: 9_000 }, (_, index) => index).filter(
        (index) => !unanswered.includes(index),
      )
      const missing = answered.filter((index) => !got.includes(`/restarts/${index}`))
      expect(missing, 'answered, but not in the log').to.deep.equal([])
      expect(got.length).to.be.at.most(9_000)
      expect(await received()).to.be.at.least(numbers.length)

      // nginx answers before the node has told of its restart.
      const { metadata, containers } = await waitFor({ what: 'two restarts', seconds: 180 }, async () => {
        const { metadata, status } = await onlyPod()
        const containers = [...status.containerStatuses, ...status.initContainerStatuses]
        return containers.every(({ restartCount }) => restartCount > 0) && { metadata, containers }
      })
      expect(metadata.uid).to.equal(pod.metadata.uid)
      expect(containers).to.have.lengthOf(2)
      for (const { name, restartCount } of containers) expect(restartCount, name).to.equal(1)
    })

    it('says how many lines were too much for a reader: lines in are lines out and that number', async () => {
      const before = await received()
      // Long lines, so that the window of 4 MiB is passed soon.
      const label = `overload-${'x'.repeat(200)}`
      const reading = follow('/overload/end')
      for (let part = 1; part <= 5; part += 1) {
        expect(await load(`${label}/${part}`, 6000)).to.deep.equal([])
        // nginx drops lines when the volume is full: not more at once than fits beside the window, however late the exporter is.
        await enough(before + part * 6000)
      }
      expect(await fromNginx('/overload/end')).to.equal(404)
      const lines = await reading
      const total = before + 30_001
      expect(await received()).to.equal(total)
      expect(counted(lines)).to.equal(total)

      await endpointsSettled(cluster, 'we-road-lo', 'app1-svc-lo')
      const late = parsed(await fromExporter('/logs', { after: 0, format: 'ndjson' }))
      expect(late[0]!.missed).to.be.greaterThan(before)
      expect(counted(late)).to.equal(total)
      // Each of them as a whole.
      for (const { path } of late.slice(1, -1)) expect(path).to.match(new RegExp(`^/${label}/\\d/\\d+$`))
    })

    it('stays within its memory, and nginx in its own with the log in it', async () => {
      const path = `/apis/metrics.k8s.io/v1beta1/namespaces/we-road-lo/pods/${pod.metadata.name}`
      const begun = new Date().toISOString()
      const measured = await waitFor({ what: 'a measurement after the load', seconds: 180 }, async () => {
        const metrics = await cluster.send<{
          timestamp: string
          containers: { name: keyof typeof MOST_MEMORY; usage: { memory: string } }[]
        }>({ path })
        return metrics.timestamp > begun && metrics.containers
      })
      expect(measured.map(({ name }) => name)).to.have.members(Object.keys(MOST_MEMORY))
      for (const { name, usage } of measured)
        expect(parseQuantity(usage.memory), `${name}: ${usage.memory}`).to.be.within(MiB, MOST_MEMORY[name])
      const { status } = await onlyPod()
      for (const { name, lastState } of [...status.containerStatuses, ...status.initContainerStatuses])
        expect(lastState.terminated?.reason, name).to.not.equal('OOMKilled')
    })

    it('does not count for the autoscaler, which sees the app alone', async () => {
      const path = '/apis/autoscaling/v2/namespaces/we-road-lo/horizontalpodautoscalers/app1-lo'
      const wait = { what: 'a measurement of the autoscaler', seconds: 180 }
      const { metrics, autoscaling } = await waitFor(wait, async () => {
        const { status } = await cluster.send<{ status: { currentMetrics: { type: string }[] } }>({ path })
        const { result } = await k8sflowJson<StatusResult>(Status, ['-c', 'lo'])
        const { autoscaling } = result.apps[0]!
        // Until there is a measurement of new pods, the list holds a metric of no type; one that is missed is a problem till the next.
        if (autoscaling?.currentCpu === undefined || autoscaling.problem !== undefined)
          throw new Error(JSON.stringify(autoscaling))
        const metrics = status.currentMetrics
        return metrics.length > 0 && metrics.every(({ type }) => type !== '') && { metrics, autoscaling }
      })
      expect(metrics).to.have.lengthOf(1)
      expect(metrics[0]).to.have.nested.property('containerResource.container', 'app1-lo')
      expect(autoscaling).to.include({ targetCpu: 80 })
      expect(autoscaling.currentCpu).to.be.a('number')
    })
  })

  describe('when it is public', () => {
    before(async () => {
      await deployWith({ public: true })
      pod = await onlyPod()
      await endpointsSettled(cluster, 'we-road-lo', 'app1-svc-lo')
      await ingressLeadsTo(HOST, '/logs?tail=0')
    })

    it('is at /logs of the app, through the ingress, and sends lines as they come', async () => {
      expect((await throughIngress(HOST, '/one')).status).to.equal(404)
      const stream = await openThroughIngress(HOST, '/logs?follow=1&tail=1')
      expect(stream.statusCode).to.equal(200)
      expect(stream.headers['x-content-type-options']).to.equal('nosniff')
      let text = ''
      stream.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
      await throughIngress(HOST, '/two')
      await waitFor({ what: 'the line of the second request', seconds: 60, intervalMs: 50 }, () =>
        Promise.resolve(text.includes('GET /two 404')),
      )
      stream.destroy()
      // Who reads the log is not in it.
      expect((await throughIngress(HOST, '/logs?tail=all')).text).to.not.include('/logs')
    })

    it('answers all that docs/logs.md asks', async () => {
      const text = await readFile(join(ROOT, 'docs/logs.md'), 'utf8')
      const [raw, here, public_] = [
        /^kubectl get --raw '(.+):logs\/proxy(\/.+)'$/gm,
        /^curl -N 'http:\/\/localhost:8081(.+)'$/gm,
        /^curl 'http:\/\/app1-it\.info(.+)'$/gm,
      ].map((pattern) => [...text.matchAll(pattern)].map((match) => match.slice(1)))
      expect([raw, here, public_].map((found) => found?.length)).to.deep.equal([3, 2, 1])
      for (const [service, path] of raw!) {
        expect(service).to.equal(services.replace('road-lo', 'road-it').replace('svc-lo', 'svc-it'))
        const { pathname, searchParams } = new URL(path!, 'http://exporter')
        expect(await fromExporter(pathname, Object.fromEntries(searchParams)), path).to.not.equal('')
      }
      const forwarded = await forwardPort(cluster, {
        namespace: 'we-road-lo',
        service: 'app1-svc-lo',
        port: 8081,
      })
      try {
        for (const [path] of here!) {
          const { status, body } = await fetch(`http://${forwarded.address}:${forwarded.port}${path}`)
          expect(status, path).to.equal(200)
          await body!.cancel()
        }
      } finally {
        await forwarded.close()
      }
      for (const [path] of public_!) expect((await throughIngress(HOST, path!)).status, path).to.equal(200)
    })
  })

  /** Waits until the exporter has counted that many lines; it may be away meanwhile. */
  async function enough(lines: number): Promise<void> {
    await waitFor({ what: `${lines} lines`, seconds: 180, intervalMs: 100 }, async () => {
      return (await received()) >= lines
    })
  }

  /** Sends a signal to the process of the pod whose command line begins like that. */
  async function kill(command: string, signal: NodeJS.Signals): Promise<void> {
    for (const id of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
      const read = (file: string) => readFile(`/proc/${id}/${file}`, 'utf8').catch(() => '')
      if ((await read('cmdline')).startsWith(command) && (await read('cgroup')).includes(pod.metadata.uid)) {
        process.kill(Number(id), signal)
        return
      }
    }
    throw new Error(`no ${command} runs in the pod`)
  }
})

/** Lines of a reader, and those it was told it missed. */
function counted(lines: readonly Line[]): number {
  return lines.reduce((sum, { missed }) => sum + (missed ?? 1), 0)
}

function parsed(text: string): Line[] {
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Line)
}

/** Runs a client in the cluster's namespace; gives what it prints. */
async function inside(client: string, argv: string[]): Promise<string> {
  const program = ['--import', import.meta.resolve('tsx'), join(ROOT, 'test/cluster', client)]
  const { exitCode, stdout, stderr } = await insideCluster(process.execPath, [...program, ...argv])
  expect(exitCode, stderr).to.equal(0)
  return stdout
}

async function buildApp(tag: string): Promise<void> {
  const name = `localhost:5000/hecha00/app1:${tag}`
  const options = ['--platform=linux/amd64,linux/arm64', baseArgument(), `--tag=${name}`, '--push']
  const ran = await docker(['buildx', 'build', '--progress=plain', ...options, join(ROOT, 'samples/app1')])
  expect(ran.exitCode, ran.stderr).to.equal(0)
}

/** With a program that Go makes here: the engine cannot pull a Go image. */
async function buildExporter(tag: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'k8sflow-exporter-'))
  try {
    for (const architecture of ['amd64', 'arm64']) {
      const program = join(folder, 'out/linux', architecture, 'log-exporter')
      const flags = ['-trimpath', '-buildvcs=false', '-ldflags=-s -w -buildid=', '-o', program, '.']
      const env = { CGO_ENABLED: '0', GOOS: 'linux', GOARCH: architecture }
      await execa('go', ['build', ...flags], { cwd: EXPORTER, env })
    }
    const script = join(ROOT, '.github/scripts/build-log-exporter')
    const argv = ['push', `localhost:5000/hecha00/log-exporter:${tag}`, `--build-context=build=${folder}`]
    const ran = await insideCluster(script, argv)
    expect(ran.exitCode, ran.stderr).to.equal(0)
  } finally {
    await rm(folder, { recursive: true })
  }
}
