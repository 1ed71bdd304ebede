import { InvalidInputError } from '../errors.js'

/** Where an image is, in full: nothing is left to a default but the tag. */
export interface ImageReference {
  /** Host, with a port where it has one: `docker.io`, `127.0.0.1:5000`. */
  registry: string
  /** Path below the host: `library/nginx`, `hecha00/app1`. */
  repository: string
  tag?: string
  /** `sha256:…`; wins over the tag wherever an image is pulled. */
  digest?: string
}

/** What `docker.io` stands for when nothing else is said. */
export const DEFAULT_REGISTRY = 'docker.io'
const DEFAULT_TAG = 'latest'
const MAX_NAME = 255

/* The grammar of docker's references: distribution/reference, reference.go and regexp.go. */
const HOST_PART = '(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])'
const REGISTRY = new RegExp(`^(?:${HOST_PART}(?:\\.${HOST_PART})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?$`)
const PATH_PART = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*'
const REPOSITORY = new RegExp(`^${PATH_PART}(?:/${PATH_PART})*$`)
const TAG = /^\w[\w.-]{0,127}$/
const DIGEST_LENGTHS: Readonly<Record<string, number>> = { sha256: 64, sha384: 96, sha512: 128 }

/**
 * Reads an image reference the way docker does: `nginx` is `docker.io/library/nginx`, and what stands before the first
 * slash is a registry if it has a dot, a colon or capitals, or is `localhost`. A tag is not made up; see {@link tagOrDigest}.
 * @throws InvalidInputError saying which part is wrong
 */
export function parseReference(text: string): ImageReference {
  const { name, digest } = cutDigest(text)
  const { path, tag } = cutTag(name)
  const { registry, repository } = splitRegistry(path)
  if (/^[a-f0-9]{64}$/.test(path)) throw invalid(text, 'it is the ID of an image, not a name')
  if (!REGISTRY.test(registry))
    throw invalid(text, `${JSON.stringify(registry)} is not the host of a registry`)
  if (/[A-Z]/.test(repository))
    throw invalid(
      text,
      'the name of a repository has no capital letters',
      text.replace(path, path.toLowerCase()),
    )
  if (!REPOSITORY.test(repository))
    throw invalid(text, `${JSON.stringify(repository)} is not the name of a repository`)
  if (registry.length + 1 + repository.length > MAX_NAME)
    throw invalid(text, `its name is longer than ${String(MAX_NAME)} characters`)
  if (tag !== undefined && !TAG.test(tag)) throw invalid(text, `${JSON.stringify(tag)} is not a tag`)
  if (digest !== undefined && !isDigest(digest))
    throw invalid(text, `${JSON.stringify(digest)} is not a digest`)
  return {
    registry,
    repository,
    ...(tag === undefined ? {} : { tag }),
    ...(digest === undefined ? {} : { digest }),
  }
}

/** As docker shows it: without what it would add itself, so `nginx:1` and not `docker.io/library/nginx:1`. */
export function formatReference({ registry, repository, tag, digest }: ImageReference): string {
  const official = registry === DEFAULT_REGISTRY && /^library\/[^/]+$/.test(repository)
  const path = official ? repository.slice('library/'.length) : repository
  // "nginx/x" needs no host, but "local.host/x" would be read as one.
  const bare = registry === DEFAULT_REGISTRY && splitRegistry(path).registry === DEFAULT_REGISTRY
  const end = `${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`
  return `${bare ? path : `${registry}/${path}`}${end}`
}

/** For people: without most of a digest, which would push everything else off the screen. */
export function shortImage(image: string): string {
  return image.replace(/(?<=@)sha256:[0-9a-f]+$/, shortDigest)
}

/** The first 12 digits of a digest, which tell images apart for people; other text stays as it is. */
export function shortDigest(digest: string): string {
  return digest.replace(/^(sha256:[0-9a-f]{12})[0-9a-f]+$/, '$1…')
}

/** Whether a registry is on this machine itself; all others are spoken to through TLS only. */
export function isLocalRegistry(registry: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/.test(registry)
}

/** By what the image is asked for at its registry: the digest, else the tag, else `latest`. */
export function tagOrDigest({ tag, digest }: Pick<ImageReference, 'tag' | 'digest'>): string {
  return digest ?? tag ?? DEFAULT_TAG
}

/** Whether a text is a digest of a kind that registries use, such as `sha256:` and 64 hexadecimal digits. */
export function isDigest(text: string): boolean {
  const [algorithm = '', hex = '', ...more] = text.split(':')
  const length = Object.hasOwn(DIGEST_LENGTHS, algorithm) ? DIGEST_LENGTHS[algorithm] : undefined
  return more.length === 0 && hex.length === length && /^[a-f0-9]+$/.test(hex)
}

function cutDigest(text: string): { name: string; digest?: string } {
  const at = text.indexOf('@')
  return at === -1 ? { name: text } : { name: text.slice(0, at), digest: text.slice(at + 1) }
}

/** A colon after the last slash begins a tag; one before it, a port. */
function cutTag(name: string): { path: string; tag?: string } {
  const colon = name.indexOf(':', name.lastIndexOf('/') + 1)
  return colon === -1 ? { path: name } : { path: name.slice(0, colon), tag: name.slice(colon + 1) }
}

function splitRegistry(path: string): { registry: string; repository: string } {
  const slash = path.indexOf('/')
  const first = path.slice(0, Math.max(slash, 0))
  const isHost = slash !== -1 && (/[.:A-Z]/.test(first) || first === 'localhost')
  const host = isHost ? first : DEFAULT_REGISTRY
  const rest = isHost ? path.slice(slash + 1) : path
  // The old name of the same registry.
  const registry = host === 'index.docker.io' ? DEFAULT_REGISTRY : host
  return {
    registry,
    repository: registry === DEFAULT_REGISTRY && !rest.includes('/') ? `library/${rest}` : rest,
  }
}

function invalid(text: string, why: string, instead?: string): InvalidInputError {
  return new InvalidInputError(`${JSON.stringify(text)} is not an image reference: ${why}.`, {
    code: 'INVALID_IMAGE',
    suggestions: [
      instead === undefined
        ? 'Write it like nginx:1.29, hecha00/app1:1.0.0 or registry.example.com:5000/app1@sha256:….'
        : `Did you mean ${instead}?`,
    ],
    data: { image: text },
  })
}
