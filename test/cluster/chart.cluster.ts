import { KubeConfig } from '@kubernetes/client-node'
import { expect } from 'chai'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import https from 'node:https'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { execa } from 'execa'
import { validate } from '../../src/services/validate.js'
import { CHART, FIXTURES, type Manifest, manifests } from '../integration/chart-render.js'
import { bin } from './machine/paths.js'
import { waitFor } from './machine/wait.js'
import { kubeconformSchemas, type OpenApi } from './openapi-schemas.js'

/** Every kind the chart makes, with the group and version, and the plural, that the API server knows it under. */
const KINDS: Record<string, { api: string; plural: string }> = {
  Namespace: { api: 'api/v1', plural: 'namespaces' },
  Pod: { api: 'api/v1', plural: 'pods' },
  Service: { api: 'api/v1', plural: 'services' },
  ConfigMap: { api: 'api/v1', plural: 'configmaps' },
  Deployment: { api: 'apis/apps/v1', plural: 'deployments' },
  HorizontalPodAutoscaler: { api: 'apis/autoscaling/v2', plural: 'horizontalpodautoscalers' },
  Ingress: { api: 'apis/networking.k8s.io/v1', plural: 'ingresses' },
  NetworkPolicy: { api: 'apis/networking.k8s.io/v1', plural: 'networkpolicies' },
  PodDisruptionBudget: { api: 'apis/policy/v1', plural: 'poddisruptionbudgets' },
}

/** Objects are created here as a dry run, whatever country they are for. */
const NAMESPACE = 'k8sflow-chart-test'

/**
 * Of the Gateway API and of the Prometheus operator, which are not part of a cluster unless somebody adds them. The operator's
 * are sent to an API server that has its CRDs in metrics.once.cluster.ts.
 */
const OPTIONAL_KINDS = ['HTTPRoute', 'PodMonitor', 'PrometheusRule']

describe('the chart on a real API server', () => {
  let server: ApiServer
  let folder: string
  let schemaLocation: string
  const renders = new Map<string, string>()

  before(async () => {
    server = await ApiServer.connect()
    folder = await mkdtemp(path.join(tmpdir(), 'k8sflow-chart-'))
    schemaLocation = path.join(folder, 'schemas', '{{ .ResourceKind }}{{ .KindSuffix }}.json')
    // A helm that was built without its release's build flags takes every cluster for a Kubernetes 1.20.
    const { gitVersion: kubernetes } = JSON.parse(await server.text('version')) as { gitVersion: string }
    const valid = path.join(FIXTURES, 'valid')
    const files = [
      path.join(CHART, 'values-prod.yaml'),
      ...(await readdir(valid)).map((name) => path.join(valid, name)),
    ]
    for (const file of files) {
      // The size of a file is no question to an API server.
      if (file.includes('two-hundred')) continue
      const args = ['template', 'release', CHART, '-f', file, '--kube-version', kubernetes]
      const { stdout } = await execa(process.env['K8SFLOW_HELM'] ?? 'helm', args)
      renders.set(path.basename(file), stdout)
    }
    const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' }
    await server.create('api/v1/namespaces', { metadata: { name: NAMESPACE, labels } })
    await server.serviceAccount(NAMESPACE)
  })

  after(async () => {
    await server.delete(`api/v1/namespaces/${NAMESPACE}`)
    server.close()
    await rm(folder, { recursive: true, force: true })
  })

  it('gets the verdict of `k8sflow validate` on every file of the corpus', async () => {
    const schemaFile = path.join(CHART, 'values.schema.json')
    const disagreements: string[] = []
    for (const folder of ['valid', 'invalid'])
      for (const name of await readdir(path.join(FIXTURES, folder))) {
        const file = path.join(FIXTURES, folder, name)
        const lint = await execa(process.env['K8SFLOW_HELM'] ?? 'helm', ['lint', CHART, '-f', file], {
          reject: false,
        })
        const { valid } = await validate({ files: [file], schemaFile })
        if (valid !== (lint.exitCode === 0))
          disagreements.push(`${folder}/${name}: ${lint.stdout}${lint.stderr}`)
      }
    expect(disagreements).to.deep.equal([])
  })

  it('accepts every object of every valid values file', async () => {
    // Most files render mostly the same objects: each is sent once, under the first file that has it.
    const objects = new Map<string, string>()
    for (const [name, text] of renders)
      for (const object of manifests(text).filter(({ kind }) => !OPTIONAL_KINDS.includes(kind))) {
        const json = JSON.stringify(object)
        if (!objects.has(json)) objects.set(json, `${name}: ${object.kind} ${object.metadata.name}`)
      }
    for (const [json, where] of objects) {
      const object = JSON.parse(json) as Manifest
      const { api, plural } = KINDS[object.kind]!
      const scope = object.kind === 'Namespace' ? '' : `namespaces/${NAMESPACE}/`
      const warnings = await server
        .dryRun(`${api}/${scope}${plural}`, moved(object))
        .catch((error: unknown) => expect.fail(`${where}: ${String(error)}`))
      expect(warnings, where).to.deep.equal([])
    }
  })

  it('admits the pods of the Deployments under Pod Security restricted', async () => {
    for (const [name, text] of renders)
      for (const { kind, metadata, spec } of manifests(text).filter(({ kind }) => kind === 'Deployment')) {
        const { metadata: pod, spec: podSpec } = spec.template
        await server
          .dryRun(`api/v1/namespaces/${NAMESPACE}/pods`, {
            apiVersion: 'v1',
            kind: 'Pod',
            metadata: { ...pod, name: metadata.name },
            // Admission wants to find the class, which is the cluster owner's to make.
            spec: { ...podSpec, priorityClassName: undefined },
          })
          .catch((error: unknown) => expect.fail(`${name}: ${kind} ${metadata.name}: ${String(error)}`))
      }
  })

  it('matches the API server’s own schemas in kubeconform, strictly', async () => {
    await mkdir(path.join(folder, 'schemas'))
    for (const api of new Set(Object.values(KINDS).map(({ api }) => api))) {
      const openApi = JSON.parse(await server.text(`openapi/v3/${api}`)) as OpenApi
      for (const [file, schema] of kubeconformSchemas(openApi, Object.keys(KINDS)))
        await writeFile(path.join(folder, 'schemas', file), JSON.stringify(schema))
    }
    const rendered = path.join(folder, 'rendered')
    await mkdir(rendered)
    for (const [name, text] of renders) await writeFile(path.join(rendered, `${name}.yaml`), text)
    // One run for all files: it reads the schemas, which are long, only once.
    const args = ['-strict', '-skip', OPTIONAL_KINDS.join(','), '-schema-location', schemaLocation, rendered]
    const { stdout, exitCode } = await execa(bin('kubeconform'), args, { reject: false })
    expect(exitCode, stdout).to.equal(0)
  })

  it('has nothing for kube-score to find fault with', async () => {
    for (const name of ['values-prod.yaml', 'norway-double-quoted.yml', 'http-route.yml', 'metrics.yml']) {
      const { stdout, exitCode } = await execa(bin('kube-score'), ['score', '-', '--output-format', 'ci'], {
        input: renders.get(name)!,
        reject: false,
      })
      const findings = stdout.split('\n').filter((line) => /^\[(WARNING|CRITICAL)\]/.test(line))
      expect(findings, name).to.deep.equal([])
      expect(exitCode, name).to.equal(0)
    }
  })

  it('gets a refusal from kubeconform and kube-score for what is wrong', async () => {
    const text = renders.get('first-app-only.yml')!
    const misspelt = text.replace('minReplicas:', 'minReplica:')
    const conform = await execa(bin('kubeconform'), ['-strict', '-schema-location', schemaLocation], {
      input: misspelt,
      reject: false,
    })
    expect(conform.stdout).to.include('minReplica')
    const score = await execa(bin('kube-score'), ['score', '-', '--output-format', 'ci'], {
      input: text.replaceAll('readOnlyRootFilesystem: true', 'readOnlyRootFilesystem: false'),
      reject: false,
    })
    expect(score.stdout).to.include('[CRITICAL]')
  })
})

/** The object without a namespace of its own: the path it is sent to says which. */
function moved(object: Manifest): Applied {
  return { ...object, metadata: { ...object.metadata, namespace: undefined } }
}

/** An object, as far as its path depends on it. */
interface Applied {
  metadata: { name: string; [key: string]: unknown }
  [key: string]: unknown
}

/** The API server that KUBECONFIG names. */
class ApiServer {
  private constructor(
    private readonly url: string,
    private readonly options: https.RequestOptions,
  ) {}

  static async connect(): Promise<ApiServer> {
    const config = new KubeConfig()
    config.loadFromFile(process.env['KUBECONFIG'] ?? '')
    const options: https.RequestOptions = {}
    await config.applyToHTTPSOptions(options)
    return new ApiServer(config.getCurrentCluster()!.server, options)
  }

  async text(where: string): Promise<string> {
    return (await this.send('GET', where)).text
  }

  async create(where: string, object: object): Promise<void> {
    await this.send('POST', where, object)
  }

  async delete(where: string): Promise<void> {
    await this.send('DELETE', where)
  }

  /** What the API server warns of while it checks an object that it does not keep. */
  async dryRun(where: string, object: Applied): Promise<string[]> {
    const query = 'dryRun=All&fieldValidation=Strict&fieldManager=chart-test&force=true'
    return (await this.send('PATCH', `${where}/${object.metadata.name}?${query}`, object)).warnings
  }

  /** Wait for the account that a namespace's pods run as. */
  async serviceAccount(namespace: string): Promise<void> {
    await waitFor({ what: `the account of ${namespace}`, seconds: 120 }, () =>
      this.text(`api/v1/namespaces/${namespace}/serviceaccounts/default`),
    )
  }

  close(): void {
    if (this.options.agent instanceof https.Agent) this.options.agent.destroy()
  }

  private send(method: string, where: string, body?: object): Promise<{ text: string; warnings: string[] }> {
    return new Promise((resolve, reject) => {
      const headers = {
        ...this.options.headers,
        'content-type': method === 'PATCH' ? 'application/apply-patch+yaml' : 'application/json',
      }
      const request = https.request(
        new URL(where, this.url),
        { ...this.options, method, headers },
        (response) => {
          let text = ''
          response.setEncoding('utf8').on('data', (part: string) => (text += part))
          response.on('end', () => {
            const status = response.statusCode ?? 0
            const warnings = [response.headers['warning'] ?? []].flat()
            if (status >= 200 && status < 300) resolve({ text, warnings })
            else reject(new Error(`${method} ${where}: ${status} ${text.slice(0, 500)}`))
          })
        },
      )
      request.on('error', reject)
      request.end(body === undefined ? undefined : JSON.stringify(body))
    })
  }
}
