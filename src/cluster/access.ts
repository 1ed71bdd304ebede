import { X509Certificate } from 'node:crypto'

import { day } from '../day.js'
import { ClusterAccessError } from '../errors.js'
import { type Cluster, type ClusterTarget, ApiStatusError } from './cluster.js'
import { TimeoutFailure } from './http.js'

const K3S_KUBECONFIG = '/etc/rancher/k3s/k3s.yaml'
const FORBIDDEN = 'CLUSTER_FORBIDDEN'

/** One thing a user must be allowed to do. */
export interface Need {
  verb: string
  resource: string
  group?: string
  namespace?: string
}

/**
 * Checks, within seconds, that the cluster answers, that it accepts the user, and that the user may do what is
 * needed; `needs` are asked of the API server, all at once.
 * @returns the API server's version, such as `v1.37.2`
 * @throws ClusterAccessError saying which of these failed and what to do about it
 */
export async function checkAccess(
  cluster: Cluster,
  needs: readonly Need[] = [],
): Promise<{ version: string }> {
  const answer = await cluster.exchange({ path: '/version', timeoutMs: 5000 })
  if (answer.status === 401 || answer.status === 403) throw refused(cluster, answer.status, answer.text)
  const version = gitVersion(answer.text)
  if (version === undefined) throw notKubernetes(cluster, answer.status, answer.text)
  const denied = (await Promise.all(needs.map(async (need) => mayNot(cluster, need)))).find(Boolean)
  if (denied) throw forbidden(cluster, denied)
  return { version }
}

async function mayNot(cluster: Cluster, need: Need): Promise<Need | undefined> {
  const { verb, resource, group = '', namespace } = need
  const review = await cluster.send<{ status?: { allowed?: boolean } }>({
    method: 'POST',
    path: '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
    body: {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SelfSubjectAccessReview',
      spec: {
        resourceAttributes: { verb, resource, group, ...(namespace === undefined ? {} : { namespace }) },
      },
    },
  })
  return review.status?.allowed === true ? undefined : need
}

function gitVersion(text: string): string | undefined {
  try {
    const parsed = JSON.parse(text) as { gitVersion?: unknown }
    return typeof parsed.gitVersion === 'string' ? parsed.gitVersion : undefined
  } catch {
    return undefined
  }
}

type Advice = Pick<ErrorParts, 'name' | 'message' | 'suggestions'>

/** What failed connections mean, by the code of Node's error; the first that matches counts. */
const CONNECTION_ADVICE: readonly (readonly [
  RegExp,
  (target: ClusterTarget, reason: string, code: string) => Advice,
])[] = [
  [/^ECONNREFUSED$/, refusedAdvice],
  [/^(ETIMEDOUT|EHOSTUNREACH|ENETUNREACH)$/, timeoutAdvice],
  [/^(ENOTFOUND|EAI_AGAIN)$/, unknownHostAdvice],
  [/^ERR_TLS_CERT_ALTNAME_INVALID$/, wrongNameAdvice],
  [/^(UNABLE_TO_|SELF_SIGNED_CERT|DEPTH_ZERO_SELF_SIGNED|CERT_SIGNATURE_FAILURE)/, unknownCaAdvice],
  [/^(CERT_HAS_EXPIRED|CERT_NOT_YET_VALID)$/, certificateDateAdvice],
  [/WRONG_VERSION_NUMBER|EPROTO|PACKET_LENGTH/, notTlsAdvice],
  [/^ERR_(OSSL|CRYPTO)/, unreadableCredentialsAdvice],
]

/** Turns a failed connection into an error with advice that fits it. */
export function connectionFailure(target: ClusterTarget, error: unknown): ClusterAccessError {
  const reason = error instanceof Error ? error.message : String(error)
  const code = errorCode(error)
  if (error instanceof TimeoutFailure) return accessError(target, slowAdvice(target, error), error)
  // The server refused the client's certificate while still shaking hands.
  if (/^ERR_SSL_.*ALERT/.test(code)) return credentialsRefused(target, error)
  const advice = CONNECTION_ADVICE.find(([codes]) => codes.test(code))?.[1] ?? unreachableAdvice
  return accessError(target, advice(target, reason, code), error)
}

function slowAdvice(target: ClusterTarget, failure: TimeoutFailure): Advice {
  const time = `${String(Math.round(failure.milliseconds / 100) / 10)} s`
  if (failure.phase === 'connect') return silentAdvice(target, `no connection within ${time}`)
  return {
    name: 'CLUSTER_SLOW',
    message: `${where(target)} took longer than ${time} to answer.`,
    suggestions: [
      'Check the load of the server (a Raspberry Pi short of memory answers slowly) and try again.',
    ],
  }
}

function timeoutAdvice(target: ClusterTarget, _reason: string, code: string): Advice {
  return silentAdvice(target, code === 'ETIMEDOUT' ? 'the connection timed out' : 'there is no route to it')
}

function silentAdvice(target: ClusterTarget, how: string): Advice {
  return {
    name: 'CLUSTER_TIMEOUT',
    message: `${where(target)} does not answer: ${how}.`,
    suggestions: [
      `Check that the machine is on, that this one is in the same network or VPN, and that port ${port(target)} is open in its firewall.`,
      ...loopbackAdvice(target),
    ],
  }
}

function refusedAdvice(target: ClusterTarget): Advice {
  return {
    name: 'CLUSTER_REFUSED',
    message: `Nothing listens at ${where(target)}: connection refused.`,
    suggestions: [
      ...loopbackAdvice(target),
      'On the server, check that Kubernetes runs: sudo systemctl status k3s',
    ],
  }
}

function unknownHostAdvice(target: ClusterTarget): Advice {
  return {
    name: 'CLUSTER_UNKNOWN_HOST',
    message: `The name ${hostname(target)} cannot be resolved to an address (${described(target)}).`,
    suggestions: [
      `Check the spelling of "server" in ${target.kubeconfig}, and this machine's DNS; an IP address works too.`,
    ],
  }
}

function wrongNameAdvice(target: ClusterTarget, reason: string): Advice {
  return {
    name: 'CLUSTER_TLS_NAME',
    message: `${where(target)} shows a certificate for other names: ${altNames(reason)}.`,
    suggestions: [
      `On the server, add the name: run K3s with --tls-san ${hostname(target)} (or "tls-san:" in /etc/rancher/k3s/config.yaml) and restart it.`,
      `Or use one of the certificate's names as "server" in ${target.kubeconfig}.`,
    ],
  }
}

function unknownCaAdvice(target: ClusterTarget): Advice {
  return {
    name: 'CLUSTER_UNKNOWN_CA',
    message: `${where(target)} shows a certificate from an authority the kubeconfig does not know.`,
    suggestions: [
      `The kubeconfig is probably from another cluster, or from before the server was reinstalled: copy ${K3S_KUBECONFIG} from the server again.`,
    ],
  }
}

function certificateDateAdvice(target: ClusterTarget, _reason: string, code: string): Advice {
  return {
    name: 'CLUSTER_CERTIFICATE_DATE',
    message: `The server's certificate at ${where(target)} is ${code === 'CERT_HAS_EXPIRED' ? 'expired' : 'not valid yet'}.`,
    suggestions: [
      'Compare the clocks of both machines: date -u (a Raspberry Pi has no clock of its own).',
      'K3s renews its certificates when it restarts: sudo systemctl restart k3s',
    ],
  }
}

function notTlsAdvice(target: ClusterTarget): Advice {
  return {
    name: 'CLUSTER_NOT_TLS',
    message: `${where(target)} does not speak TLS.`,
    suggestions: [`Check the port and the "https" of "server" in ${target.kubeconfig}.`],
  }
}

function unreadableCredentialsAdvice(target: ClusterTarget, reason: string): Advice {
  return {
    name: 'CLUSTER_CREDENTIALS_UNREADABLE',
    message: `The certificates in ${target.kubeconfig} cannot be used: ${reason}.`,
    suggestions: ['Copy the kubeconfig again, whole: certificate and key must belong together.'],
  }
}

function unreachableAdvice(target: ClusterTarget, reason: string): Advice {
  return {
    name: 'CLUSTER_UNREACHABLE',
    message: `${where(target)} cannot be reached: ${reason}.`,
    suggestions: loopbackAdvice(target),
  }
}

/** Turns an answer of 401 or 403 into an error with advice that fits it. */
export function refused(target: ClusterTarget, status: number, text: string): ClusterAccessError {
  if (status === 401) return credentialsRefused(target)
  const message = statusMessage(text)
  const match =
    /cannot (\w+) resource "([^"]+)"(?: in API group "([^"]*)")?(?:[^"]*in the namespace "([^"]+)")?/.exec(
      message,
    )
  if (!match) return forbidden(target, undefined, message)
  const [, verb = '', resource = '', group = '', namespace] = match
  return forbidden(
    target,
    { verb, resource, group, ...(namespace === undefined ? {} : { namespace }) },
    message,
  )
}

/** Whether the cluster knows the user, and this one thing is not allowed. */
export function isForbidden(error: unknown): boolean {
  return error instanceof ClusterAccessError && error.code === FORBIDDEN
}

/** Turns an answer from 400 up into the error it stands for. */
export function statusFailure(target: ClusterTarget, answer: { status: number; text: string }): Error {
  if (answer.status === 401 || answer.status === 403) return refused(target, answer.status, answer.text)
  return new ApiStatusError(answer.status, statusReason(answer.text), statusMessage(answer.text))
}

function credentialsRefused(target: ClusterTarget, cause?: unknown): ClusterAccessError {
  const expired = expiry(target)
  if (expired?.past)
    return accessError(
      target,
      {
        name: 'CLUSTER_CREDENTIALS_EXPIRED',
        message: `The client certificate of user "${target.user}" expired on ${expired.date}; ${where(target)} refuses it.`,
        suggestions: [
          `Copy a fresh kubeconfig from the server: K3s renews ${K3S_KUBECONFIG} when it restarts (sudo systemctl restart k3s).`,
        ],
      },
      cause,
    )
  return accessError(
    target,
    {
      name: 'CLUSTER_UNAUTHORIZED',
      message: `${where(target)} does not accept the credentials of user "${target.user}".`,
      suggestions: [
        `The kubeconfig is probably from another cluster or from before a reinstall: copy it from the server again (K3s: ${K3S_KUBECONFIG}).`,
        ...(expired === undefined ? ['If it holds a token, that may have expired or been revoked.'] : []),
      ],
    },
    cause,
  )
}

function forbidden(target: ClusterTarget, need: Need | undefined, said?: string): ClusterAccessError {
  const message =
    need === undefined
      ? `User "${target.user}" is refused by ${target.server}: ${said ?? 'forbidden'}.`
      : `User "${target.user}" may not ${need.verb} ${resourceName(need)}${need.namespace ? ` in namespace ${need.namespace}` : ''} (${described(target)}).`
  const scope = need?.namespace ? ` in namespace ${need.namespace}` : ''
  return accessError(target, {
    name: FORBIDDEN,
    message,
    suggestions: [
      need === undefined
        ? "Ask the cluster's administrator for the rights."
        : `Ask the cluster's administrator for a Role that allows "${need.verb}" on "${resourceName(need)}"${scope}, or use a context that has it.`,
    ],
    data: need === undefined ? {} : { need },
  })
}

function resourceName(need: Need): string {
  return need.group ? `${need.resource}.${need.group}` : need.resource
}

function notKubernetes(target: ClusterTarget, status: number, text: string): ClusterAccessError {
  return accessError(target, {
    name: 'CLUSTER_NOT_KUBERNETES',
    message: `${target.server} answers, but not as a Kubernetes API server (status ${String(status)}${/HTTPS server/.test(text) ? ', it wants https' : ''}).`,
    suggestions: [
      `Check the address and port of "server" in ${target.kubeconfig}; K3s listens on https and port 6443.`,
    ],
  })
}

interface ErrorParts {
  name: string
  message: string
  suggestions: readonly string[]
  data?: Record<string, unknown>
}

function accessError(target: ClusterTarget, parts: ErrorParts, cause?: unknown): ClusterAccessError {
  const others = target.contexts.filter((name) => name !== target.context)
  const otherContexts =
    others.length === 0
      ? []
      : [`If it is the wrong cluster, choose another with --context: ${listed(others)}.`]
  return new ClusterAccessError(parts.message, {
    code: parts.name,
    suggestions: [...parts.suggestions, ...otherContexts],
    data: { context: target.context, server: target.server, ...parts.data },
    ...(cause === undefined ? {} : { cause }),
  })
}

/** A few names, and how many more there are. */
export function listed(names: readonly string[], shown = 8): string {
  const rest = names.length - shown
  return rest > 0 ? `${names.slice(0, shown).join(', ')} and ${String(rest)} more` : names.join(', ')
}

function where(target: ClusterTarget): string {
  return `${target.server} (${described(target)})`
}

function described(target: ClusterTarget): string {
  return target.context === '' ? target.kubeconfig : `context "${target.context}" of ${target.kubeconfig}`
}

function loopbackAdvice(target: ClusterTarget): string[] {
  if (!/^(localhost|127\.[\d.]+|::1|\[::1\]|0\.0\.0\.0)$/.test(hostname(target))) return []
  return [
    `"server" in ${target.kubeconfig} is this machine itself, as K3s writes it: away from the Pi, replace ${hostname(target)} by the Pi's address.`,
  ]
}

function hostname(target: ClusterTarget): string {
  return urlOf(target)?.hostname ?? target.server
}

function port(target: ClusterTarget): string {
  const url = urlOf(target)
  return url?.port || (url?.protocol === 'http:' ? '80' : '443')
}

function urlOf(target: ClusterTarget): URL | undefined {
  return URL.canParse(target.server) ? new URL(target.server) : undefined
}

/** The names in Node's sentence, which ends with them: `… is not in the cert's altnames: DNS:pi, IP Address:10.0.0.2`. */
function altNames(reason: string): string {
  const names = reason.slice(reason.lastIndexOf(': ') + 2).replaceAll(/(DNS|IP Address):/g, '')
  return /^[\w.:*, -]+$/.test(names) ? names.replace(/\.$/, '') : 'it has no usable ones'
}

function errorCode(error: unknown): string {
  const { code } = error as { code?: unknown }
  return typeof code === 'string' ? code : ''
}

function expiry(target: ClusterTarget): { past: boolean; date: string } | undefined {
  if (target.clientCertificate === undefined) return undefined
  try {
    const until = new Date(new X509Certificate(target.clientCertificate).validTo)
    return { past: until.getTime() < Date.now(), date: day(until) }
  } catch {
    return undefined
  }
}

function statusObject(text: string): { message?: unknown; reason?: unknown } {
  try {
    const parsed: unknown = JSON.parse(text)
    return typeof parsed === 'object' && parsed !== null ? parsed : {}
  } catch {
    return {}
  }
}

function statusMessage(text: string): string {
  const { message } = statusObject(text)
  return typeof message === 'string' ? message : text.trim().slice(0, 300)
}

function statusReason(text: string): string {
  const { reason } = statusObject(text)
  return typeof reason === 'string' ? reason : ''
}
