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
  /** Every apply that came, in order. */
  applied: string[]
  /** Paths that are answered with a status of their own. */
  refused: Map<string, { status: number; message: string }>
  close(): Promise<void>
}

/** A stand-in for an API server that keeps whatever is applied, and lists it, over plain HTTP. */
export async function startObjectStore(): Promise<ObjectStore> {
  const objects = new Map<string, StoredObject>()
  const refused: ObjectStore['refused'] = new Map()
  const applied: string[] = []
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => (body += chunk.toString()))
    request.on('end', () => {
      const { pathname } = new URL(request.url ?? '/', 'http://fake')
      const say = (status: number, answer: object) =>
        void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer))
      const refusal = refused.get(`${request.method ?? ''} ${pathname}`)
      if (refusal)
        return say(refusal.status, { kind: 'Status', reason: 'Conflict', message: refusal.message })
      if (pathname === '/version') return say(200, { gitVersion: 'v1.37.2' })
      if (pathname.endsWith('selfsubjectaccessreviews')) return say(200, { status: { allowed: true } })
      if (request.method === 'PATCH') {
        const object = JSON.parse(body) as StoredObject
        objects.set(pathname, object)
        applied.push(pathname)
        return say(200, object)
      }
      const found = objects.get(pathname)
      if (found) return say(200, found)
      return listed(objects, pathname, say)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${String(port)}`,
    objects,
    applied,
    refused,
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
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
