import { readFile } from 'node:fs/promises'
import https from 'node:https'
import { pki } from './certificates.js'

/** Calls the API server as the administrator; small and quick to load, where client-node takes half a second. */
export class Api {
  private constructor(
    private readonly server: string,
    private readonly agent: https.Agent,
  ) {}

  /** A client of the API server at an address outside the network namespace. */
  static async connect(server: string): Promise<Api> {
    const [ca, cert, key] = await Promise.all(
      [pki('ca.crt'), pki('admin.crt'), pki('admin.key')].map((file) => readFile(file)),
    )
    return new Api(
      server,
      new https.Agent({ ca, cert, key, keepAlive: true, maxSockets: 8 } as https.AgentOptions),
    )
  }

  /** The text at a path, such as `/readyz`; any status but 2xx is an error that holds the server's answer. */
  async text(path: string, method = 'GET', body?: unknown): Promise<string> {
    const type = method === 'PATCH' ? 'application/apply-patch+yaml' : 'application/json'
    return new Promise((resolve, reject) => {
      const request = https.request(
        new URL(path, this.server),
        {
          method,
          agent: this.agent,
          timeout: 10_000,
          headers: body === undefined ? {} : { 'content-type': type },
        },
        (response) => {
          const chunks: Buffer[] = []
          response.on('data', (chunk: Buffer) => chunks.push(chunk))
          response.on('error', reject)
          response.on('end', () => {
            const text = Buffer.concat(chunks).toString()
            const status = response.statusCode ?? 0
            if (status >= 200 && status < 300) resolve(text)
            else reject(new Error(`${method} ${path}: HTTP ${status}: ${text.slice(0, 400)}`))
          })
        },
      )
      request.on('timeout', () => request.destroy(new Error(`${method} ${path}: no answer in 10 s`)))
      request.on('error', reject)
      request.end(body === undefined ? undefined : JSON.stringify(body))
    })
  }

  /** The object or list at a path. */
  async get<T>(path: string): Promise<T> {
    return JSON.parse(await this.text(path)) as T
  }

  /** Creates or updates an object (server-side apply). */
  async apply(object: KubeObject): Promise<void> {
    await this.text(`${pathOf(object)}?fieldManager=test-cluster&force=true`, 'PATCH', object)
  }

  /** Closes the connections, which would keep this process alive. */
  close(): void {
    this.agent.destroy()
  }
}

/** The part of a Kubernetes object that every one has. */
export interface KubeObject {
  apiVersion: string
  kind: string
  metadata: { name: string; namespace?: string; [key: string]: unknown }
  [key: string]: unknown
}

/** The path of an object. The kinds used here have regular plurals. */
function pathOf({ apiVersion, kind, metadata }: KubeObject): string {
  const base = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`
  const lower = kind.toLowerCase()
  const plural = lower.endsWith('ss') ? `${lower}es` : `${lower}s`
  const namespace = metadata.namespace ? `/namespaces/${metadata.namespace}` : ''
  return `${base}${namespace}/${plural}/${metadata.name}`
}
