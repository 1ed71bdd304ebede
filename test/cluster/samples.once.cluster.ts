import { expect } from 'chai'
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import type { Cluster } from '../../src/cluster/cluster.js'
import { parseQuantity } from '../../src/cluster/quantity.js'
import { ROOT } from '../commands/harness.js'
import { deploy, removeAll, suiteCluster } from './cli.js'
import { docker, insideCluster } from './docker.js'
import { waitFor } from './machine/wait.js'

const APPS = ['app1', 'app2']
const PLATFORMS = ['linux/amd64', 'linux/arm64']
const OCI = 'application/vnd.oci.image'

/** Bytes a sample may add to its base: four files, compressed. */
const MOST_OVER_BASE = 4096
/** Of the 40 MiB a container may use: the rest is for connections. */
const MOST_MEMORY = 12 * 1024 ** 2

interface Manifest {
  manifests: { digest: string; platform: { os: string; architecture: string } }[]
  config: { digest: string }
  layers: { digest: string; size: number }[]
}

interface PodMetrics {
  items: { metadata: { name: string }; containers: { usage: { memory: string } }[] }[]
}

describe('the samples', function () {
  // Not moved between runs on one cluster: a node that has a tag does not pull it again.
  const tag = `samples-${Date.now()}`
  const image = (app: string) => `localhost:5000/hecha00/${app}:${tag}`
  const sample = (app: string, ...parts: string[]) => join(ROOT, 'samples', app, ...parts)

  before(async function () {
    if (process.env['K8SFLOW_TEST_CLUSTER'] !== 'own') this.skip()
    for (const app of APPS) await build(sample(app), image(app))
  })

  describe('as images', () => {
    for (const app of APPS)
      it(`${app} is there for both platforms and adds at most ${MOST_OVER_BASE} bytes to its base`, async () => {
        const [, repository, digest] = /^[^/]+\/([^:@]+).*@(.+)$/.exec(
          process.env['K8SFLOW_TEST_BASE_IMAGE']!,
        )!
        const below = await platformManifests(repository!, digest!)
        const built = await platformManifests(`hecha00/${app}`, tag)
        expect([...built.keys()]).to.have.members(PLATFORMS)
        for (const [platform, { layers }] of built) {
          const known = below.get(platform)!.layers.map(({ digest }) => digest)
          const added = layers.filter(({ digest }) => !known.includes(digest))
          expect(added).to.have.lengthOf(layers.length - known.length)
          expect(added.reduce((sum, { size }) => sum + size, 0)).to.be.within(1, MOST_OVER_BASE)
        }
      })

    it('say what they are, who they run as and how to ask for their health', async () => {
      for (const app of APPS) {
        const config = JSON.parse(
          (await ok(['image', 'inspect', image(app), '--format', '{{json .Config}}'])).stdout,
        )
        expect(config.Labels).to.include({
          'org.opencontainers.image.title': app,
          'org.opencontainers.image.licenses': 'MIT',
        })
        expect(config.Labels['org.opencontainers.image.description']).to.match(/\w/)
        expect(config.User).to.equal('10101:10101')
        expect(config.ExposedPorts).to.have.property('8080/tcp')
        expect(config.Healthcheck.Test[0]).to.equal('CMD')
      }
    })

    it('hold nothing of their folder but what the server needs', async () => {
      const names = ['*.env', 'README.md', 'Dockerfile', '.dockerignore']
      const search = [
        'find',
        '/',
        '-xdev',
        '(',
        ...names.flatMap((name) => ['-o', '-name', name]).slice(1),
        ')',
      ]
      const { stdout } = await ok([
        'run',
        '--rm',
        '--network=none',
        '--entrypoint',
        search[0]!,
        image('app1'),
        ...search.slice(1),
      ])
      expect(stdout).to.equal('')
    })
  })

  describe('with docker run', () => {
    const variables = ['--env-file', sample('app1', 'production.env')]
    const readOnly = ['--read-only', '--cap-drop=ALL', '--security-opt=no-new-privileges', '--tmpfs=/tmp']

    for (const [title, options] of [
      ['as it is', []],
      ['with nothing writable but /tmp, and no privileges', readOnly],
      ['as a user it knows nothing of', ['--user=54321:0']],
    ] as const)
      it(`answer /ping ${title}, as text/plain, said once`, () =>
        container([...options, ...variables], async (id) => {
          // busybox wget shows the headers as they come, one a line.
          const { stdout, stderr } = await request(id, '/ping')
          expect(stdout).to.equal('hello from app1-production-it')
          const header = (name: string) => stderr.match(new RegExp(`^ *${name}: .*$`, 'gim')) ?? []
          expect(header('Content-Type').map((line) => line.trim())).to.deep.equal([
            'Content-Type: text/plain',
          ])
          expect(header('Server').map((line) => line.trim())).to.deep.equal(['Server: nginx'])
          expect(header('X-Content-Type-Options')).to.have.lengthOf(1)
        }))

    it('show a start page with app and country, and nothing that is not theirs', () =>
      container(variables, async (id) => {
        const page = await request(id, '/')
        expect(page.stdout).to.include('<h1>app1-production</h1>').and.include('<dd>it</dd>')
        expect((await request(id, '/style.css')).stderr).to.match(/Content-Type: text\/css/i)
        for (const other of ['/index.html', '/50x.html', '/app.conf', '/ping/', '/nginx.pid'])
          expect((await request(id, other)).stderr, other).to.include('404 Not Found')
      }))

    it('have one worker, log requests but not /ping, are healthy, and stop when asked to', () =>
      container(variables, async (id) => {
        for (const path of ['/ping', '/?secret=1', '/favicon.ico']) await request(id, path)
        const { stdout: processes } = await ok(['top', id, '-eo', 'pid,args'])
        expect(processes.match(/nginx: worker process/g)).to.have.lengthOf(1)
        // The engine copies what nginx prints; the last answer may be here before its line is.
        const logs = await waitFor({ what: 'the log', seconds: 60, intervalMs: 100 }, async () => {
          const copied = await ok(['logs', id])
          return copied.stdout !== '' && copied
        })
        expect(logs.stderr).to.equal('')
        expect(logs.stdout).to.match(/^\S+ GET \/index\.html 200 \d+B \d\.\d+s$/)
        await waitFor({ what: 'the health check', seconds: 240, intervalMs: 500 }, async () => {
          return (await ok(['inspect', id, '--format', '{{.State.Health.Status}}'])).stdout === 'healthy'
        })
        // It ends as soon as nginx has; a kill after ten seconds would be another exit code.
        await ok(['stop', '-t', '120', id])
        expect((await ok(['inspect', id, '--format', '{{.State.ExitCode}}'])).stdout).to.equal('0')
        await ok(['start', id])
        expect((await request(id, '/ping')).stdout).to.equal('hello from app1-production-it')
      }))

    for (const [title, options, message] of [
      [
        'nothing can be written',
        ['--read-only', ...variables],
        /00-check\.sh: ERROR: \/tmp\/nginx cannot be written/,
      ],
      ['a variable is missing', ['--env=APP_NAME=app1'], /00-check\.sh: ERROR: COUNTRY is not set/],
      [
        'a variable is not plain',
        ['--env=APP_NAME=a"; b', '--env=COUNTRY=it'],
        /00-check\.sh: ERROR: APP_NAME is/,
      ],
      [
        'templates are sent elsewhere',
        ['--env=NGINX_ENVSUBST_OUTPUT_DIR=/tmp', ...variables],
        /\[emerg\].*app\.conf.*No such file/,
      ],
      [
        'the start script is passed over',
        ['--entrypoint=nginx', ...variables],
        /\[emerg\].*app\.conf.*No such file/,
      ],
    ] as const)
      it(`end with an error when ${title}`, async () => {
        const { exitCode, stderr } = await docker([
          'run',
          '--rm',
          '--network=none',
          ...options,
          image('app1'),
        ])
        expect(exitCode).to.equal(1)
        expect(stderr).to.match(message)
      })

    /** Lends a running container of app1 with only a loopback of its own, which `request` uses. */
    async function container(options: readonly string[], use: (id: string) => Promise<void>): Promise<void> {
      const { stdout: id } = await ok(['run', '--detach', '--network=none', ...options, image('app1')])
      try {
        await use(id)
      } finally {
        await docker(['rm', '--force', id])
      }
    }

    /** An answer's body on stdout, its status and headers on stderr. */
    async function request(id: string, path: string) {
      await waitFor({ what: 'nginx to listen', seconds: 120, intervalMs: 50 }, async () => {
        return (
          (await docker(['exec', id, 'wget', '-qO-', 'http://127.0.0.1:8080/favicon.ico'])).exitCode === 0
        )
      })
      return docker(['exec', id, 'wget', '-S', '-qO-', `http://127.0.0.1:8080${path}`])
    }
  })

  describe('as pods', () => {
    let cluster: Cluster

    before(async () => {
      cluster = await suiteCluster()
      const values = (app: string) => ({ env: 'production', countries: ['it'], tag, app })
      await deploy({ app1: values('app1'), app2: values('app2') })
    })
    after(() => removeAll(['it']))

    it('answer /ping, and the page of the one is not that of the other', async () => {
      for (const app of APPS) {
        const path = `/api/v1/namespaces/we-road-it/services/${app}-svc-it:http/proxy`
        const ping = await cluster.exchange({ path: `${path}/ping` })
        expect([ping.status, ping.text]).to.deep.equal([200, `hello from ${app}-production-it`])
        expect((await cluster.exchange({ path: `${path}/` })).text).to.include(`<h1>${app}-production</h1>`)
      }
    })

    it('use far less memory than they may', async () => {
      const path = '/apis/metrics.k8s.io/v1beta1/namespaces/we-road-it/pods'
      const measured = await waitFor({ what: 'the metrics of both pods', seconds: 300 }, async () => {
        const { items } = await cluster.send<PodMetrics>({ path })
        return items.length >= APPS.length && items
      })
      for (const { metadata, containers } of measured) {
        const { memory } = containers[0]!.usage
        expect(parseQuantity(memory), `${metadata.name}: ${memory}`).to.be.within(1, MOST_MEMORY)
      }
    })
  })

  describe('with another checkout', () => {
    let folder: string
    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), 'k8sflow-samples-'))
    })
    afterEach(() => rm(folder, { recursive: true }))

    it('can be read by their user even if nobody else could read the checkout', async () => {
      await cp(sample('app1'), join(folder, 'app1'), { recursive: true })
      await insideCluster('chmod', ['-R', 'go=,u-x+X', join(folder, 'app1')])
      const name = `${image('app1')}-private`
      await build(join(folder, 'app1'), name, ['linux/amd64'])
      const args = [
        'run',
        '--rm',
        '--network=none',
        '--env-file',
        sample('app1', 'staging.env'),
        name,
        'nginx',
        '-t',
      ]
      const { exitCode, stderr } = await docker(args)
      expect(exitCode, stderr).to.equal(0)
      expect(stderr).to.include('test is successful')
    })

    it('get the digest that a tag names now from scripts/refresh-base.ts', async () => {
      const [name, digest] = process.env['K8SFLOW_TEST_BASE_IMAGE']!.split('@')
      const froms = ['FROM ', 'FROM --platform=$BUILDPLATFORM ']
      const files = froms.map((_, index) => join(folder, `Dockerfile-${index}`))
      const line = (from: string, pinned: string) => `${from}${name}@${pinned} AS base\n`
      for (const [index, from] of froms.entries())
        await writeFile(files[index]!, line(from, `sha256:${'0'.repeat(64)}`))
      const script = join(ROOT, 'scripts', 'refresh-base.ts')
      const ran = await insideCluster(process.execPath, ['--import', 'tsx', script, ...files], { cwd: ROOT })
      expect(ran.exitCode, ran.stderr).to.equal(0)
      for (const [index, from] of froms.entries())
        expect(await readFile(files[index]!, 'utf8')).to.equal(line(from, digest!))
    })
  })
})

/** Runs docker; a failure is one of the test. */
async function ok(args: string[]) {
  const ran = await docker(args)
  expect(ran.exitCode, `docker ${args.join(' ')}: ${ran.stderr}`).to.equal(0)
  return ran
}

async function build(context: string, name: string, platforms = PLATFORMS): Promise<void> {
  const base = `NGINX_IMAGE=${process.env['K8SFLOW_TEST_BASE_IMAGE']}`
  const options = [`--platform=${platforms.join(',')}`, `--build-arg=${base}`, `--tag=${name}`, '--push']
  await ok(['buildx', 'build', '--progress=plain', ...options, context])
}

/** The manifest of each platform of an image in the suite's registry, attestations left out. */
async function platformManifests(repository: string, reference: string): Promise<Map<string, Manifest>> {
  const manifests = new Map<string, Manifest>()
  const index = await manifest(repository, reference)
  for (const { digest, platform } of index.manifests)
    if (platform.os !== 'unknown')
      manifests.set(`${platform.os}/${platform.architecture}`, await manifest(repository, digest))
  return manifests
}

async function manifest(repository: string, reference: string): Promise<Manifest> {
  const url = `http://${process.env['K8SFLOW_TEST_REGISTRY']}/v2/${repository}/manifests/${reference}`
  const accept = `${OCI}.index.v1+json, ${OCI}.manifest.v1+json`
  const answer = await fetch(url, { headers: { accept } })
  expect(answer.status, url).to.equal(200)
  return (await answer.json()) as Manifest
}
