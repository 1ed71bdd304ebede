import type { Readable, Writable } from 'node:stream'

/** Where a cluster is and as whom it is spoken to: what an error about access has to say. */
export interface ClusterTarget {
  /** Name of the context; empty inside a pod, where there is no kubeconfig. */
  readonly context: string
  /** The API server's URL. */
  readonly server: string
  /** Name of the kubeconfig's user. */
  readonly user: string
  /** The kubeconfig file or files, as a person would name them. */
  readonly kubeconfig: string
  /** All contexts of the kubeconfig. */
  readonly contexts: readonly string[]
  /** The client certificate in PEM, if the user has one. */
  readonly clientCertificate?: string
}

/**
 * The context to give to helm, so that it speaks to this very cluster: somebody may switch the current context
 * meanwhile. Undefined inside a pod, where there is no kubeconfig, hence no context helm could know.
 */
export function pinnedContext({ context }: ClusterTarget): string | undefined {
  return context === '' || context === 'inClusterContext' ? undefined : context
}

/** One HTTP request to the API server. */
export interface ApiRequest {
  method?: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  /** Path without the query, such as `/api/v1/namespaces`. */
  path: string
  query?: Readonly<Record<string, string | number | boolean | undefined>>
  /** Sent as JSON. */
  body?: unknown
  contentType?: string
  accept?: string
  /** Milliseconds for the whole exchange. */
  timeoutMs?: number
  /** Bytes of the answer that are kept; the rest is dropped. */
  maxBytes?: number
}

/** What came back, whatever its status. */
export interface ApiAnswer {
  status: number
  text: string
  /** True when the body was longer than `maxBytes`. */
  truncated: boolean
}

/** An object as JSON carries it: the types of client-node, with times as text. */
export type Wire<T> = T extends Date
  ? string
  : T extends readonly (infer Item)[]
    ? Wire<Item>[]
    : T extends object
      ? { [Key in keyof T]: Wire<T[Key]> }
      : T

/** Part of an object's metadata, common to every kind. */
export interface ObjectMeta {
  name: string
  namespace?: string
  resourceVersion?: string
  creationTimestamp?: string
  deletionTimestamp?: string
  labels?: Record<string, string>
  annotations?: Record<string, string>
  ownerReferences?: { kind: string; name: string }[]
}

/** A port of a pod, and the streams that are tied to it. */
export interface PodPort {
  namespace: string
  pod: string
  port: number
  /** Gets what the pod sends. */
  output: Writable
  /** Gets the words of the node when the port does not take the connection. */
  problem: Writable
  /** What is sent to the pod. */
  input: Readable
}

/** A connection to a port of a pod, through the API server. */
export interface PodConnection {
  close(): void
  /** Stops reading from the pod until `resume`. */
  pause(): void
  resume(): void
  /** Calls back when either side has ended it. */
  onClosed(listener: () => void): void
  /** Calls back after each piece that came from the pod. */
  onReceived(listener: () => void): void
}

/** A connection to one cluster. Failures of access are ClusterAccessErrors with advice of their own. */
export interface Cluster extends ClusterTarget {
  /** The namespace of the context, `default` unless it names one. */
  readonly namespace: string
  /**
   * Sends a request and gives back the answer, whatever its status.
   * @throws ClusterAccessError when no answer comes
   */
  exchange(request: ApiRequest): Promise<ApiAnswer>
  /**
   * Sends a request and gives back the object in the answer.
   * @throws ClusterAccessError when no answer comes or access is denied (401, 403)
   * @throws ApiStatusError for any other status from 400 up
   */
  send<T>(request: ApiRequest): Promise<T>
  /** Like `send`, but undefined when there is no such object (404). */
  find<T>(request: ApiRequest): Promise<T | undefined>
  /** All items of a list, page by page. */
  list<T>(request: ApiRequest): Promise<T[]>
  /**
   * Connects to a port of a pod, as `kubectl port-forward` does.
   * @throws ClusterAccessError when no answer comes or access is denied
   * @throws ApiStatusError when the API server refuses, as for a pod that is not there
   */
  connectToPod(port: PodPort): Promise<PodConnection>
}

/** The API server answered with an error status that is not about access. */
export class ApiStatusError extends Error {
  constructor(
    readonly status: number,
    /** The API's own word for it, such as `NotFound` or `Conflict`. */
    readonly reason: string,
    message: string,
  ) {
    super(message)
    this.name = 'ApiStatusError'
  }
}
