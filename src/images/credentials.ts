import { join } from 'node:path'

import { K8sflowError } from '../errors.js'
import { printableLine } from '../printable.js'
import { readText } from '../tools/text-file.js'
import type { Runner } from '../tools/runner.js'

/** With what a registry is asked: one of the three kinds docker keeps. */
export type RegistryCredentials =
  | { username: string; password: string }
  /** Exchanged for a token at the registry's token server. */
  | { identityToken: string }
  /** Sent as it is. */
  | { registryToken: string }

export interface CredentialSearch {
  credentials?: RegistryCredentials
  /** Why there are none although there should be, as a sentence. */
  problem?: string
}

export interface CredentialHelp {
  runner: Runner
  /** The user's home folder; its `.docker` is used unless DOCKER_CONFIG names another folder. */
  home: string
  environment: Readonly<Record<string, string | undefined>>
  signal?: AbortSignal | undefined
  /** Milliseconds that a credential helper has; some ask a person for a passphrase. */
  helperTimeoutMs?: number
}

/** The part of docker's config.json that is about logging in. */
interface DockerConfig {
  auths?: unknown
  credHelpers?: unknown
  credsStore?: unknown
}

/** Under which docker keeps the credentials of docker.io. */
const DOCKER_HUB_KEY = 'https://index.docker.io/v1/'
/** Less than a registry is given in all, so that what is said names the helper and not the registry. */
const HELPER_TIMEOUT_MS = 4000
const DOCKER_HUB_HOSTS = new Set(['docker.io', 'index.docker.io', 'registry-1.docker.io'])
/** What a helper gives as the user's name when the secret is an identity token. */
const TOKEN_USER = '<token>'

/**
 * What docker knows for a registry: in DOCKER_AUTH_CONFIG, else from `docker login` in docker's config.json or with the
 * credential helper that file names (docker/cli, cli/config/configfile; docker-credential-helpers). Whatever goes wrong is a result, since most images can be read
 * by anybody. Secrets are in the result only.
 */
export async function findCredentials(registry: string, help: CredentialHelp): Promise<CredentialSearch> {
  const given = parseObject(help.environment['DOCKER_AUTH_CONFIG'] ?? '')?.['auths']
  const own = storedCredentials(entryOf(given, registry))
  if (own !== undefined) return { credentials: own }
  const folder = help.environment['DOCKER_CONFIG'] || join(help.home, '.docker')
  const file = join(folder, 'config.json')
  const read = await readText(file)
  if ('problem' in read) return read.missing ? {} : { problem: `${file} was not used: ${read.problem}.` }
  const config = parseObject(read.text)
  if (config === undefined) return { problem: `${file} was not used: it is not a JSON object.` }
  const { auths, credHelpers, credsStore }: DockerConfig = config
  const helper = entryOf(credHelpers, registry) ?? credsStore
  if (typeof helper === 'string' && helper !== '') return askHelper(helper, registry, help)
  const credentials = storedCredentials(entryOf(auths, registry))
  return credentials === undefined ? {} : { credentials }
}

async function askHelper(helper: string, registry: string, help: CredentialHelp): Promise<CredentialSearch> {
  const program = `docker-credential-${helper}`
  try {
    const { exitCode, stdout, stderr, endedBy } = await help.runner.run({
      program,
      args: ['get'],
      stdin: registry === 'docker.io' ? DOCKER_HUB_KEY : registry,
      env: help.environment,
      timeoutMs: help.helperTimeoutMs ?? HELPER_TIMEOUT_MS,
      ...(help.signal === undefined ? {} : { signal: help.signal }),
    })
    if (endedBy !== undefined) return { problem: `${program} did not answer in time.` }
    if (exitCode === 0) return helperCredentials(program, stdout)
    // Helpers say so on stdout when there is simply nothing for this registry.
    if (/credentials not found/i.test(`${stdout} ${stderr}`)) return {}
    // Only its errors: standard output is where secrets are.
    const said = printableLine(stderr)
    return { problem: `${program} failed${said === '' ? '' : `: ${said}`}.` }
  } catch (error) {
    if (!(error instanceof K8sflowError)) throw error
    return { problem: error.message }
  }
}

function helperCredentials(program: string, stdout: string): CredentialSearch {
  const { Username: username, Secret: secret } = parseObject(stdout) ?? {}
  if (typeof username !== 'string' || typeof secret !== 'string')
    return { problem: `${program} gave an answer that is none.` }
  if (username === '' && secret === '') return {}
  return { credentials: username === TOKEN_USER ? { identityToken: secret } : { username, password: secret } }
}

function storedCredentials(entry: unknown): RegistryCredentials | undefined {
  const { auth, username, password, identitytoken, registrytoken } = asObject(entry)
  if (isText(registrytoken)) return { registryToken: registrytoken }
  if (isText(identitytoken)) return { identityToken: identitytoken }
  if (isText(auth)) {
    const [user = '', ...rest] = Buffer.from(auth, 'base64').toString('utf8').split(':')
    // Old versions of docker padded the password with zero bytes.
    const secret = rest.join(':').replace(/\0+$/, '')
    return user === '' || secret === '' ? undefined : { username: user, password: secret }
  }
  return isText(username) && isText(password) ? { username, password } : undefined
}

/** The entry of a registry; keys are hosts or, from old versions of docker, URLs. */
function entryOf(entries: unknown, registry: string): unknown {
  const found = asObject(entries)
  if (Object.hasOwn(found, registry)) return found[registry]
  return Object.entries(found).find(([key]) => isSameRegistry(hostOf(key), registry))?.[1]
}

function isSameRegistry(host: string, registry: string): boolean {
  return host === registry || (registry === 'docker.io' && DOCKER_HUB_HOSTS.has(host))
}

function hostOf(key: string): string {
  return key.replace(/^https?:\/\//, '').replace(/\/.*$/, '')
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const parsed: unknown = JSON.parse(text)
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)
      ? asObject(parsed)
      : undefined
  } catch {
    return undefined
  }
}

function asObject(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}
