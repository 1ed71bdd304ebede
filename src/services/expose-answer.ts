import { day } from '../day.js'
import { printableLine } from '../printable.js'
import type { Endpoint, HttpExchange, SeenCertificate } from '../tools/http-probe.js'
import { APPS, ENVIRONMENTS, pingAnswer } from '../values/contract.js'
import { seconds } from './expose-address.js'
import type { Hop, HopResult } from './expose-hop.js'

/** What was asked where. */
export interface Asked {
  endpoint: Endpoint
  host: string
  tls: boolean
  waitedMs: number
}

const DAY_MS = 24 * 3600 * 1000
/** cert-manager renews at a third of the time left; a Let's Encrypt certificate then has 30 days. */
const SOON_MS = 14 * DAY_MS
/** Whole body of Traefik's answer where no router matches. */
const TRAEFIK_NOT_FOUND = '404 page not found'
const REDIRECTS = new Set([301, 302, 303, 307, 308])

/** The certificate: for that name, of these days, trusted. */
export function tlsRow(
  asked: Asked,
  { certificate, problem }: HttpExchange,
  { caGiven, now }: { caGiven: boolean; now: number },
): HopResult {
  const row = rowAt('tls', asked)
  if (certificate === undefined)
    return row('failed', `no TLS: ${saidOf(problem, asked)}`, handshakeAdvice(problem))
  const { names, notBefore, notAfter, matches, trusted, distrust = '' } = certificate
  if (!matches)
    return row(
      'failed',
      `the certificate is for ${names.join(', ') || certificate.subject}, not for ${asked.host}`,
      [
        certificate.subject === 'TRAEFIK DEFAULT CERT'
          ? 'It is the one Traefik makes for itself: it has no certificate for this host. Set ingress.tls in the values, see k8sflow tls status, or check with --port 80 where HTTP is all you want.'
          : 'See which Secret the Ingress names (ingress.tls in the values), and what the certificate in it is for.',
      ],
    )
  if (Date.parse(notAfter) <= now)
    return row('failed', `the certificate expired on ${day(notAfter)}`, [
      'Renew it: k8sflow tls self-signed; with cert-manager, kubectl describe certificate -A says why it was not.',
    ])
  if (Date.parse(notBefore) > now)
    return row('failed', `the certificate is good from ${day(notBefore)} on only`, [
      'Compare the clocks of this machine and of where it was made: a Pi without network has no time.',
    ])
  if (!trusted) {
    const text = `good until ${day(notAfter)}, but its issuer "${issuerOf(certificate)}" is not trusted (${distrust})`
    return caGiven
      ? row('failed', text, ['It is not signed by the CA of --ca: is that the one the cluster uses now?'])
      : row('unknown', text, [
          'With a CA of your own: name its file with --ca, and import it on each machine, or browsers warn.',
        ])
  }
  if (Date.parse(notAfter) - now < SOON_MS)
    return row('unknown', `the certificate expires on ${day(notAfter)}`, [
      'Renew it, or see why it was not renewed yet.',
    ])
  return row('good', `the certificate is for this host, trusted, good until ${day(notAfter)}`)
}

function issuerOf({ issuer, subject }: SeenCertificate): string {
  return printableLine(issuer === '' ? subject : issuer)
}

function handshakeAdvice(problem: HttpExchange['problem']): string[] {
  return problem?.code === 'EPROTO' || problem?.code === 'ERR_SSL_WRONG_VERSION_NUMBER'
    ? ['What listens there speaks no TLS: is the port forwarded to 443 of a node, and not to 80?']
    : ['See what listens there: the port must lead to 443 of a node, where Traefik is.']
}

/** Whether HTTP is spoken there; nothing where TLS has failed already, or there was an answer. */
export function ingressRow(
  asked: Asked,
  { answer, certificate, problem }: HttpExchange,
): HopResult | undefined {
  if (asked.tls && certificate === undefined) return undefined
  const row = rowAt('ingress', asked)
  if (answer !== undefined) return row('good', `answers HTTP (${String(answer.milliseconds)} ms)`)
  return row('failed', `no HTTP answer: ${saidOf(problem, asked)}`, [
    problem?.code === 'ETIMEDOUT'
      ? 'The connection is there and the answer is not: does the ingress reach its pods, and has a node room (kubectl top nodes)?'
      : 'Something takes the connection and ends it, or speaks no HTTP: is the port forwarded to the right one of a node?',
    'See Traefik: kubectl -n kube-system logs deployment/traefik',
  ])
}

/** Whether the ingress knows the host; nothing where there was no answer. */
export function routeRow(asked: Asked, { answer }: HttpExchange): HopResult | undefined {
  if (answer === undefined) return undefined
  const row = rowAt('route', asked)
  const { status, body, location = '' } = answer
  if (status === 404 && body.trim() === TRAEFIK_NOT_FOUND)
    return row('failed', `Traefik has no route for ${asked.host} (404)`, [
      `Is it deployed, with this host? k8sflow status lists the URLs; kubectl get ingress,httproute -A those of all.`,
      ...(asked.tls ? ['Over HTTPS a route needs TLS: ingress.tls in the values.'] : []),
    ])
  if (REDIRECTS.has(status))
    return leadsToHttps(asked.host, location)
      ? row('good', `leads to ${printableLine(location)}`)
      : row('failed', `leads elsewhere, to ${printableLine(location)} (${String(status)})`, [WRONG_BOX])
  return row('good', 'the host has a route')
}

/** Whether the right app answers; nothing where there was no answer, or no route. */
export function appRow(asked: Asked, { answer }: HttpExchange): HopResult | undefined {
  if (answer === undefined) return undefined
  const row = rowAt('app', asked)
  const { status, body } = answer
  const said = printableLine(body).slice(0, 80)
  if (REDIRECTS.has(status) || (status === 404 && body.trim() === TRAEFIK_NOT_FOUND)) return undefined
  const expected = expectedAnswers(asked.host)
  if (status >= 500)
    return row('failed', `answers ${String(status)}${said === '' ? '' : `: ${said}`}`, [
      [502, 503, 504].includes(status)
        ? 'The ingress has the route, and no pod that answers: k8sflow status shows the pods.'
        : 'The app itself fails: kubectl logs of its pods says why.',
    ])
  if (expected.length === 0)
    return status < 400
      ? row('good', `answers ${String(status)}`)
      : row(
          'unknown',
          `answers ${String(status)} to /ping, which an app that is not k8sflow's need not know`,
          [],
        )
  if (status === 200 && expected.includes(body.trim())) return row('good', said)
  return row(
    'failed',
    `answers ${String(status)}${said === '' ? '' : `: ${said}`}, not "${expected.join('" or "')}"`,
    [
      said.startsWith('hello from ')
        ? 'Another app answers: compare the host in its Ingress, and what else has a route for it (kubectl get ingress,httproute -A).'
        : WRONG_BOX,
    ],
  )
}

const WRONG_BOX =
  'Something else than the app answers, such as the pages of the router: from inside the house a request for the public address may end there (hairpin NAT); else see where the port is forwarded to.'

/** What `<app>-<country>.info` answers to /ping; nothing for other hosts. */
function expectedAnswers(host: string): string[] {
  const [, app = '', country = ''] = new RegExp(`^(${APPS.join('|')})-([a-z]{2})\\.info$`).exec(host) ?? []
  return app === '' ? [] : ENVIRONMENTS.map((environment) => pingAnswer(app, environment, country))
}

function leadsToHttps(host: string, location: string): boolean {
  if (!URL.canParse(location)) return false
  const { protocol, hostname } = new URL(location)
  return protocol === 'https:' && hostname === host
}

function saidOf(problem: HttpExchange['problem'], { waitedMs }: Asked): string {
  if (problem?.code === 'ETIMEDOUT') return `nothing came within ${seconds(waitedMs)}`
  if (problem?.code === 'ECONNRESET') return 'the connection was closed (ECONNRESET)'
  return printableLine(problem?.message ?? 'it ended without a word')
}

function rowAt(hop: Hop, { endpoint, host, tls }: Asked) {
  const { port } = endpoint
  const usual = port === (tls ? 443 : 80)
  const where = `${tls ? 'https' : 'http'}://${host}${usual ? '' : `:${String(port)}`}`
  return (verdict: HopResult['verdict'], text: string, advice: string[] = []): HopResult => ({
    hop,
    where,
    verdict,
    text,
    advice,
  })
}
