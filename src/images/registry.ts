import { createHash } from 'node:crypto'

import type { CredentialSearch } from './credentials.js'
import {
  configDigest,
  configPlatform,
  type ImagePlatform,
  imagePlatforms,
  layersSize,
  MANIFEST_ACCEPT,
  manifestKind,
} from './manifest.js'
import { DEFAULT_REGISTRY, type ImageReference, isDigest, isLocalRegistry, tagOrDigest } from './reference.js'
import { connectionFailure, RegistryError, statusFailure } from './registry-errors.js'
import { asWhom, authorize } from './registry-login.js'

export interface RegistryOptions {
  /** Asked only when the registry wants to know who asks; without it, questions are asked as nobody. */
  credentials?: ((registry: string, signal: AbortSignal) => Promise<CredentialSearch>) | undefined
  /** Gives up. */
  signal?: AbortSignal | undefined
  /** Milliseconds for everything together. */
  timeoutMs?: number
  /** Find out the size of each platform too, with one more question for each. */
  sizes?: boolean
}

const TIMEOUT_MS = 5000
/** What every registry must take (distribution-spec, "Pushing Manifests"); configs are far smaller. */
const MAX_BYTES = 4 * 1024 * 1024

/**
 * For which platforms an image in a registry is made, over the OCI distribution API; nothing of it is downloaded but
 * its index, or its manifest and config. What comes back is checked against its digest.
 * @throws RegistryError when the registry cannot be asked, refuses, or has no such image
 */
export async function readPlatforms(
  reference: ImageReference,
  options: RegistryOptions = {},
): Promise<ImagePlatform[]> {
  return withDeadline(reference.registry, options, async (signal) => {
    const repository = new Repository(reference, options, signal)
    const { json, digest } = await repository.manifest(tagOrDigest(reference))
    const platforms =
      manifestKind(json) === 'index'
        ? await measured(imagePlatforms(json), repository, options)
        : await singlePlatform(json, digest, repository)
    if (platforms.length > 0) return platforms
    throw new RegistryError(
      'unusable',
      `What ${reference.registry} has as ${repository.describe(tagOrDigest(reference))} names no platform.`,
    )
  })
}

async function singlePlatform(
  json: unknown,
  digest: string,
  repository: Repository,
): Promise<ImagePlatform[]> {
  const config = manifestKind(json) === 'manifest' ? configDigest(json) : undefined
  const platform = config === undefined ? undefined : configPlatform(await repository.blob(config))
  return platform === undefined ? [] : [{ platform, digest, size: layersSize(json) }]
}

async function measured(
  platforms: ImagePlatform[],
  repository: Repository,
  { sizes = false }: RegistryOptions,
): Promise<ImagePlatform[]> {
  if (!sizes) return platforms
  return Promise.all(
    platforms.map(async (platform) =>
      platform.digest === undefined
        ? platform
        : { ...platform, size: layersSize((await repository.manifest(platform.digest)).json) },
    ),
  )
}

/** One repository of a registry, to be read; it remembers how the registry wants to be asked. */
class Repository {
  private authorization: Promise<string> | undefined
  private found: CredentialSearch = {}
  private readonly base: string

  constructor(
    private readonly reference: ImageReference,
    private readonly options: RegistryOptions,
    private readonly signal: AbortSignal,
  ) {
    this.base = registryUrl(reference.registry)
  }

  async manifest(tagOrDigest: string): Promise<{ json: unknown; digest: string }> {
    const { registry } = this.reference
    const { bytes, headers } = await this.get(`manifests/${tagOrDigest}`, tagOrDigest, MANIFEST_ACCEPT)
    const announced = headers.get('docker-content-digest') ?? ''
    const expected = isDigest(tagOrDigest) ? tagOrDigest : isDigest(announced) ? announced : undefined
    return { json: parse(registry, bytes), digest: checkDigest(registry, bytes, expected) }
  }

  async blob(digest: string): Promise<unknown> {
    const { registry } = this.reference
    if (!isDigest(digest)) throw new RegistryError('unusable', `${registry} names a digest that is none.`)
    const { bytes } = await this.get(`blobs/${digest}`, digest, '*/*')
    checkDigest(registry, bytes, digest)
    return parse(registry, bytes)
  }

  /** `hecha00/app1:1.0.0` or `hecha00/app1@sha256:…`. */
  describe(tagOrDigest: string): string {
    return `${this.reference.repository}${isDigest(tagOrDigest) ? '@' : ':'}${tagOrDigest}`
  }

  private async get(path: string, tagOrDigest: string, accept: string): Promise<Answer> {
    const { registry, repository } = this.reference
    const url = `${this.base}/v2/${repository}/${path}`
    let answer = await this.send(url, { headers: { accept, ...(await this.authorized()) } })
    // Another host, to which this one redirected, must not choose who gets the credentials.
    if (answer.status === 401 && new URL(answer.url).origin === new URL(url).origin) {
      this.authorization ??= this.logIn(answer.headers.get('www-authenticate'), this.describe(tagOrDigest))
      answer = await this.send(url, { headers: { accept, ...(await this.authorized()) } })
    }
    if (answer.status >= 400)
      throw statusFailure(registry, this.describe(tagOrDigest), answer.status, asWhom(this.found))
    return answer
  }

  private async authorized(): Promise<{ authorization?: string }> {
    return this.authorization === undefined ? {} : { authorization: await this.authorization }
  }

  private async logIn(challenge: string | null, what: string): Promise<string> {
    const { registry, repository } = this.reference
    this.found = (await this.options.credentials?.(registry, this.signal)) ?? {}
    return authorize(challenge, {
      registry,
      what,
      scope: `repository:${repository}:pull`,
      plain: this.base.startsWith('http:'),
      found: this.found,
      send: async (url, init) => {
        const { status, bytes } = await this.send(url, init)
        return { status, text: bytes.toString('utf8') }
      },
    })
  }

  /** Follows redirects, as blobs need it; fetch drops the authorization on the way to another host. */
  private async send(url: string, init: RequestInit): Promise<Answer> {
    const { registry } = this.reference
    try {
      const headers = { 'user-agent': 'k8sflow', ...(init.headers as Record<string, string> | undefined) }
      const response = await fetch(url, { ...init, headers, signal: this.signal })
      const { status, headers: answered } = response
      return { url: response.url, status, headers: answered, bytes: await readBody(registry, response) }
    } catch (error) {
      throw connectionFailure(registry, error)
    }
  }
}

interface Answer {
  /** Who answered, after redirects. */
  url: string
  status: number
  headers: Headers
  bytes: Buffer
}

/**
 * Where a registry is: https everywhere but on this machine itself, as docker and containerd have it without further
 * configuration.
 */
export function registryUrl(registry: string): string {
  // The host that serves what is called docker.io.
  const host = registry === DEFAULT_REGISTRY ? 'registry-1.docker.io' : registry
  return `${isLocalRegistry(registry) ? 'http' : 'https'}://${host}`
}

async function readBody(registry: string, response: Response): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    size += chunk.length
    if (size > MAX_BYTES)
      throw new RegistryError(
        'unusable',
        `${registry} answers with more than 4 MiB where a manifest should be.`,
      )
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function checkDigest(registry: string, bytes: Buffer, expected: string | undefined): string {
  const algorithm = expected?.split(':')[0] ?? 'sha256'
  const actual = `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`
  if (expected === undefined || expected === actual) return actual
  throw new RegistryError('unusable', `${registry} gave something else than ${expected}: it has ${actual}.`)
}

function parse(registry: string, bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8')) as unknown
  } catch {
    throw new RegistryError('unusable', `${registry} answers, but not as a registry does (no JSON).`)
  }
}

/** Gives up after a while, or when asked to; what fetch then throws is the reason of the abort, hence a RegistryError. */
async function withDeadline<Result>(
  registry: string,
  { signal, timeoutMs = TIMEOUT_MS }: RegistryOptions,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const controller = new AbortController()
  const abort = () =>
    controller.abort(new RegistryError('unreachable', `${registry} was not asked to the end.`))
  const timeout = () =>
    controller.abort(
      new RegistryError('timeout', `${registry} did not answer within ${String(timeoutMs / 1000)} s.`),
    )
  const timer = setTimeout(timeout, timeoutMs)
  const gaveUp = new Promise<never>((_resolve, reject) => {
    controller.signal.addEventListener('abort', () => reject(controller.signal.reason as Error))
  })
  signal?.addEventListener('abort', abort, { once: true })
  if (signal?.aborted) abort()
  try {
    // Whatever the credentials come from may not end when asked to.
    return await Promise.race([work(controller.signal), gaveUp])
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', abort)
  }
}
