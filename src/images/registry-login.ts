import type { CredentialSearch, RegistryCredentials } from './credentials.js'
import { isLocalRegistry } from './reference.js'
import { RegistryError, statusFailure } from './registry-errors.js'

/** One way in which a registry wants to be asked, out of `WWW-Authenticate` (RFC 9110, 11.6.1). */
export interface Challenge {
  /** In lower case: `bearer`, `basic`. */
  scheme: string
  parameters: Readonly<Record<string, string>>
}

/** Sends one request, bounded in time and size. */
export type Send = (url: string, init: RequestInit) => Promise<{ status: number; text: string }>

export interface LoginRequest {
  registry: string
  /** What is asked for, for sentences about it. */
  what: string
  /** What the token is to allow: `repository:hecha00/app1:pull`. */
  scope: string
  /** The registry itself is spoken to in plain HTTP. */
  plain: boolean
  found: CredentialSearch
  send: Send
}

/**
 * Turns the challenge of a registry into the `Authorization` header it wants: a token from its token server, with the
 * credentials or without any (distribution, spec/auth/token and spec/auth/oauth), or user name and password themselves.
 * @throws RegistryError when it wants credentials and there are none, or refuses them
 */
export async function authorize(header: string | null, request: LoginRequest): Promise<string> {
  const challenges = parseChallenges(header ?? '')
  const { credentials } = request.found
  if (credentials !== undefined && 'registryToken' in credentials)
    return `Bearer ${credentials.registryToken}`
  const bearer = challenges.find(({ scheme }) => scheme === 'bearer')
  if (bearer !== undefined) return `Bearer ${await fetchToken(bearer, credentials, request)}`
  if (
    challenges.some(({ scheme }) => scheme === 'basic') &&
    credentials !== undefined &&
    'password' in credentials
  )
    return basic(credentials)
  throw statusFailure(request.registry, request.what, 401, asWhom(request.found))
}

/** With what a question was asked, for a sentence that says it was refused. */
export function asWhom({ credentials, problem }: CredentialSearch): string {
  if (credentials !== undefined) return "with the credentials in docker's configuration"
  return problem === undefined ? 'without credentials' : `without credentials; ${problem.replace(/\.$/, '')}`
}

/** Reads `WWW-Authenticate`; several headers arrive as one, joined by commas. */
export function parseChallenges(header: string): Challenge[] {
  const challenges: { scheme: string; parameters: Record<string, string> }[] = []
  const token = /([\w!#$%&'*+.^`|~-]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+)))?/g
  for (const [, name = '', quoted, bare] of header.matchAll(token)) {
    const value = quoted?.replaceAll(/\\(.)/g, '$1') ?? bare
    if (value === undefined) challenges.push({ scheme: name.toLowerCase(), parameters: {} })
    else Object.assign(challenges.at(-1)?.parameters ?? {}, { [name.toLowerCase()]: value })
  }
  return challenges
}

async function fetchToken(
  { parameters }: Challenge,
  credentials: RegistryCredentials | undefined,
  request: LoginRequest,
): Promise<string> {
  const realm = realmOf(parameters['realm'] ?? '', request)
  const asked = {
    ...(parameters['service'] === undefined ? {} : { service: parameters['service'] }),
    scope: parameters['scope'] ?? request.scope,
  }
  const { status, text } =
    credentials !== undefined && 'identityToken' in credentials
      ? await request.send(realm.href, refresh(asked, credentials.identityToken))
      : await request.send(withQuery(realm, asked), asUser(credentials))
  if (status >= 400) throw statusFailure(request.registry, request.what, status, asWhom(request.found))
  const token = tokenIn(text)
  if (token !== undefined) return token
  throw new RegistryError(
    'unusable',
    `The token server of ${request.registry} (${realm.host}) gave no token.`,
  )
}

/** The token server is wherever the registry says; in the clear only where both are on this machine. */
function realmOf(realm: string, { registry, plain }: LoginRequest): URL {
  if (URL.canParse(realm)) {
    const url = new URL(realm)
    if (url.protocol === 'https:' || (url.protocol === 'http:' && plain && isLocalRegistry(url.host)))
      return url
  }
  throw new RegistryError(
    'unusable',
    `${registry} names a token server that cannot be used (${JSON.stringify(realm)}).`,
  )
}

function withQuery(realm: URL, asked: Readonly<Record<string, string>>): string {
  const url = new URL(realm)
  for (const [name, value] of Object.entries(asked)) url.searchParams.set(name, value)
  return url.href
}

function asUser(credentials: RegistryCredentials | undefined): RequestInit {
  return credentials !== undefined && 'password' in credentials
    ? { headers: { authorization: basic(credentials) } }
    : {}
}

function refresh(asked: Readonly<Record<string, string>>, identityToken: string): RequestInit {
  const body = new URLSearchParams({
    ...asked,
    grant_type: 'refresh_token',
    client_id: 'k8sflow',
    refresh_token: identityToken,
  })
  // A redirect would carry the token along to whom it does not concern.
  return { method: 'POST', body, redirect: 'error' }
}

function basic({ username, password }: { username: string; password: string }): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
}

function tokenIn(text: string): string | undefined {
  try {
    const { token, access_token: accessToken } = JSON.parse(text) as {
      token?: unknown
      access_token?: unknown
    }
    const found = token || accessToken
    return typeof found === 'string' && /^[\x21-\x7e]+$/.test(found) ? found : undefined
  } catch {
    return undefined
  }
}
