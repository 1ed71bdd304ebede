import type { CoreV1Event } from '@kubernetes/client-node'

import { printableLine } from '../printable.js'
import type { Cluster, Wire } from './cluster.js'

export interface ClusterEvent {
  type: 'Normal' | 'Warning'
  reason: string
  message: string
  /** Such as `Pod/app1-it-5c8f-x2v`. */
  object: string
  count: number
  /** ISO 8601. */
  lastSeen: string
}

/** The latest events of objects whose names start with `objectPrefix`, oldest first. */
export async function recentEvents(
  cluster: Cluster,
  namespace: string,
  objectPrefix: string,
  limit = 10,
): Promise<ClusterEvent[]> {
  const events = await cluster.list<Wire<CoreV1Event>>({ path: `/api/v1/namespaces/${namespace}/events` })
  return events
    .filter(({ involvedObject }) => isOrBelongsTo(involvedObject.name ?? '', objectPrefix))
    .map((event) => clusterEvent(event))
    .sort((a, b) => a.lastSeen.localeCompare(b.lastSeen))
    .slice(-limit)
}

/** `app1-it` is meant by `app1-it` and `app1-it-5c8f`, never by `app1-italy`. */
function isOrBelongsTo(name: string, prefix: string): boolean {
  return name === prefix || name.startsWith(prefix.endsWith('-') ? prefix : `${prefix}-`)
}

function clusterEvent(event: Wire<CoreV1Event>): ClusterEvent {
  const { kind = '', name = '' } = event.involvedObject
  return {
    type: event.type === 'Warning' ? 'Warning' : 'Normal',
    reason: printableLine(event.reason ?? ''),
    message: printableLine(event.message ?? ''),
    object: `${kind}/${name}`,
    count: event.series?.count ?? event.count ?? 1,
    lastSeen:
      event.series?.lastObservedTime ??
      event.lastTimestamp ??
      event.eventTime ??
      event.metadata.creationTimestamp ??
      '',
  }
}
