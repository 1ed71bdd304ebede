import type { Document } from 'yaml'

import { InvalidInputError } from '../errors.js'
import type { ArgoObject } from './gitops-manifests.js'

const HEADER = '# Written by "k8sflow gitops", which updates it; keys and comments of your own stay.\n'

/** What an earlier run may have written and this one does not want. */
const OWN_KEYS = [
  ['spec', 'source', 'helm', 'valuesObject', 'firstApp', 'create'],
  ['spec', 'source', 'helm', 'valuesObject', 'secondApp', 'create'],
  ['spec', 'source', 'helm', 'valuesObject', 'namespaces', 'only'],
]

/** An entry of spec.ignoreDifferences. */
interface Ignored {
  kind?: unknown
  jsonPointers?: unknown
}

/**
 * The text of a manifest's file: a new one, or the old one with what k8sflow says changed in it. Keys, sync options,
 * ignored differences and comments that others wrote there stay.
 * @throws InvalidInputError when the file holds something else
 */
export async function manifestText(
  path: string,
  before: string | undefined,
  wanted: ArgoObject,
): Promise<string> {
  const { parseDocument, stringify } = await import('yaml')
  if (before === undefined || before.trim() === '') return `${HEADER}${stringify(wanted, { lineWidth: 0 })}`
  const document = parseDocument(before)
  const [problem] = document.errors
  if (problem !== undefined) throw unusable(path, problem.message.split('\n')[0] ?? '')
  const { kind, metadata } = (document.toJS() ?? {}) as Partial<ArgoObject>
  if (kind !== wanted.kind || metadata?.name !== wanted.metadata.name)
    throw unusable(path, `it is not the ${wanted.kind} ${wanted.metadata.name}`)
  const old = JSON.stringify(document.toJS())
  update(document, [], { ...wanted, spec: { ...wanted.spec, ...mergedLists(document, wanted) } })
  for (const key of OWN_KEYS) if (valueAt(wanted, key) === undefined) removeAt(document, key)
  return JSON.stringify(document.toJS()) === old ? before : document.toString({ lineWidth: 0 })
}

function update(document: Document, path: string[], wanted: unknown): void {
  if (typeof wanted === 'object' && wanted !== null && !Array.isArray(wanted)) {
    for (const [key, value] of Object.entries(wanted)) update(document, [...path, key], value)
    return
  }
  // A value that is the same keeps its comments and its way of writing.
  if (JSON.stringify(valueAt(document.toJS(), path)) === JSON.stringify(wanted)) return
  makeParents(document, path)
  document.setIn(path, document.createNode(wanted))
}

/** A parent that is there but is no mapping, such as an empty `valuesObject:`, can hold nothing. */
function makeParents(document: Document, path: readonly string[]): void {
  for (let depth = 1; depth < path.length; depth += 1) {
    const parent = path.slice(0, depth)
    const value = valueAt(document.toJS(), parent)
    if (typeof value !== 'object' || value === null) document.setIn(parent, document.createNode({}))
  }
}

function removeAt(document: Document, path: readonly string[]): void {
  if (!document.hasIn(path)) return
  document.deleteIn(path)
  const parent = path.slice(0, -1)
  if (Object.keys(valueAt(document.toJS(), parent) ?? {}).length === 0) document.deleteIn(parent)
}

/** Lists to which others may have added something: theirs come along. */
function mergedLists(document: Document, wanted: ArgoObject): Record<string, unknown> {
  const old = document.toJS() as unknown
  const syncPolicy = wanted.spec['syncPolicy'] as { syncOptions: string[] } | undefined
  if (syncPolicy === undefined) return {}
  const options = list(valueAt(old, ['spec', 'syncPolicy', 'syncOptions'])).map(String)
  const differences = list(valueAt(old, ['spec', 'ignoreDifferences'])) as Ignored[]
  const wantedDifferences = list(wanted.spec['ignoreDifferences'])
  const merged = [...differences.filter((entry) => !isOwn(entry)), ...wantedDifferences]
  return {
    syncPolicy: { ...syncPolicy, syncOptions: mergedOptions(options, syncPolicy.syncOptions) },
    ...(merged.length + differences.length === 0 ? {} : { ignoreDifferences: merged }),
  }
}

function mergedOptions(old: readonly string[], wanted: readonly string[]): string[] {
  const name = (option: string) => option.split('=')[0]
  const others = old.filter((option) => !wanted.some((own) => name(own) === name(option)))
  // The same in another order is the same.
  if (others.length + wanted.length === old.length && wanted.every((option) => old.includes(option)))
    return [...old]
  return [...wanted, ...others]
}

function isOwn({ kind, jsonPointers }: Ignored): boolean {
  return kind === 'Deployment' && JSON.stringify(jsonPointers) === '["/spec/replicas"]'
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : []
}

function valueAt(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (inner, key) =>
      typeof inner === 'object' && inner !== null ? (inner as Record<string, unknown>)[key] : undefined,
    value,
  )
}

function unusable(path: string, reason: string): InvalidInputError {
  return new InvalidInputError(`${path} cannot be updated: ${reason}. Nothing was changed.`, {
    code: 'UNUSABLE_MANIFEST',
    suggestions: ['Move it elsewhere, or write into another folder with -o.'],
    data: { path },
  })
}
