/** The part of an API server's /openapi/v3/… answer that describes its objects. */
export interface OpenApi {
  components: { schemas: Record<string, JsonSchema> }
}

interface JsonSchema {
  properties?: Record<string, JsonSchema>
  'x-kubernetes-group-version-kind'?: { group: string; version: string; kind: string }[]
  [keyword: string]: unknown
}

/**
 * JSON schemas in kubeconform's layout out of an API server's OpenAPI, file name and content, for those of the kinds it
 * has; so kubeconform needs no network, and checks against exactly the server the tests run on.
 */
export function kubeconformSchemas({ components }: OpenApi, kinds: string[]): [string, object][] {
  const definitions = strict(components.schemas) as Record<string, JsonSchema>
  return Object.entries(components.schemas).flatMap(([name, schema]) => {
    const [only, ...others] = schema['x-kubernetes-group-version-kind'] ?? []
    // Kinds such as DeleteOptions exist in every group; those of the chart in one.
    if (only === undefined || others.length > 0 || !kinds.includes(only.kind)) return []
    const suffix = [...(only.group === '' ? [] : [only.group.split('.')[0]]), only.version].join('-')
    return [[`${only.kind.toLowerCase()}-${suffix}.json`, { $ref: `#/definitions/${name}`, definitions }]]
  })
}

/** The same schemas with JSON Schema's references, and refusing fields that they do not name. */
function strict(part: unknown): unknown {
  if (Array.isArray(part)) return part.map(strict)
  if (typeof part !== 'object' || part === null) return part
  const result = Object.fromEntries(
    Object.entries(part).map(([key, value]) => [
      key,
      key === '$ref' ? String(value).replace('#/components/schemas/', '#/definitions/') : strict(value),
    ]),
  )
  return namesFields(part) ? { ...result, additionalProperties: false } : result
}

/** Whether this is a schema that names its fields, rather than a map that has one called `properties`. */
function namesFields(part: { type?: unknown; properties?: unknown }): boolean {
  return part.type === 'object' && typeof part.properties === 'object'
}
