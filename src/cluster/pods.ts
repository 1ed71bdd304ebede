import type { V1ContainerState, V1ContainerStatus, V1Pod } from '@kubernetes/client-node'

import { printable, printableLine } from '../printable.js'
import type { Cluster, Wire } from './cluster.js'

type Pod = Wire<V1Pod>
type ContainerStatus = Wire<V1ContainerStatus>

/** Why a pod is not (or was not) well, in Kubernetes' own word and with its message. */
export interface PodProblem {
  /** Such as `ImagePullBackOff`, `CrashLoopBackOff`, `OOMKilled`, `Unschedulable`. */
  reason: string
  message: string
  container?: string
}

export interface PodState {
  name: string
  namespace: string
  /** The pod's `app` label, which is its Deployment's name. */
  app?: string
  phase: string
  ready: boolean
  /** Being deleted. */
  terminating: boolean
  /** What keeps it from being ready; a ready pod that was killed for memory before has it too. */
  problem?: PodProblem
  restarts: number
  /** The main container and its image. */
  container: string
  image: string
  node?: string
  createdAt: string
}

/** Waiting reasons of a pod that is only on its way. */
const NORMAL_WAITING = new Set(['ContainerCreating', 'PodInitializing'])

/** The pods of a namespace that a label selector matches, with the reason where one is not well. */
export async function podStates(
  cluster: Cluster,
  namespace: string,
  labelSelector: string,
): Promise<PodState[]> {
  const pods = await cluster.list<Pod>({
    path: `/api/v1/namespaces/${namespace}/pods`,
    query: { labelSelector },
  })
  return pods.map((pod) => podState(pod))
}

/**
 * The last log lines of a container, of its previous run if asked for, without control characters. Empty when it has no log (yet).
 */
export async function podLogTail(
  cluster: Cluster,
  pod: { namespace: string; name: string; container: string },
  lines: number,
  options: { previous?: boolean } = {},
): Promise<string[]> {
  const answer = await cluster.exchange({
    path: `/api/v1/namespaces/${pod.namespace}/pods/${pod.name}/log`,
    query: { container: pod.container, tailLines: lines, previous: options.previous ? true : undefined },
    accept: '*/*',
    timeoutMs: 10_000,
    maxBytes: 256 * 1024,
  })
  // No log is no failure: the container never ran, has no previous run, or its pod is gone.
  if (answer.status !== 200) return []
  return answer.text
    .split(/\r?\n/)
    .filter(Boolean)
    .slice(-lines)
    .map((line) => printable(line))
}

/** Reads the state of one pod. */
function podState(pod: Pod): PodState {
  const { phase = 'Unknown', conditions = [], containerStatuses = [] } = pod.status ?? {}
  const [main = { name: '', image: '' }] = pod.spec?.containers ?? []
  const problem = podProblem(pod)
  return {
    ...podIdentity(pod),
    phase,
    ready: conditions.some(({ type, status }) => type === 'Ready' && status === 'True'),
    ...(problem === undefined ? {} : { problem }),
    restarts: containerStatuses.reduce((sum, status) => sum + status.restartCount, 0),
    container: problem?.container ?? main.name,
    image: main.image ?? '',
    ...(pod.spec?.nodeName === undefined ? {} : { node: pod.spec.nodeName }),
  }
}

function podIdentity({
  metadata = {},
}: Pod): Pick<PodState, 'name' | 'namespace' | 'createdAt' | 'terminating' | 'app'> {
  const { name = '', namespace = '', labels = {}, creationTimestamp = '', deletionTimestamp } = metadata
  return {
    name,
    namespace,
    createdAt: creationTimestamp,
    terminating: deletionTimestamp !== undefined,
    ...(labels['app'] === undefined ? {} : { app: labels['app'] }),
  }
}

function podProblem(pod: Pod): PodProblem | undefined {
  const containers = [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])]
  const found = containers.map((status) => containerProblem(status)).find((problem) => problem !== undefined)
  const problem = found ?? schedulingProblem(pod) ?? podFailure(pod)
  if (problem === undefined) return undefined
  return { ...problem, reason: printableLine(problem.reason), message: printableLine(problem.message) }
}

function containerProblem({ name, ready, state, lastState }: ContainerStatus): PodProblem | undefined {
  const waiting = state?.waiting
  const ended = endOf(state) ?? endOf(lastState)
  // "CrashLoopBackOff" hides why; the last run knows, and memory is the reason worth naming.
  if (ended?.reason === 'OOMKilled') return { ...ended, container: name }
  if (waiting?.reason && !NORMAL_WAITING.has(waiting.reason)) {
    // "back-off 10s restarting failed container=app1-it pod=app1-it-5c89_we-road-it(…)" says nothing beyond the reason.
    const said = waiting.reason === 'CrashLoopBackOff' ? 'restarted again and again' : waiting.message
    const message = [said, ended?.message].filter(Boolean).join('; ')
    return { reason: waiting.reason, message, container: name }
  }
  return !ready && ended ? { ...ended, container: name } : undefined
}

function endOf(state: Wire<V1ContainerState> | undefined): { reason: string; message: string } | undefined {
  const terminated = state?.terminated
  if (!terminated || terminated.exitCode === 0) return undefined
  const reason = terminated.reason ?? 'Error'
  const message =
    reason === 'OOMKilled'
      ? 'ended by the kernel: it used more memory than its limit'
      : [`last run ended with exit code ${String(terminated.exitCode)}`, terminated.message]
          .filter(Boolean)
          .join(': ')
  return { reason, message }
}

function schedulingProblem(pod: Pod): PodProblem | undefined {
  const scheduled = (pod.status?.conditions ?? []).find(({ type }) => type === 'PodScheduled')
  if (scheduled?.status !== 'False') return undefined
  return { reason: scheduled.reason ?? 'Unschedulable', message: scheduled.message ?? '' }
}

function podFailure(pod: Pod): PodProblem | undefined {
  if (pod.status?.phase !== 'Failed') return undefined
  return { reason: pod.status.reason ?? 'Failed', message: pod.status.message ?? '' }
}
