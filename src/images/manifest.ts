import { platformText } from './platform.js'

/** One platform an image is made for. */
export interface ImagePlatform {
  /** `linux/amd64`, `linux/arm64`, `linux/arm/v7`. */
  platform: string
  /** Of that platform's own manifest. */
  digest?: string
  /** Compressed bytes of its config and layers, where known; an index does not tell ({@link layersSize}). */
  size?: number
}

/** What a registry answers for an image. */
export type ManifestKind = 'index' | 'manifest' | 'unknown'

/* OCI image-spec (image-index.md, manifest.md, config.md); docker's own media types hold the same JSON. */
const INDEX_TYPES = new Set([
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
])
const MANIFEST_TYPES = new Set([
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
])

/** The media types to ask a registry for. */
export const MANIFEST_ACCEPT = [...INDEX_TYPES, ...MANIFEST_TYPES].join(', ')

/**
 * The platforms of an image, from its OCI index or docker manifest list; attestations (provenance, SBOM) are left
 * out. Empty for anything else: a single manifest has no platform of its own, its config has ({@link configPlatform}).
 */
export function imagePlatforms(json: unknown): ImagePlatform[] {
  return list(field(json, 'manifests')).flatMap((entry) => {
    const platform = platformText(field(entry, 'platform'))
    if (platform === undefined || isAttestation(entry)) return []
    const digest = field(entry, 'digest')
    return [{ platform, ...(typeof digest === 'string' ? { digest } : {}) }]
  })
}

/** The platform an image's config blob names; undefined where it names none, as an artifact's does. */
export function configPlatform(config: unknown): string | undefined {
  return platformText(config)
}

/** The digest of a single manifest's config blob. */
export function configDigest(manifest: unknown): string | undefined {
  const digest = field(field(manifest, 'config'), 'digest')
  return typeof digest === 'string' ? digest : undefined
}

/** What has to be transferred for a single manifest, in bytes: its config and its layers, as compressed as they are. */
export function layersSize(manifest: unknown): number {
  const parts = [field(manifest, 'config'), ...list(field(manifest, 'layers'))]
  return parts.reduce<number>((sum, part) => {
    const size = field(part, 'size')
    return sum + (typeof size === 'number' && Number.isFinite(size) ? size : 0)
  }, 0)
}

/** Tells an index from a single manifest, by its media type or, since OCI made that optional, by what it holds. */
export function manifestKind(json: unknown): ManifestKind {
  const type = field(json, 'mediaType')
  if (typeof type === 'string' && type !== '')
    return INDEX_TYPES.has(type) ? 'index' : MANIFEST_TYPES.has(type) ? 'manifest' : 'unknown'
  if (Array.isArray(field(json, 'manifests'))) return 'index'
  return configDigest(json) === undefined ? 'unknown' : 'manifest'
}

function isAttestation(entry: unknown): boolean {
  return field(field(entry, 'annotations'), 'vnd.docker.reference.type') !== undefined
}

function field(value: unknown, key: string): unknown {
  const object = asObject(value)
  return Object.hasOwn(object, key) ? object[key] : undefined
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : []
}

function asObject(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {}
}
