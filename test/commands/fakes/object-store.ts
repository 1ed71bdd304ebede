import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** An object as a test puts it in, or as it was applied. */
export interface StoredObject {
  kind?: string
  metadata: { name: string; namespace?: string; labels?: Record<string, string>; [key: string]: unknown }
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  [field: string]: any
}

export interface ObjectStore {
  url: string
  /** By path, such as `/api/v1/namespaces/we-road/secrets/k8sflow-ca`. */
  objects: Map<string, StoredObject>
  /** Every path that was written to, in order. */
  applied: string[]
  /** Paths that are answered with a status of their own. */
  refused: Map<string, { status: number; message: string }>
  /** Awaited before a request is looked at; for runs that are to meet. */
  before: (request: string) => Promise<void>
  close(): Promise<void>
}

/** A stand-in for an API server that keeps what is applied, made or changed, and lists it, over plain HTTP. */
export async function startObjectStore(): Promise<ObjectStore> {
  const objects = new Map<string, StoredObject>()
  const refused: ObjectStore['refused'] = new Map()
  const applied: string[] = []
  let version = 0
  const store: Omit<ObjectStore, 'url' | 'close'> = {
    objects,
    applied,
    refused,
    before: async () => Promise.resolve(),
  }
  /** Every version has a name of its own, that of an object a test has put in too. */
  const versioned = (object: StoredObject): StoredObject => {
    object.metadata['resourceVersion'] ??= String(++version)
    return object
  }
  const write = (path: string, { metadata, ...object }: StoredObject): StoredObject => {
    applied.push(path)
    const written = { ...object, metadata: { ...metadata, resourceVersion: String(++version) } }
    objects.set(path, written)
    return written
  }
  /** A merge patch of an object's data; `metadata.resourceVersion` is a condition. */
  const merge = (path: string, { metadata, data }: StoredObject): StoredObject | undefined => {
    const found = versioned(objects.get(path)!)
    const wanted = metadata['resourceVersion']
    if (wanted !== undefined && wanted !== found.metadata['resourceVersion']) return undefined
    const merged = Object.entries({ ...found['data'], ...data }).filter(([, value]) => value !== null)
    return write(path, { ...found, data: Object.fromEntries(merged) })
  }
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => (body += chunk.toString()))
    const answer = () => {
      const { method = '' } = request
      const { pathname } = new URL(request.url ?? '/', 'http://fake')
      const say = (status: number, object: object) =>
        void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(object))
      const sayConflict = (message: string) => say(409, { kind: 'Status', reason: 'Conflict', message })
      const refusal = refused.get(`${method} ${pathname}`)
      if (refusal)
        return say(refusal.status, { kind: 'Status', reason: 'Conflict', message: refusal.message })
      if (pathname === '/version') return say(200, { gitVersion: 'v1.37.2' })
      if (pathname.endsWith('selfsubjectaccessreviews')) return say(200, { status: { allowed: true } })
      if (method === 'POST') {
        const object = JSON.parse(body) as StoredObject
        const path = `${pathname}/${object.metadata.name}`
        return objects.has(path) ? sayConflict('already exists') : say(201, write(path, object))
      }
      if (method === 'PATCH' && request.headers['content-type']?.includes('merge-patch')) {
        if (!objects.has(pathname)) return say(404, { kind: 'Status', reason: 'NotFound' })
        const changed = merge(pathname, JSON.parse(body) as StoredObject)
        return changed === undefined ? sayConflict('has been modified') : say(200, changed)
      }
      if (method === 'PATCH') return say(200, write(pathname, JSON.parse(body) as StoredObject))
      const found = objects.get(pathname)
      if (found) return say(200, versioned(found))
      return listed(objects, pathname, say)
    }
    request.on('end', () => {
      const { pathname } = new URL(request.url ?? '/', 'http://fake')
      void store.before(`${request.method ?? ''} ${pathname}`).then(answer)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return Object.assign(store, {
    url: `http://127.0.0.1:${String(port)}`,
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  })
}

/** `…/v1/ingresses` lists those of every namespace; a path that nothing is below is not there. */
function listed(
  objects: ReadonlyMap<string, StoredObject>,
  pathname: string,
  say: (status: number, answer: object) => void,
): void {
  const [, root, plural] = /^(.*)\/([a-z]+)$/.exec(pathname) ?? []
  const items = [...objects].flatMap(([path, object]) =>
    path.startsWith(`${root ?? ''}/`) && path.split('/').at(-2) === plural ? [object] : [],
  )
  const known = /deployments|ingresses|horizontalpodautoscalers/.test(plural ?? '')
  say(items.length > 0 || known ? 200 : 404, { items })
}
