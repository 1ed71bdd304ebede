import { FailedError } from '../errors.js'
import { printableLine } from '../printable.js'

/** Why a registry did not give what was asked for. */
export type RegistryFailure =
  /** There is no such repository, tag or digest. */
  | 'not-found'
  /** It wants other credentials, or any. */
  | 'unauthorized'
  /** It asks to come back later. */
  | 'rate-limited'
  /** No connection: name, network or port. */
  | 'unreachable'
  /** A connection, but no TLS that can be trusted. */
  | 'tls'
  | 'timeout'
  /** What it answers cannot be used. */
  | 'unusable'

/** A registry did not give what was asked for; its message is a sentence that names the registry. */
export class RegistryError extends FailedError {
  constructor(
    readonly kind: RegistryFailure,
    message: string,
    details: { suggestions?: readonly string[]; cause?: unknown } = {},
  ) {
    super(message, { code: `REGISTRY_${kind.toUpperCase().replaceAll('-', '_')}`, ...details })
  }
}

/** Node's codes for TLS that failed: its own, and OpenSSL's as X509_V_ERR_… without the prefix. */
const TLS_CODE =
  /^(ERR_TLS_|ERR_SSL_|CERT_|UNABLE_TO_(GET_ISSUER|VERIFY_LEAF)|SELF_SIGNED_|DEPTH_ZERO_SELF_SIGNED|EPROTO$|HOSTNAME_MISMATCH)/

/** What OpenSSL says when something else than TLS comes back; newer versions, the latter. */
const NO_TLS = /^(wrong version number|packet length too long)$/

/** What an exception of fetch means. */
export function connectionFailure(registry: string, error: unknown): RegistryError {
  if (error instanceof RegistryError) return error
  const { code, text } = causeOf(error)
  if (NO_TLS.test(text))
    return new RegistryError(
      'tls',
      `${registry} speaks plain HTTP, in which only registries on this machine are asked.`,
      { cause: error },
    )
  if (TLS_CODE.test(code))
    return new RegistryError('tls', `There is no trusted TLS connection to ${registry} (${text}).`, {
      suggestions: ['If it has a certificate of its own: export NODE_EXTRA_CA_CERTS=/path/to/ca.crt'],
      cause: error,
    })
  return new RegistryError('unreachable', `${registry} cannot be reached (${text}).`, { cause: error })
}

/** What an answer from 400 up means; `credentials` says with whose the question was asked. */
export function statusFailure(
  registry: string,
  what: string,
  status: number,
  credentials: string,
): RegistryError {
  switch (status) {
    case 401:
    case 403:
      return new RegistryError('unauthorized', `${registry} refuses ${what} ${credentials}.`, {
        suggestions: [`Log in: docker login${registry === 'docker.io' ? '' : ` ${registry}`}`],
      })
    case 404:
      return new RegistryError('not-found', `${registry} has no ${what}.`)
    case 429:
      return new RegistryError('rate-limited', `${registry} asks for fewer questions (status 429).`)
    default:
      return new RegistryError('unusable', `${registry} answers with status ${String(status)}.`)
  }
}

/** fetch says "fetch failed"; the reason is its cause, or the first of several for a host with several addresses. */
function causeOf(error: unknown): { code: string; text: string } {
  const { cause } = error as { cause?: unknown }
  const all = (cause as { errors?: unknown } | undefined)?.errors
  const inner: unknown = Array.isArray(all) && all.length > 0 ? all[0] : (cause ?? error)
  const { code, message } = inner as { code?: unknown; message?: unknown }
  const name = typeof code === 'string' ? code : ''
  const text = typeof message === 'string' && message !== '' ? message : name
  // OpenSSL's own messages: "thread:error:number:library:function:reason:file:line:".
  const reason = /:error:[^:]*:[^:]*:[^:]*:([^:]+):/.exec(text)?.[1]
  return { code: name, text: printableLine(reason ?? text) || 'no reason given' }
}
