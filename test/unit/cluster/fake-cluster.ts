import { clusterOver } from '../../../src/cluster/client.js'
import type { ApiAnswer, ApiRequest, Cluster, PodConnection, PodPort } from '../../../src/cluster/cluster.js'

/** What the stand-in answers: an object with status 200, or a status of its own; undefined is 404. */
export type Reply = object | { status: number; text: string } | undefined

export interface FakeCluster extends Cluster {
  requests: ApiRequest[]
}

/** A cluster without a server: `answer` is asked for each request, `connectToPod` for each connection to a pod. */
export function fakeCluster(
  answer: (request: ApiRequest) => Reply,
  connectToPod: (port: PodPort) => Promise<PodConnection> = async () =>
    Promise.reject(new Error('no pods to connect to')),
): FakeCluster {
  const requests: ApiRequest[] = []
  const target = {
    context: 'pi',
    server: 'https://pi:6443',
    user: 'me',
    kubeconfig: '~/.kube/config',
    contexts: ['pi', 'cloud'],
    namespace: 'default',
  }
  const exchange = async (request: ApiRequest): Promise<ApiAnswer> => {
    requests.push(request)
    const reply = answer(request)
    if (reply === undefined)
      return {
        status: 404,
        text: JSON.stringify({ kind: 'Status', reason: 'NotFound', message: 'not found' }),
        truncated: false,
      }
    if ('status' in reply && typeof reply.status === 'number' && 'text' in reply)
      return { status: reply.status, text: String(reply.text), truncated: false }
    return { status: 200, text: JSON.stringify(reply), truncated: false }
  }
  return { ...clusterOver(target, exchange, connectToPod), requests }
}
