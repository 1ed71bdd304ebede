import { createHash } from 'node:crypto'

/** Files of an OCI layout, by path, as buildx writes one: an index of platforms, and an attestation that is none. */
export function layoutFiles(folder: string, platforms: readonly string[]): Record<string, string> {
  const files: Record<string, string> = { [`${folder}/oci-layout`]: '{"imageLayoutVersion":"1.0.0"}' }
  const blob = (content: object): { digest: string; size: number } => {
    const text = JSON.stringify(content)
    const hex = createHash('sha256').update(text).digest('hex')
    files[`${folder}/blobs/sha256/${hex}`] = text
    return { digest: `sha256:${hex}`, size: text.length }
  }
  const image = (config: object) => ({
    mediaType: MANIFEST,
    ...blob({
      schemaVersion: 2,
      mediaType: MANIFEST,
      config: { mediaType: 'application/vnd.oci.image.config.v1+json', ...blob(config) },
      layers: [],
    }),
  })
  const manifests: object[] = platforms.map((platform) => {
    const [os = '', architecture = '', variant] = platform.split('/')
    const named = { os, architecture, ...(variant === undefined ? {} : { variant }) }
    return { ...image(named), platform: named }
  })
  manifests.push({
    ...image({}),
    platform: { os: 'unknown', architecture: 'unknown' },
    annotations: { 'vnd.docker.reference.type': 'attestation-manifest' },
  })
  const index = { mediaType: INDEX, ...blob({ schemaVersion: 2, mediaType: INDEX, manifests }) }
  files[`${folder}/index.json`] = JSON.stringify({ schemaVersion: 2, manifests: [index] })
  return files
}

const INDEX = 'application/vnd.oci.image.index.v1+json'
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json'
