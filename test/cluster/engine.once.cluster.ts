import { expect } from 'chai'
import { CoreV1Api, KubeConfig } from '@kubernetes/client-node'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { classicEngine, docker, smallEngine, withoutRegistry } from './docker.js'
import { waitFor } from './machine/wait.js'

const image = 'localhost:5000/hecha00/engine-test'
const namespace = 'engine-test'

/** From the base by copying alone, so that no step runs a program of another processor. */
const dockerfile = `ARG NGINX_IMAGE=scratch
FROM \${NGINX_IMAGE}
COPY ping.conf.template /etc/nginx/templates/
COPY nginx.conf /etc/nginx/
USER 10101
`

const template = `server {
  listen 8080;
  location = /ping { return 200 "hello from \${APP_NAME}"; }
}
`

const nginxConf = `pid /tmp/nginx.pid;
events {}
http {
  client_body_temp_path /tmp/body;
  proxy_temp_path /tmp/proxy;
  fastcgi_temp_path /tmp/fastcgi;
  scgi_temp_path /tmp/scgi;
  uwsgi_temp_path /tmp/uwsgi;
  include /tmp/conf/*.conf;
}
`

interface Index {
  manifests: { platform: { os: string; architecture: string } }[]
}

describe("the test cluster's Docker engine and base image", function () {
  let context: string
  const base = () => process.env['K8SFLOW_TEST_BASE_IMAGE']!
  const build = (argv: string[], env: Record<string, string> = {}) =>
    docker(['buildx', 'build', '--progress=plain', `--build-arg=NGINX_IMAGE=${base()}`, ...argv, context], {
      env,
    })

  before(async function () {
    if (process.env['K8SFLOW_TEST_CLUSTER'] !== 'own') this.skip()
    context = await mkdtemp(join(tmpdir(), 'k8sflow-engine-'))
    await writeFile(join(context, 'Dockerfile'), dockerfile)
    await writeFile(join(context, 'ping.conf.template'), template)
    await writeFile(join(context, 'nginx.conf'), nginxConf)
  })

  after(async () => {
    if (context) await rm(context, { recursive: true })
  })

  it('answers, and keeps images in containerd’s store', async () => {
    const { stdout } = await docker(['info', '--format', '{{.ServerVersion}} {{.DriverStatus}}'])
    expect(stdout)
      .to.match(/^\d+\.\d+/)
      .and.to.contain('io.containerd.snapshotter.v1')
  })

  it('builds on the base image for two platforms and pushes', async () => {
    const { exitCode, stderr } = await build([
      '--platform=linux/amd64,linux/arm64',
      '--push',
      `--tag=${image}:1`,
    ])
    expect(exitCode, stderr).to.equal(0)
    const answer = await fetch(
      `http://${process.env['K8SFLOW_TEST_REGISTRY']}/v2/hecha00/engine-test/manifests/1`,
      { headers: { accept: 'application/vnd.oci.image.index.v1+json' } },
    )
    const index = (await answer.json()) as Index
    expect(
      index.manifests.map(({ platform }) => `${platform.os}/${platform.architecture}`),
    ).to.include.members(['linux/amd64', 'linux/arm64'])
  })

  it('has an nginx of each processor in the base image', async () => {
    // The processor in an ELF file's header: 62 is x86-64, 183 is AArch64.
    for (const [architecture, machine] of Object.entries({ amd64: 62, arm64: 183 })) {
      const out = join(context, `out-${architecture}`)
      const args = [`--platform=linux/${architecture}`, `--output=type=local,dest=${out}`]
      const { exitCode, stderr } = await build(args)
      expect(exitCode, stderr).to.equal(0)
      expect((await readFile(join(out, 'usr/sbin/nginx'))).readUInt16LE(18)).to.equal(machine)
    }
  })

  it('goes on without a word more when a template has nowhere to go, as the official image does', async () => {
    const run = ['run', '--rm', '--network=none', '--read-only', `${image}:1`, 'nginx', '-v']
    const { exitCode, stdout, stderr } = await docker(run)
    expect(exitCode, stderr).to.equal(0)
    expect(stdout).to.contain('/etc/nginx/conf.d is not writable')
    expect(stderr).to.contain('nginx version')
  })

  it('runs what was built as a pod: non-root, with a read-only root, its template filled in', async () => {
    const config = new KubeConfig()
    config.loadFromFile(process.env['KUBECONFIG']!)
    const core = config.makeApiClient(CoreV1Api)
    await core.createNamespace({ body: { metadata: { name: namespace } } })
    try {
      // A pod is refused until the namespace has the account it runs as.
      await waitFor({ what: `the account of ${namespace}`, seconds: 120 }, () =>
        core.readNamespacedServiceAccount({ name: 'default', namespace }),
      )
      await core.createNamespacedPod({ namespace, body: pod() })
      const wait = { what: 'an answer of the pod', seconds: 240, intervalMs: 300 }
      const answer = await waitFor(wait, () =>
        core.connectGetNamespacedPodProxyWithPath({ name: 'web:8080', namespace, path: 'ping' }),
      )
      expect(answer).to.equal('hello from engine')
    } finally {
      await core.deleteNamespace({ name: namespace })
    }
  })

  it('can be one with the classic store, which refuses two platforms', async () => {
    const engine = await classicEngine()
    try {
      const refused = await build(
        ['--platform=linux/amd64,linux/arm64', '--push', `--tag=${image}:2`],
        engine.env,
      )
      expect(refused.exitCode).to.equal(1)
      expect(refused.stderr).to.contain('Multi-platform build is not supported for the docker driver')
      const { exitCode, stderr } = await build(['--load', `--tag=${image}:2`], engine.env)
      expect(exitCode, stderr).to.equal(0)
    } finally {
      await engine.stop()
    }
  })

  it('can be one with a small disk, which is soon full', async () => {
    const engine = await smallEngine(8 * 1024 ** 2)
    try {
      const { exitCode, stderr } = await build(['--load', `--tag=${image}:3`], engine.env)
      expect(exitCode).to.equal(1)
      expect(stderr).to.contain('no space left on device')
    } finally {
      await engine.stop()
    }
  })

  it('fails to push while the registry is down, and pushes again afterwards', async () => {
    const push = ['--push', `--tag=${image}:4`]
    const { exitCode, stderr } = await withoutRegistry(() => build(push))
    expect(exitCode).to.equal(1)
    expect(stderr).to.contain('connection refused')
    const again = await build(push)
    expect(again.exitCode, again.stderr).to.equal(0)
  })
})

function pod() {
  return {
    metadata: { name: 'web' },
    spec: {
      containers: [
        {
          name: 'web',
          image: `${image}:1`,
          env: [
            { name: 'APP_NAME', value: 'engine' },
            { name: 'NGINX_ENVSUBST_OUTPUT_DIR', value: '/tmp/conf' },
          ],
          command: ['sh', '-c', 'mkdir /tmp/conf && exec /docker-entrypoint.sh nginx -g "daemon off;"'],
          securityContext: {
            runAsNonRoot: true,
            readOnlyRootFilesystem: true,
            allowPrivilegeEscalation: false,
            capabilities: { drop: ['ALL'] },
          },
          volumeMounts: [{ name: 'tmp', mountPath: '/tmp' }],
        },
      ],
      volumes: [{ name: 'tmp', emptyDir: {} }],
    },
  }
}
