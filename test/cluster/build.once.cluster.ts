import { expect } from 'chai'
import { mkdtemp, readFile, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parse } from 'yaml'

import type { Cluster } from '../../src/cluster/cluster.js'
import type { BuildResult } from '../../src/services/build.js'
import type { DeployResult } from '../../src/services/deploy-result.js'
import { helm, removeAll, suiteCluster } from './cli.js'
import { docker } from './docker.js'
import { waitFor } from './machine/wait.js'
import {
  APPS,
  baseArgument,
  blobInRegistry,
  inRegistry,
  k8sflowInside,
  k8sflowInsideJson,
  sampleRepository,
  type SampleRepository,
} from './sample-repository.js'

const PLATFORMS = ['linux/amd64', 'linux/arm64']
const COUNTRY = 'it'
const NAMESPACE = `we-road-${COUNTRY}`

/** Not today, so that a time in an image is that of a commit or it is not. */
const FIRST_COMMIT = '2026-01-02T03:04:05Z'
const SECOND_COMMIT = '2026-02-03T04:05:06Z'
/** Times of files long before every commit, and after: files are saved before they are committed, and cloned later. */
const OTHER_TIMES = [1_000_000_000, 2_000_000_000]
const THIRD_COMMIT = '2026-03-04T05:06:07Z'
const FOURTH_COMMIT = '2026-04-05T06:07:08Z'

interface Index {
  manifests: { digest: string; platform: { os: string; architecture: string } }[]
}

interface Pod {
  metadata: { uid: string; labels: Record<string, string>; deletionTimestamp?: string }
  status: { containerStatuses?: { imageID: string }[] }
}

describe('build, push, pin and deploy', function () {
  const prefix = `localhost:5000/build-${Date.now()}`
  let cluster: Cluster
  let repository: SampleRepository
  let first: BuildResult

  const build = (argv: string[], cwd = repository.folder) =>
    k8sflowInsideJson<BuildResult>(['build', `--image-prefix=${prefix}`, baseArgument(), ...argv], { cwd })
  const pinning = () => ['--push', ...APPS.flatMap((app) => ['--write', repository.values(app)])]
  const files = () => APPS.flatMap((app) => ['-f', repository.values(app)])
  const digests = ({ images }: BuildResult) => images.map(({ digest }) => digest)

  before(async function () {
    if (process.env['K8SFLOW_TEST_CLUSTER'] !== 'own') this.skip()
    cluster = await suiteCluster()
    repository = await sampleRepository(COUNTRY)
    // What is cached keeps the times it was built with, as far as they are older than the commit.
    await docker(['buildx', 'prune', '--all', '--force'])
  })
  after(async () => {
    if (repository === undefined) return
    await repository.remove()
    await removeAll([COUNTRY])
  })

  it('builds both apps for both platforms, pushes them, and pins what the registry holds', async () => {
    const commit = await repository.commit(FIRST_COMMIT)
    first = await build(pinning())
    expect(first.images.map(({ app }) => app)).to.deep.equal(APPS)
    for (const { app, image, tag, digest, platforms, revision } of first.images) {
      expect([image, tag, revision]).to.deep.equal([`${prefix}/${app}`, commit.slice(0, 12), commit])
      const held = await inRegistry(image, tag)
      expect(held.digest).to.equal(digest)
      const { manifests } = held.body as Index
      expect(manifests.map(({ platform: { os, architecture } }) => `${os}/${architecture}`)).to.have.members(
        PLATFORMS,
      )
      expect(platforms.map((one) => [one.platform, one.digest])).to.have.deep.members(
        manifests.map(({ platform: { os, architecture }, digest }) => [`${os}/${architecture}`, digest]),
      )
      for (const { size } of platforms) expect(size).to.be.greaterThan(1_000_000)
      const pinned = { repository: image, tag, digest }
      expect((await section(app)).image).to.deep.equal(pinned)
    }
    expect(first.written.map(({ app, digest }) => [app, digest])).to.deep.equal(
      first.images.map(({ app, digest }) => [app, digest]),
    )
  })

  it('puts the same time into all images, and that of the commit into a label', async () => {
    for (const { image, platforms } of first.images)
      for (const { digest } of platforms) {
        const { body } = await inRegistry(image, digest!)
        const config = await blobInRegistry<{ created: string; config: { Labels: Record<string, string> } }>(
          image,
          (body as { config: { digest: string } }).config.digest,
        )
        expect(config.created).to.equal('1970-01-01T00:00:00Z')
        expect(config.config.Labels['org.opencontainers.image.created']).to.equal(
          FIRST_COMMIT.replace('Z', '.000Z'),
        )
      }
  })

  it('deploys by digest: helm, the pods and their answers are of what was built', async () => {
    await deploy()
    const pods = await podsByApp()
    for (const { app, image, tag, digest } of first.images) {
      expect(runningDigest(pods.get(app)!)).to.equal(digest)
      expect(await answer(app, '/ping')).to.equal(`hello from ${app}-staging-${COUNTRY}`)
      const values = JSON.parse(await helm('get', 'values', app, '-n', 'we-road', '-o', 'json'))
      expect(
        Object.values(values as Record<string, { image?: unknown }>).map((value) => value.image),
      ).to.deep.include({
        repository: image,
        tag,
        digest,
      })
    }
  })

  it('gives the same digests again, pushed, loaded and written', async () => {
    expect(digests(await build(['--push', '--ignore-cache']))).to.deep.equal(digests(first))

    const loaded = await build(['--load'])
    expect(digests(loaded)).to.deep.equal(digests(first))
    for (const { image, tag, digest } of loaded.images) {
      const { stdout } = await docker(['image', 'inspect', '--format', '{{.Id}}', `${image}:${tag}`])
      expect(stdout).to.equal(digest)
    }

    const folder = await mkdtemp(join(tmpdir(), 'k8sflow-layouts-'))
    try {
      const written = await build(['--oci-dir', folder])
      expect(digests(written)).to.deep.equal(digests(first))
      for (const { app, digest } of written.images) {
        const index = JSON.parse(await readFile(join(folder, app, 'index.json'), 'utf8')) as Index
        expect(index.manifests.map((manifest) => manifest.digest)).to.deep.equal([digest])
      }
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  it('gives the same digests in another checkout, whose files have other times', async () => {
    const parent = await mkdtemp(join(tmpdir(), 'k8sflow-checkout-'))
    try {
      const checkout = join(parent, 'elsewhere')
      await repository.git('stash', '--quiet')
      await repository.git('clone', '--quiet', repository.folder, checkout)
      await repository.git('stash', 'pop', '--quiet')
      for (const time of OTHER_TIMES) {
        for (const entry of await readdir(join(checkout, 'samples'), { recursive: true }))
          await utimes(join(checkout, 'samples', entry), time, time)
        const again = await build(['--push', '--ignore-cache'], checkout)
        expect(digests(again), `files of ${String(time)}`).to.deep.equal(digests(first))
      }
    } finally {
      await rm(parent, { recursive: true })
    }
  })

  it('gives the same digests after a commit elsewhere, and deploying them changes nothing', async () => {
    const before = await podsByApp()
    await writeFile(join(repository.folder, 'notes.txt'), 'nothing that any image holds\n')
    const commit = await repository.commit(SECOND_COMMIT)
    const again = await build(pinning())
    expect(digests(again)).to.deep.equal(digests(first))
    expect(again.images.map(({ tag }) => tag)).to.deep.equal([commit.slice(0, 12), commit.slice(0, 12)])
    await deploy()
    const now = await podsByApp()
    for (const app of APPS) expect(now.get(app)!.metadata.uid).to.equal(before.get(app)!.metadata.uid)
  })

  it('brings a change of one sample to its pods, and leaves the other app alone', async () => {
    const before = await podsByApp()
    const page = repository.source('app1', 'html', 'index.html.template')
    await writeFile(page, (await readFile(page, 'utf8')).replace('<dl>', '<p>changed by a test</p>\n<dl>'))
    await repository.commit(THIRD_COMMIT)
    const [app1, app2] = (await build(pinning())).images
    expect(app1!.digest).not.to.equal(first.images[0]!.digest)
    expect(app2!.digest).to.equal(first.images[1]!.digest)
    expect(await answer('app1', '/')).not.to.include('changed by a test')
    await deploy()
    const now = await podsByApp()
    expect(runningDigest(now.get('app1')!)).to.equal(app1!.digest)
    await leadsTo('app1', 'changed by a test')
    expect(now.get('app2')!.metadata.uid).to.equal(before.get('app2')!.metadata.uid)
  })

  it('does all of it with deploy --build', async () => {
    const page = repository.source('app2', 'html', 'index.html.template')
    await writeFile(page, (await readFile(page, 'utf8')).replace('<dl>', '<p>changed in one go</p>\n<dl>'))
    await repository.commit(FOURTH_COMMIT)
    const before = await podsByApp()
    const argv = ['deploy', ...files(), '--build', `--image-prefix=${prefix}`, baseArgument()]
    const result = await k8sflowInsideJson<DeployResult>(argv, { cwd: repository.folder })
    const now = await podsByApp()
    for (const { app, image, tag, digest } of result.build!.images) {
      expect((await inRegistry(image, tag)).digest).to.equal(digest)
      expect((await section(app)).image).to.include({ repository: image, digest })
      expect(runningDigest(now.get(app)!)).to.equal(digest)
    }
    expect(result.apps.map(({ ping }) => ping?.ok)).to.deep.equal([true, true])
    await leadsTo('app2', 'changed in one go')
    expect(now.get('app1')!.metadata.uid).to.equal(before.get('app1')!.metadata.uid)
  })

  async function section(app: (typeof APPS)[number]): Promise<{ image?: unknown }> {
    const values = parse(await readFile(repository.values(app), 'utf8')) as Record<
      string,
      { image?: unknown }
    >
    return values[app === 'app1' ? 'firstApp' : 'secondApp']!
  }

  async function deploy(): Promise<void> {
    const { exitCode, stderr } = await k8sflowInside(['deploy', ...files()], { cwd: repository.folder })
    expect(exitCode, stderr).to.equal(0)
  }

  /** The pod of each app, once none has another that is not on its way out: helm does not wait for the old ones to go. */
  async function podsByApp(): Promise<Map<string, Pod>> {
    return waitFor({ what: 'one pod of each app', seconds: 120, intervalMs: 300 }, async () => {
      const { items } = await cluster.send<{ items: Pod[] }>({ path: `/api/v1/namespaces/${NAMESPACE}/pods` })
      const alive = items.filter(({ metadata }) => metadata.deletionTimestamp === undefined)
      expect(alive.map(podApp).toSorted()).to.deep.equal(APPS)
      return new Map(alive.map((pod) => [podApp(pod), pod]))
    })
  }

  /** Waits for that page: the API server may lead to a pod on its way out for a moment, which still answers. */
  async function leadsTo(app: string, text: string): Promise<void> {
    await waitFor({ what: `${app}’s new page`, seconds: 60, intervalMs: 300 }, async () => {
      expect(await answer(app, '/')).to.include(text)
      return true
    })
  }

  async function answer(app: string, path: string): Promise<string> {
    const service = `/api/v1/namespaces/${NAMESPACE}/services/${app}-svc-${COUNTRY}:http/proxy`
    const { status, text } = await cluster.exchange({ path: `${service}${path}` })
    expect(status, text).to.equal(200)
    return text
  }
})

function podApp({ metadata: { labels } }: Pod): string {
  return APPS.find((app) => Object.values(labels).includes(app)) ?? ''
}

/** The digest of what a pod runs. Before it stands a name the node has that image under, not always the pod's. */
function runningDigest({ status }: Pod): string | undefined {
  return status.containerStatuses?.[0]?.imageID.split('@')[1]
}
