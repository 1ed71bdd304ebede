import { expect } from 'chai'
import { execa } from 'execa'
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parse, parseAllDocuments } from 'yaml'

import { type Cluster, type ObjectMeta } from '../../src/cluster/cluster.js'
import Deploy from '../../src/commands/deploy.js'
import Gitops from '../../src/commands/gitops.js'
import GitopsStatus from '../../src/commands/gitops/status.js'
import Status from '../../src/commands/status.js'
import type { GitopsOpenResult } from '../../src/services/gitops-open.js'
import type { GitopsStatusResult } from '../../src/services/gitops-status.js'
import { ROOT } from '../commands/harness.js'
import { helm, k8sflow, k8sflowJson, removeAll, suiteCluster, valuesText, withFile } from './cli.js'
import { kindsServed } from './custom-kinds.js'
import { goModuleFolder } from './machine/go-modules.js'
import { waitFor } from './machine/wait.js'
import { endpointsSettled } from './service-endpoints.js'

// The newest whose go.mod the Go of this machine can read.
const ARGOCD = 'github.com/argoproj/argo-cd/v3@v3.5.7'
const COUNTRIES = ['it', 'es']
const API = '/apis/argoproj.io/v1alpha1/namespaces/argocd'

interface ManifestObject {
  apiVersion: string
  kind: string
  metadata: ObjectMeta
}
interface Application extends ManifestObject {
  spec: {
    source: {
      path: string
      helm: { releaseName: string; valueFiles: string[]; valuesObject: object; skipTests: boolean }
    }
    destination: { namespace: string }
  }
}

describe('k8sflow gitops', () => {
  let cluster: Cluster
  let repository: string
  const crds: string[] = []
  const file = () => join(repository, 'apps.yml')
  const manifests = new Map<string, Application>()

  before(async function () {
    // Argo CD's kinds are the whole cluster's.
    if (process.env['K8SFLOW_TEST_CLUSTER'] !== 'own') this.skip()
    cluster = await suiteCluster()
    repository = await mkdtemp(join(tmpdir(), 'k8sflow-gitops-'))
    await cp(join(ROOT, 'helm'), join(repository, 'helm'), { recursive: true })
    // Both apps in one file, of which deploy makes two releases; one of them without an autoscaler.
    const values = JSON.parse(
      valuesText({ app1: { countries: COUNTRIES }, app2: { countries: ['it'] } }),
    ) as Record<string, object>
    // One pod, however busy this machine is: what Argo CD takes over is compared with what there was, replicas included.
    values['firstApp'] = { ...values['firstApp'], autoscaling: { maxReplicas: 1 } }
    values['secondApp'] = { ...values['secondApp'], replicas: 2, autoscaling: { enabled: false } }
    await writeFile(file(), JSON.stringify(values))
    await execa('git', ['init', '-q', '-b', 'main', repository])
    const { exitCode, stderr } = await k8sflow(Deploy, ['-f', file(), '--chart', join(repository, 'helm')])
    if (exitCode !== 0) throw new Error(stderr)
  })
  after(async () => {
    if (repository === undefined) return
    await rm(repository, { recursive: true })
    for (const path of [...crds, '/api/v1/namespaces/argocd'])
      await cluster.exchange({ method: 'DELETE', path })
    await removeAll(COUNTRIES)
  })

  it("writes what Argo CD's own schemas accept, field by field", async () => {
    await installKinds()
    const url = ['--repo', 'https://example.org/me/homelab.git', '--revision', 'main']
    const cwd = process.cwd()
    process.chdir(repository)
    try {
      const { exitCode, stderr } = await k8sflow(Gitops, ['-f', 'apps.yml', ...url])
      expect(exitCode, stderr).to.equal(0)
    } finally {
      process.chdir(cwd)
    }
    for (const name of await readdir(join(repository, 'argocd'))) {
      const object = parse(await readFile(join(repository, 'argocd', name), 'utf8')) as Application
      const resource = object.kind === 'AppProject' ? 'appprojects' : 'applications'
      const made = await cluster.exchange({
        method: 'POST',
        path: `${API}/${resource}`,
        query: { fieldValidation: 'Strict' },
        body: object,
      })
      expect(made.status, made.text).to.equal(201)
      if (object.kind === 'Application') manifests.set(object.metadata.name, object)
    }
    expect([...manifests.keys()]).to.have.members(['we-road-namespaces', 'we-road-app1', 'we-road-app2'])
  })

  for (const app of ['app1', 'app2'])
    it(`makes Argo CD render for ${app} what deploy applies, label for label`, async () => {
      const rendered = await asArgocdRenders(manifests.get(`we-road-${app}`)!)
      const applied = objects(await helm('get', 'manifest', app, '--namespace', 'we-road'))
      expect(applied.size).to.be.at.least(5)
      expect([...rendered.keys()].sort()).to.deep.equal([...applied.keys()].sort())
      for (const [key, object] of rendered) expect(object, key).to.deep.equal(applied.get(key))
      for (const object of rendered.values()) {
        const live = await cluster.send<ManifestObject>({ path: pathOf(object) })
        expect(live.metadata.labels, object.metadata.name).to.deep.equal(object.metadata.labels)
      }
    })

  it('lets the Application of the namespaces render exactly those', async () => {
    const rendered = await asArgocdRenders(manifests.get('we-road-namespaces')!)
    expect([...rendered.keys()].sort()).to.deep.equal(['Namespace//we-road-es', 'Namespace//we-road-it'])
    for (const { metadata } of rendered.values()) {
      expect(metadata.annotations?.['argocd.argoproj.io/sync-options']).to.equal('Prune=false,Delete=false')
      const applied = await cluster.exchange({
        method: 'PATCH',
        path: `/api/v1/namespaces/${metadata.name}`,
        query: { fieldManager: 'argocd-controller', force: true, dryRun: 'All' },
        contentType: 'application/apply-patch+yaml',
        body: rendered.get(`Namespace//${metadata.name}`),
      })
      expect(applied.status, applied.text).to.equal(200)
    }
  })

  it('reads what Argo CD says of them', async () => {
    const says = async (name: string, sync: string, health: string) =>
      merge(`${API}/applications/${name}`, {
        status: { sync: { status: sync, revision: 'abcdef0123456789' }, health: { status: health } },
      })
    for (const name of manifests.keys()) await says(name, 'Synced', 'Healthy')
    const good = await k8sflowJson<GitopsStatusResult>(GitopsStatus, ['--check'])
    expect(good.exitCode).to.equal(0)
    expect(good.result.applications.map(({ name }) => name)).to.deep.equal([...manifests.keys()].sort())
    await says('we-road-app1', 'OutOfSync', 'Healthy')
    expect((await k8sflow(GitopsStatus, [])).stdout).to.match(
      /we-road-app1 +OutOfSync +Healthy +main \(abcdef0\)/,
    )
    expect((await k8sflow(GitopsStatus, ['--check'])).exitCode).to.equal(1)
  })

  it('makes status and deploy know that Argo CD manages an app, and deploy leave it alone', async () => {
    const deployment = async () => {
      const path = '/apis/apps/v1/namespaces/we-road-it/deployments/app1-it'
      const { metadata, spec } = await cluster.send<ManifestObject & { spec: object }>({ path })
      return { revision: metadata.annotations?.['deployment.kubernetes.io/revision'], spec }
    }
    const before = await deployment()
    await syncAsArgocd('we-road-app1')
    // Taken over as it is: nothing restarts.
    expect(await deployment()).to.deep.equal(before)
    const status = await k8sflow(Status, ['-p', 'app1'])
    expect(status.stderr).to.include("Argo CD's Application we-road-app1 manages app1, besides release app1")
    const history = await helm('history', 'app1', '--namespace', 'we-road')
    const argv = ['-f', file(), '-p', 'app1', '--no-wait']
    const refused = await k8sflow(Deploy, argv)
    expect(refused.exitCode).to.equal(2)
    expect(refused.stderr)
      .to.include("managed by Argo CD's Application we-road-app1")
      .and.include('follows main of https://example.org/me/homelab.git')
    expect(await helm('history', 'app1', '--namespace', 'we-road')).to.equal(history)
    // The other app is not concerned.
    expect((await k8sflow(Deploy, ['-f', file(), '-p', 'app2', '--dry-run'])).exitCode).to.equal(0)
    // What the error advises.
    await merge(`${API}/applications/we-road-app1`, { spec: { syncPolicy: { automated: null } } })
    const suspended = await k8sflow(Deploy, argv)
    expect(suspended.exitCode, suspended.stderr).to.equal(0)
    expect(suspended.stderr).to.include('which is not automatic')
  })

  it('takes an app back from Argo CD with --adopt, and changes it then', async () => {
    await cluster.send({ method: 'DELETE', path: `${API}/applications/we-road-app1` })
    const { deleteReleaseRecords } = await import('../../src/cluster/release-records.js')
    await deleteReleaseRecords(cluster, 'app1', 'we-road')
    for (const more of [{}, { tag: '1.1.0' }]) {
      const values = valuesText({ app1: { countries: COUNTRIES, ...more } })
      const argv = ['-p', 'app1', '--adopt', '-f']
      const { exitCode, stdout, stderr } = await withFile(values, async (path) =>
        k8sflow(Deploy, [...argv, path]),
      )
      expect(exitCode, stdout + stderr).to.equal(0)
      expect(stderr).to.include('which does not exist any more')
    }
  })

  it('forwards a port to the server of Argo CD, with the first password, until it is interrupted', async () => {
    // A Service of that name in front of an app: it answers without TLS, as Argo CD does with server.insecure.
    const services = '/api/v1/namespaces/we-road-it/services'
    await cluster.send({
      method: 'POST',
      path: services,
      body: {
        metadata: { name: 'argocd-server' },
        spec: { selector: { app: 'app1-it' }, ports: [{ name: 'https', port: 443, targetPort: 8080 }] },
      },
    })
    await cluster.send({
      method: 'POST',
      path: '/api/v1/namespaces/we-road-it/secrets',
      body: { metadata: { name: 'argocd-initial-admin-secret' }, stringData: { password: 'first-one' } },
    })
    await endpointsSettled(cluster, 'we-road-it', 'argocd-server')
    const argv = ['--argocd-namespace', 'we-road-it', '--json', '--show-password']
    const script = join(ROOT, 'test/cluster/run-command.ts')
    const child = execa(
      process.execPath,
      ['--import', 'tsx', script, ['gitops', 'open'].join('/'), ...argv],
      {
        reject: false,
      },
    )
    let text = ''
    child.stdout.on('data', (data: Buffer) => (text += data.toString()))
    await waitFor({ what: 'the address', seconds: 180, intervalMs: 100 }, async () =>
      text.trim().endsWith('}'),
    )
    const { url, user, password } = JSON.parse(text) as GitopsOpenResult
    expect({ user, password }).to.deep.equal({ user: 'admin', password: 'first-one' })
    expect(url).to.match(/^http:\/\/localhost:\d+$/)
    expect((await (await fetch(`${url}/ping`)).text()).trim()).to.equal('hello from app1-staging-it')
    child.kill('SIGINT')
    expect((await child).exitCode).to.equal(0)
  })

  async function installKinds(): Promise<void> {
    const folder = join(await goModuleFolder(ARGOCD), 'manifests/crds')
    for (const name of ['application', 'appproject']) {
      const body = parse(await readFile(join(folder, `${name}-crd.yaml`), 'utf8')) as ManifestObject
      const path = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'
      await cluster.send({ method: 'POST', path, body })
      crds.push(`${path}/${body.metadata.name}`)
    }
    await cluster.send({ method: 'POST', path: '/api/v1/namespaces', body: { metadata: { name: 'argocd' } } })
    const kind = { group: 'argoproj.io', version: 'v1alpha1' }
    await kindsServed(
      cluster,
      ['applications', 'appprojects'].map((plural) => ({ ...kind, plural })),
    )
  }

  /** Applies what it renders as Argo CD does with ServerSideApply, each object marked as its own. */
  async function syncAsArgocd(name: string): Promise<void> {
    for (const object of (await asArgocdRenders(manifests.get(name)!)).values()) {
      const { apiVersion, kind, metadata } = object
      const group = apiVersion.includes('/') ? apiVersion.split('/')[0]! : ''
      const id = `${name}:${group}/${kind}:${metadata.namespace ?? ''}/${metadata.name}`
      const annotations = { ...metadata.annotations, 'argocd.argoproj.io/tracking-id': id }
      await cluster.send({
        method: 'PATCH',
        path: pathOf(object),
        query: { fieldManager: 'argocd-controller', force: true },
        contentType: 'application/apply-patch+yaml',
        body: { ...object, metadata: { ...metadata, annotations } },
      })
    }
  }

  async function merge(path: string, body: object): Promise<void> {
    await cluster.send({ method: 'PATCH', path, contentType: 'application/merge-patch+json', body })
  }

  /** Renders as Argo CD's repository server does (argo-cd's util/helm/cmd.go): files first, then valuesObject. */
  async function asArgocdRenders({ spec }: Application): Promise<Map<string, ManifestObject>> {
    const { releaseName, valueFiles, valuesObject, skipTests } = spec.source.helm
    const extra = join(repository, '.extra-values.json')
    await writeFile(extra, JSON.stringify(valuesObject))
    const text = await helm(
      ...['template', join(repository, spec.source.path), '--name-template', releaseName],
      ...['--namespace', spec.destination.namespace, '--kube-version', '1.37.2'],
      ...valueFiles.flatMap((name) => ['--values', join(repository, name)]),
      ...['--values', extra, '--api-versions', 'apps/v1', '--include-crds'],
      ...(skipTests ? ['--skip-tests'] : []),
    )
    return objects(text)
  }
})

function objects(text: string): Map<string, ManifestObject> {
  const all = parseAllDocuments(text).flatMap((document) => (document.toJS() as ManifestObject | null) ?? [])
  const keyed = all.map(
    (object) =>
      [`${object.kind}/${object.metadata.namespace ?? ''}/${object.metadata.name}`, object] as const,
  )
  expect(new Set(keyed.map(([key]) => key)).size).to.equal(all.length)
  return new Map(keyed)
}

function pathOf({ apiVersion, kind, metadata }: ManifestObject): string {
  const resource =
    kind === 'Ingress' || kind === 'NetworkPolicy' ? `${kind.replace(/y$/, 'i')}es` : `${kind}s`
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`
  return `${root}/namespaces/${metadata.namespace ?? ''}/${resource.toLowerCase()}/${metadata.name}`
}
