import { isDeepStrictEqual } from 'node:util'
import { type Document, isMap, isScalar, isSeq, parseDocument, type YAMLMap } from 'yaml'

import { type Values, yamlString } from './build.js'
import { type Finding, type HelmYaml, type JsonValue, kindOf, readHelmYaml } from './helm-yaml.js'
import { type Changes, editInPlace, isMapping, LENIENT, lineEnd, withChanges } from './yaml-edit.js'

/** A values file after an update, or why it was left alone. */
export type Update =
  /** The text means what was asked for; equal to the old text when it already did. */
  | { kind: 'updated'; text: string; before: Record<string, JsonValue> }
  | { kind: 'refused'; message: string; hint?: string; line: number; column: number }

/** A way to change a text; undefined is a text it cannot change. */
export type Attempt = (
  text: string,
  changes: Changes,
  before: Record<string, JsonValue>,
) => string | undefined

/**
 * Changes the keys that `values` speaks of inside the text of a values file and nothing else: comments, order,
 * line ends and all other keys stay as they are. A file in a layout seldom seen by hand may get other spacing.
 */
export function updateText(text: string, values: Values): Update {
  const changes = Object.fromEntries(Object.entries(values).map(([key, app]) => [key, { ...app }]))
  return changeText(text, changes, [editInPlace, rewrite])
}

/**
 * Changes keys inside the text of a values file, in the first way that works. Whatever the file looks like, the result
 * is read back, and refused unless it means the old content with exactly those keys changed.
 */
export function changeText(text: string, changes: Changes, attempts: readonly Attempt[]): Update {
  const yaml = readHelmYaml(text)
  const { value: before } = yaml
  const obstacle = yaml.errors[0] ?? yaml.warnings.find(({ code }) => code === 'SECOND_DOCUMENT')
  if (before === undefined || obstacle !== undefined) return refusal(yaml, obstacle)
  const unfit = misfit(yaml, before, changes)
  if (unfit !== undefined) return refusal(yaml, unfit)
  const wanted = withChanges(before, changes)
  if (isDeepStrictEqual(before, wanted)) return { kind: 'updated', text, before }
  for (const attempt of attempts) {
    const candidate = attempt(text, changes, before)
    if (candidate !== undefined && isDeepStrictEqual(readHelmYaml(candidate).value, wanted))
      return { kind: 'updated', text: candidate, before }
  }
  return refusal(yaml, {
    start: Math.max(0, ...Object.keys(changes).map((key) => yaml.keys.get(`/${key}`)?.start ?? 0)),
    end: 0,
    message: `${Object.keys(changes).join(' and ')} cannot be changed here without changing other values as well`,
    hint: 'Write it out without anchors, aliases and repeated keys, or name another file with -o.',
  })
}

function refusal(yaml: HelmYaml, finding: Finding | undefined): Update {
  const start = finding?.start ?? 0
  const place = yaml.lines.lineStarts.length > 0 ? yaml.lines.linePos(start) : { line: 1, col: 1 }
  return {
    kind: 'refused',
    message: finding?.message ?? 'it cannot be read',
    ...(finding?.hint === undefined ? {} : { hint: finding.hint }),
    line: Math.max(1, place.line),
    column: Math.max(1, place.col),
  }
}

/** What stands where something else belongs, and would be lost: `firstApp: [1]`, `countries: {a: b}`. */
function misfit(
  yaml: HelmYaml,
  before: Record<string, JsonValue>,
  changes: Changes,
  path: readonly string[] = [],
): Finding | undefined {
  for (const [key, wanted] of Object.entries(changes)) {
    const value = before[key]
    const place = [...path, key]
    if (isHollow(value)) continue
    if (isMapping(wanted) && isMapping(value)) {
      const inner = misfit(yaml, value, wanted, place)
      if (inner !== undefined) return inner
    } else if (kindOf(wanted) !== kindOf(value) && [wanted, value].some((side) => typeof side === 'object')) {
      const pointer = `/${place.join('/')}`
      const span = yaml.values.get(pointer) ?? yaml.keys.get(pointer) ?? { start: 0, end: 0 }
      return { ...span, message: `${place.join('.')} must be ${kindOf(wanted)}, this is ${kindOf(value)}` }
    }
  }
  return undefined
}

/** Absent, null, `{}` or `[]`: nothing is lost with it. */
function isHollow(value: JsonValue | undefined): boolean {
  return (
    value === undefined || value === null || (typeof value === 'object' && Object.keys(value).length === 0)
  )
}

/** Lets the YAML library write the file anew: comments and order stay, spacing may not. */
function rewrite(text: string, changes: Changes, before: Record<string, JsonValue>): string | undefined {
  const document: Document = parseDocument(text, LENIENT)
  if (!isMap(document.contents)) document.contents = document.createNode({})
  const top = document.contents as YAMLMap
  for (const [key, app] of Object.entries(changes)) {
    if (!isMap(top.get(key, true))) {
      // Null, or an alias: what it stood for is written out, so that nothing else changes with it.
      const old = before[key]
      top.set(key, document.createNode(isMapping(old) ? old : {}))
    }
    const map = top.get(key, true) as unknown as YAMLMap
    for (const [name, wanted] of Object.entries(app ?? {})) map.set(name, quotedNode(wanted))
  }
  try {
    const flat = document.toString({ lineWidth: 0, flowCollectionPadding: /\{\s/.test(text) })
    return flat.replaceAll('\n', lineEnd(text))
  } catch {
    // An alias elsewhere stands for what was replaced: the library does not write such a document.
    return undefined
  }

  function quotedNode(wanted: JsonValue) {
    const node = document.createNode(wanted)
    for (const scalar of isSeq(node) ? node.items : [node])
      if (isScalar(scalar) && typeof scalar.value === 'string' && yamlString(scalar.value) !== scalar.value)
        scalar.type = 'QUOTE_DOUBLE'
    return node
  }
}
