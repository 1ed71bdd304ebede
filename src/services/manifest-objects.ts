/** An object of a manifest, by what it is called. */
export interface ManifestObject {
  kind: string
  name: string
  /** Empty for objects without a namespace, and for those that leave it to helm. */
  namespace: string
}

/**
 * Names the objects of a manifest without parsing its YAML, which takes seconds for two hundred countries: only
 * `kind` and the first level of `metadata` are read.
 */
export function manifestObjects(manifest: string): ManifestObject[] {
  return manifest.split(/^---.*$/m).flatMap((text) => {
    const kind = /^kind: *(.+)$/m.exec(text)?.[1]
    const metadata = /^metadata:[^\S\n]*\n((?:[ #].*(?:\n|$)|\n)*)/m.exec(text)?.[1] ?? ''
    const indent = /^( +)[^\s#]/m.exec(metadata)?.[1] ?? '  '
    const field = (name: string) => new RegExp(`^${indent}${name}: *(.+)$`, 'm').exec(metadata)?.[1]
    const name = field('name')
    if (kind === undefined || name === undefined) return []
    return [{ kind: scalar(kind), name: scalar(name), namespace: scalar(field('namespace') ?? '') }]
  })
}

/** `we-road-it/Deployment app1-it`, the same for the same object. */
export function objectKey({ kind, name, namespace }: ManifestObject): string {
  return `${namespace === '' ? '' : `${namespace}/`}${kind} ${name}`
}

function scalar(text: string): string {
  return text.trim().replace(/^(["'])(.*)\1$/, '$2')
}
