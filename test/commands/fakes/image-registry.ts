import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** How the stand-in wants to be asked. */
export interface FakeLogin {
  scheme: 'bearer' | 'basic'
  username: string
  password: string
  /** Hands out tokens to anybody, as docker.io does. */
  anonymous?: boolean
  /** Accepted instead of a password, in exchange for a token. */
  identityToken?: string
}

export interface FakeRegistry {
  /** `127.0.0.1:PORT`. */
  host: string
  /** Every request, `METHOD path`, with what came as authorization. */
  requests: { line: string; authorization: string | undefined; accept: string | undefined; body: string }[]
  login: FakeLogin | undefined
  /** Answers before anything else does, where it returns true. */
  intercept: ((request: IncomingMessage, response: ServerResponse) => boolean) | undefined
  /** Stores an image for these platforms, as an index; its digest. */
  putIndex(repository: string, tag: string, platforms: string[]): string
  /** Stores an image of one platform, without an index; its digest. */
  putSingle(repository: string, tag: string, platform: string): string
  /** Stores anything under a tag; its digest. */
  putManifest(repository: string, tag: string, json: object): string
  close(): Promise<void>
}

/** Bytes of each image: its config's are given by its text. */
export const LAYER_BYTES = 3_600_000

const TOKEN = 'pull-token'

/** The few answers of an image registry that reading an image needs, over plain HTTP on the loopback. */
export async function startFakeRegistry(): Promise<FakeRegistry> {
  const store = new Map<string, { bytes: Buffer; type: string }>()
  const put = (repository: string, kind: 'manifests' | 'blobs', names: string[], json: object) => {
    const bytes = Buffer.from(JSON.stringify(json))
    const digest = digestOf(bytes)
    const { mediaType = 'application/octet-stream' } = json as { mediaType?: string }
    for (const name of [digest, ...names])
      store.set(`/v2/${repository}/${kind}/${name}`, { bytes, type: mediaType })
    return { digest, size: bytes.length }
  }
  const single = (repository: string, names: string[], platform: string) => {
    const [os, architecture, variant] = platform.split('/')
    const config = put(repository, 'blobs', [], { os, architecture, variant, rootfs: {} })
    const layers = [{ digest: digestOf(Buffer.from(platform)), size: LAYER_BYTES }]
    const mediaType = 'application/vnd.oci.image.manifest.v1+json'
    return {
      ...put(repository, 'manifests', names, { mediaType, config, layers }),
      platform: { os, architecture, variant },
    }
  }
  const registry: FakeRegistry = {
    host: '',
    requests: [],
    login: undefined,
    intercept: undefined,
    putIndex: (repository, tag, platforms) =>
      put(repository, 'manifests', [tag], {
        mediaType: 'application/vnd.oci.image.index.v1+json',
        manifests: [
          ...platforms.map((platform) => single(repository, [], platform)),
          {
            digest: digestOf(Buffer.from('attestation')),
            platform: { os: 'unknown', architecture: 'unknown' },
            annotations: { 'vnd.docker.reference.type': 'attestation-manifest' },
          },
        ],
      }).digest,
    putSingle: (repository, tag, platform) => single(repository, [tag], platform).digest,
    putManifest: (repository, tag, json) => put(repository, 'manifests', [tag], json).digest,
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => (body += chunk.toString()))
    request.on('end', () => {
      const { authorization, accept } = request.headers
      registry.requests.push({
        line: `${request.method ?? ''} ${request.url ?? ''}`,
        authorization,
        accept,
        body,
      })
      if (registry.intercept?.(request, response)) return
      const url = new URL(request.url ?? '/', 'http://fake')
      if (url.pathname === '/token') return sendToken(registry.login, authorization, body, response)
      const refusal = refuse(registry, authorization)
      if (refusal !== undefined)
        return void response.writeHead(401, { 'www-authenticate': refusal }).end('{}')
      const found = store.get(url.pathname)
      if (found === undefined)
        return void response.writeHead(404).end('{"errors":[{"code":"MANIFEST_UNKNOWN"}]}')
      response.writeHead(200, { 'content-type': found.type, 'docker-content-digest': digestOf(found.bytes) })
      response.end(found.bytes)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  registry.host = `127.0.0.1:${String((server.address() as AddressInfo).port)}`
  return registry
}

function refuse({ login, host }: FakeRegistry, authorization: string | undefined): string | undefined {
  if (login === undefined) return undefined
  if (login.scheme === 'basic') return authorization === basic(login) ? undefined : 'Basic realm="fake"'
  return authorization === `Bearer ${TOKEN}`
    ? undefined
    : `Bearer realm="http://${host}/token",service="fake, the registry",scope="repository:some/thing:pull"`
}

function sendToken(
  login: FakeLogin | undefined,
  authorization: string | undefined,
  body: string,
  response: ServerResponse,
): void {
  const refreshed =
    login?.identityToken !== undefined &&
    new URLSearchParams(body).get('refresh_token') === login.identityToken
  const known = login !== undefined && (authorization === basic(login) || refreshed)
  const welcome = known || (authorization === undefined && body === '' && login?.anonymous === true)
  if (!welcome) return void response.writeHead(401).end('{}')
  response.writeHead(200).end(JSON.stringify(refreshed ? { access_token: TOKEN } : { token: TOKEN }))
}

function basic({ username, password }: FakeLogin): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
}

function digestOf(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}
