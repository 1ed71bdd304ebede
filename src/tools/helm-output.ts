/** States of a release, the same words in helm 3 and 4. */
export type ReleaseState =
  | 'unknown'
  | 'deployed'
  | 'uninstalled'
  | 'superseded'
  | 'failed'
  | 'uninstalling'
  | 'pending-install'
  | 'pending-upgrade'
  | 'pending-rollback'

/** A release in a list. */
export interface ReleaseSummary {
  name: string
  namespace: string
  revision: number
  status: ReleaseState
  /** ISO 8601, UTC. */
  updated: string
  chart: string
  appVersion: string
}

/** The newest revision of a release. */
export interface ReleaseStatus {
  name: string
  namespace: string
  revision: number
  status: ReleaseState
  description: string
  firstDeployed: string
  lastDeployed: string
}

/** One revision in a release's history. */
export interface ReleaseRevision {
  revision: number
  updated: string
  status: ReleaseState
  chart: string
  appVersion: string
  description: string
}

type Fields = Readonly<Record<string, unknown>>

/** Reads `helm list -o json`, whose revisions are text and whose times are Go's. */
export function parseList(json: string): ReleaseSummary[] {
  return array(json).map((entry) => ({
    name: text(entry['name']),
    namespace: text(entry['namespace']),
    revision: Number(entry['revision']),
    status: state(entry['status']),
    updated: isoTime(entry['updated']),
    chart: text(entry['chart']),
    appVersion: text(entry['app_version']),
  }))
}

/** Reads `helm status -o json`. */
export function parseStatus(json: string): ReleaseStatus {
  const entry = fields(JSON.parse(json))
  const info = fields(entry['info'])
  return {
    name: text(entry['name']),
    namespace: text(entry['namespace']),
    revision: Number(entry['version']),
    status: state(info['status']),
    description: text(info['description']),
    firstDeployed: isoTime(info['first_deployed']),
    lastDeployed: isoTime(info['last_deployed']),
  }
}

/** Reads `helm history -o json`; oldest revision first. */
export function parseHistory(json: string): ReleaseRevision[] {
  return array(json)
    .map((entry) => ({
      revision: Number(entry['revision']),
      updated: isoTime(entry['updated']),
      status: state(entry['status']),
      chart: text(entry['chart']),
      appVersion: text(entry['app_version']),
      description: text(entry['description']),
    }))
    .sort((a, b) => a.revision - b.revision)
}

/** Reads `helm get values -o json`, which says `null` for none. */
export function parseValues(json: string): Record<string, unknown> {
  return { ...fields(JSON.parse(json)) }
}

/** The revision that `helm upgrade` and `install` name in their text. */
export function parseRevision(output: string): number | undefined {
  const match = /^REVISION: (\d+)\s*$/m.exec(output)
  return match === null ? undefined : Number(match[1])
}

/**
 * Times as ISO 8601 in UTC, milliseconds. Go writes `2026-11-24 08:14:02.123456789 +0100 CET`, which no JavaScript
 * engine promises to read. What is no time stays as it is.
 */
export function isoTime(value: unknown): string {
  const given = text(value)
  const go = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(\.\d+)? ([+-]\d\d)(\d\d)/.exec(given)
  const time = new Date(
    go === null ? given : `${go[1]}T${go[2]}${(go[3] ?? '').slice(0, 4)}${go[4]}:${go[5]}`,
  )
  return Number.isNaN(time.getTime()) ? given : time.toISOString()
}

function array(json: string): Fields[] {
  const parsed: unknown = JSON.parse(json)
  return Array.isArray(parsed) ? parsed.map(fields) : []
}

function fields(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {}
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function state(value: unknown): ReleaseState {
  return (text(value) || 'unknown') as ReleaseState
}
