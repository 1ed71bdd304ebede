import { expect } from 'chai'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import type { ClusterNode, Placement } from '../../../src/cluster/nodes.js'
import { InvalidInputError } from '../../../src/errors.js'
import { packageRoot } from '../../../src/package-root.js'
import { type PlannedImage, plannedImages } from '../../../src/services/deploy-images.js'
import { planReleases } from '../../../src/services/deploy-plan.js'
import { comparePlatforms, lookUpPlatforms } from '../../../src/services/deploy-platforms.js'
import { type FakeRegistry, startFakeRegistry } from '../../commands/fakes/image-registry.js'
import { fakeCluster } from '../cluster/fake-cluster.js'

const CHART = join(packageRoot(), 'helm')
const planned = (values: object) =>
  planReleases([{ path: 'v.yml', values: values as Record<string, unknown> }]).releases
const section = (more: object = {}, countries = ['it']) => ({ create: true, countries, ...more })
const node = (name: string, platform: string, more: Partial<ClusterNode> = {}): ClusterNode => ({
  name,
  platform,
  labels: { 'kubernetes.io/arch': platform.split('/')[1]! },
  taints: [],
  available: true,
  ...more,
})

describe('images of a deployment', () => {
  const images = async (values: object) =>
    (await plannedImages(planned(values), CHART))!.map(({ image }) => image)

  it('takes the chart’s defaults where the values say nothing', async () => {
    expect(await images({ firstApp: section(), secondApp: section({ image: null }) })).to.deep.equal([
      'hecha00/app1:1.0.0',
      'hecha00/app2:1.0.0',
    ])
  })

  it('puts repository, tag and digest together as the chart does', async () => {
    const digest = `sha256:${'a'.repeat(64)}`
    const of = async (image: object) => images({ firstApp: section({ image }) })
    expect(await of({ tag: '2' })).to.deep.equal(['hecha00/app1:2'])
    expect(await of({ repository: '127.0.0.1:5000/app1' })).to.deep.equal(['127.0.0.1:5000/app1:1.0.0'])
    expect(await of({ tag: '2', digest })).to.deep.equal([`hecha00/app1@${digest}`])
    expect(await of({ repository: null, tag: null, digest: null })).to.deep.equal(['hecha00/app1:1.0.0'])
  })

  it('takes the images of what runs beside nginx, where it is on', async () => {
    const logs = { enabled: true, image: { repository: 'lan:5000/log-exporter' } }
    const metrics = { enabled: true }
    expect(await images({ firstApp: section({ logs }), secondApp: section({ metrics }) })).to.deep.equal([
      'hecha00/app1:1.0.0',
      'lan:5000/log-exporter:1.0.0',
      'hecha00/app2:1.0.0',
      'nginx/nginx-prometheus-exporter:1.5.3',
    ])
    const perCountry = { es: { logs: { enabled: true, image: null } } }
    expect(await images({ firstApp: section({ logs: null, perCountry }, ['it', 'es']) })).to.deep.equal([
      'hecha00/app1:1.0.0',
      'hecha00/log-exporter:1.0.0',
    ])
  })

  it('names an image once, unless countries choose nodes in another way', async () => {
    const perCountry = { es: { nodeSelector: { disk: 'ssd' } }, fr: { image: { tag: '3' } } }
    const found = await plannedImages(
      planned({ firstApp: section({ nodeSelector: { a: 'b' }, perCountry }, ['it', 'de', 'es', 'fr']) }),
      CHART,
    )
    expect(found!.map(({ image, placement }) => [image, placement.nodeSelector])).to.deep.equal([
      ['hecha00/app1:1.0.0', { a: 'b' }],
      ['hecha00/app1:1.0.0', { a: 'b', disk: 'ssd' }],
      ['hecha00/app1:3', { a: 'b' }],
    ])
  })

  it('shares an image of both apps, and reads other charts’ defaults', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'k8sflow-chart-'))
    await writeFile(join(folder, 'Chart.yaml'), 'name: x\nappVersion: 7\n')
    await writeFile(
      join(folder, 'values.yaml'),
      'firstApp: &a {image: {repository: r.io/x}, nodeSelector: {k: v}}\nsecondApp: *a\n',
    )
    const found = await plannedImages(planned({ firstApp: section(), secondApp: section() }), folder)
    await rm(folder, { recursive: true })
    expect(found).to.deep.equal([
      {
        image: 'r.io/x:7',
        apps: ['app1', 'app2'],
        placement: { nodeSelector: { k: 'v' }, affinity: undefined, tolerations: undefined },
      },
    ])
    expect(await plannedImages(planned({ firstApp: section() }), '/nowhere/chart.tgz')).to.equal(undefined)
  })
})

describe('comparing images with nodes', () => {
  const pi = node('pi', 'linux/arm64')
  const nuc = node('nuc', 'linux/amd64')
  const image = (name = 'app1:1', placement: Placement = {}): PlannedImage => ({
    image: name,
    apps: ['app1'],
    placement,
  })
  const made = (...platforms: string[]) => new Map([['app1:1', { platforms }]])
  const refusal = async (...args: Parameters<typeof comparePlatforms>) => {
    const error: unknown = await comparePlatforms(...args).then(
      (found) => expect.fail(JSON.stringify(found)),
      (thrown: unknown) => thrown,
    )
    expect(error).to.be.instanceOf(InvalidInputError)
    return error as InvalidInputError
  }
  const NOTHING = { warnings: [], notes: [] }

  it('has nothing to say where all nodes can run it', async () => {
    expect(await comparePlatforms([image()], made('linux/amd64', 'linux/arm64'), [pi, nuc])).to.deep.equal(
      NOTHING,
    )
    expect(
      await comparePlatforms([image()], made('linux/arm64'), [
        pi,
        node('x', 'linux/amd64', { available: false }),
      ]),
    ).to.deep.equal(NOTHING)
  })

  it('refuses an image that none of them can run, naming both and the way out', async () => {
    const error = await refusal([image()], made('linux/amd64'), [pi, node('pi2', 'linux/arm64')])
    expect(error.message).to.equal(
      'app1:1 is made for linux/amd64, but the nodes that could run it are pi, pi2 (linux/arm64). Nothing was changed.',
    )
    expect([error.code, error.exitCode]).to.deep.equal(['IMAGE_PLATFORM_MISMATCH', 2])
    expect(error.suggestions).to.deep.equal([
      'Build for the nodes, too: k8sflow build -p app1 --platform linux/amd64,linux/arm64 --push',
      'If they can run it all the same, as with an emulator: --no-check-platforms',
    ])
    expect(error.data).to.deep.equal({
      images: [
        {
          image: 'app1:1',
          platforms: ['linux/amd64'],
          nodes: [
            { name: 'pi', platform: 'linux/arm64' },
            { name: 'pi2', platform: 'linux/arm64' },
          ],
        },
      ],
    })
  })

  it('names every image at once, and nodes elsewhere that fit', async () => {
    const placement = { nodeSelector: { 'kubernetes.io/arch': 'arm64' } }
    const answers = new Map([...made('linux/amd64'), ['app2:1', { platforms: ['linux/386'] }] as const])
    const images = [image('app1:1', placement), { ...image('app2:1', placement), apps: ['app2' as const] }]
    const error = await refusal(images, answers, [pi, nuc])
    expect(error.message).to.include(
      'app1:1 is made for linux/amd64, but the only node that could run it is pi (linux/arm64). app2:1 is',
    )
    expect(error.suggestions[0]).to.include('-p app1,app2 --platform linux/amd64,linux/arm64,linux/386')
    expect(error.suggestions[1]).to.match(/nodeSelector and tolerations in the values: nuc \(linux\/amd64\)$/)
  })

  it('warns where only some can run it, unless the values keep pods away from the others', async () => {
    const { warnings, notes } = await comparePlatforms([image(), image()], made('linux/amd64'), [pi, nuc])
    expect(notes).to.deep.equal([])
    expect(warnings).to.deep.equal([
      'app1:1 is made for linux/amd64; pods that come to pi (linux/arm64) will not start. Build it for those, too, or set nodeSelector {kubernetes.io/arch: amd64}.',
    ])
    const choosing = image('app1:1', { nodeSelector: { 'kubernetes.io/arch': 'amd64' } })
    expect(await comparePlatforms([choosing], made('linux/amd64'), [pi, nuc])).to.deep.equal(NOTHING)
    const tainted = node('pi', 'linux/arm64', { taints: [{ key: 'k', effect: 'NoSchedule' }] })
    expect(await comparePlatforms([image()], made('linux/amd64'), [tainted, nuc])).to.deep.equal(NOTHING)
  })

  it('notes what could not be checked, each reason once', async () => {
    const problem = 'r.io cannot be reached (x).'
    const answers = new Map([
      ['app1:1', { problem }],
      ['app2:1', { problem }],
    ])
    expect(await comparePlatforms([image(), image('app2:1')], answers, [pi])).to.deep.equal({
      warnings: [],
      notes: [`The platforms of app1:1 and app2:1 were not checked: ${problem}`],
    })
    const nowhere = await comparePlatforms([image()], made('linux/amd64'), [{ ...pi, available: false }])
    expect(nowhere.notes[0]).to.match(
      /app1:1 were not checked: no node that is ready .*\. Compare those in the values with: kubectl describe nodes$/,
    )
  })
})

describe('looking platforms up', () => {
  let registry: FakeRegistry
  beforeEach(async () => (registry = await startFakeRegistry()))
  afterEach(async () => registry.close())

  const start = (signal = new AbortController().signal, tag = '1') =>
    lookUpPlatforms(planned({ firstApp: section({ image: { repository: `${registry.host}/app1`, tag } }) }), {
      chart: CHART,
      progress: () => undefined,
      signal,
    })
  const nodes = (architecture: string) =>
    fakeCluster(() => ({
      items: [
        {
          metadata: { name: 'pi' },
          status: {
            nodeInfo: { operatingSystem: 'linux', architecture },
            conditions: [{ type: 'Ready', status: 'True' }],
          },
        },
      ],
    }))

  it('asks the registry before it is asked itself, and compares', async () => {
    registry.putSingle('app1', '1', 'linux/arm64')
    const lookup = start()
    while (registry.requests.length < 2) await new Promise((resolve) => setTimeout(resolve, 5))
    expect(await lookup.compare(nodes('arm64'))).to.deep.equal({ warnings: [], notes: [] })
    const error: unknown = await lookup.compare(nodes('amd64')).catch((thrown: unknown) => thrown)
    expect(error).to.be.instanceOf(InvalidInputError)
  })

  it('notes what the registry does not have', async () => {
    const { notes } = await start(undefined, 'gone').compare(nodes('arm64'))
    expect(notes).to.deep.equal([
      `The platforms of ${registry.host}/app1:gone were not checked: ${registry.host} has no app1:gone. Correct its name in the values, or push it: k8sflow build --push`,
    ])
  })

  it('says what to do about a registry that does not tell', async () => {
    const advice = async (status: number) => {
      registry.intercept = (_request, response) => {
        response.writeHead(status).end()
        return true
      }
      const { notes } = await start().compare(nodes('arm64'))
      return notes[0]
    }
    expect(await advice(403)).to.match(/not checked: \S+ refuses .*\. Log in: docker login \S+$/)
    expect(await advice(429)).to.match(
      /status 429\)\. Wait, log in \(docker login\), or leave this check out: --no-/,
    )
    expect(await advice(500)).to.match(
      /status 500\. If the nodes can pull it, .*, or leave this check out: --no-/,
    )
  })

  it('waits for no registry where the nodes may not be listed', async () => {
    registry.intercept = () => true
    const before = Date.now()
    const forbidden = fakeCluster(() => ({ status: 403, text: '{"message":"no"}' }))
    expect(await start().compare(forbidden)).to.deep.equal({
      warnings: [],
      notes: [
        'Whether the nodes can run the images was not checked: user "me" may not list nodes. Ask the cluster\'s owner for that right, or leave this check out: --no-check-platforms',
      ],
    })
    const broken = fakeCluster(() => ({ status: 500, text: '{"message":"etcd is away"}' }))
    expect((await start().compare(broken)).notes[0]).to.include(
      'could not be listed (etcd is away). Try again, or leave this check out: --no-check-platforms',
    )
    // Each would have waited for five seconds.
    expect(Date.now() - before).to.be.lessThan(9000)
  })

  it('ends with the deployment', async () => {
    registry.intercept = () => true
    const controller = new AbortController()
    const stopped = start(controller.signal)
    const comparing = stopped.compare(nodes('arm64'))
    controller.abort()
    expect((await comparing).notes[0]).to.include('was not asked to the end')
    const other = start()
    other.stop()
    expect((await other.compare(nodes('arm64'))).notes[0]).to.include('was not asked to the end')
  })
})
