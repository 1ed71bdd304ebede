import { day } from '../day.js'
import type { AuthoritiesResult } from '../services/tls-ca.js'
import type { TlsIssuersResult } from '../services/tls-issuers.js'
import type { SelfSignedResult } from '../services/tls-self-signed.js'
import type { HostCertificate, TlsState, TlsStatusResult } from '../services/tls-status.js'
import { printableLine } from '../printable.js'
import { shellQuote } from '../tools/command-line.js'
import { styles } from './styles.js'
import { table } from './table.js'

const DAY_MS = 24 * 60 * 60 * 1000

/** The issuers that were applied, or their YAML. */
export function issuersText({ action, file, change, issuers, yaml }: TlsIssuersResult): string {
  if (action === 'print') return yaml
  if (action === 'write') return `${file ?? ''}: ${change ?? ''}\n`
  return issuers
    .map(({ kind, name, namespace }) => `${kind} ${namespace === null ? '' : `${namespace}/`}${name}\n`)
    .join('')
}

/** The certificates as PEM, or what became of the file. */
export function authorityText({ file, change, pem }: AuthoritiesResult): string {
  return file === null ? pem : `${file}: ${change ?? ''}\n`
}

/** Which certificates these are, and how a device comes to trust them. */
export function trustLines({ authorities, file }: AuthoritiesResult): string[] {
  const name = shellQuote(file ?? 'k8sflow-ca.crt')
  return [
    ...authorities.flatMap(({ subject, source, notAfter, fingerprint }) => [
      `${printableLine(subject)}, kept by ${source}, until ${day(notAfter)}`,
      `  SHA-256 ${fingerprint}`,
    ]),
    ...(authorities.length > 1
      ? ['These are several; on Linux and Windows each needs a file of its own.']
      : []),
    ...(file === null ? ['Write it to a file with -o k8sflow-ca.crt, then on each device:'] : []),
    `Linux    sudo cp ${name} /usr/local/share/ca-certificates/k8sflow-ca.crt && sudo update-ca-certificates`,
    `macOS    sudo security add-trusted-cert -d -r trustRoot -k /Library/Keychains/System.keychain ${name}`,
    `Windows  certutil -addstore -f Root ${name}   (as administrator)`,
    'Firefox  Settings, Certificates, View Certificates, Authorities, Import',
  ]
}

/** One line per certificate and what was done about it. */
export async function selfSignedText(result: SelfSignedResult): Promise<string> {
  const { authority, certificates, dryRun } = result
  if (authority === null) return ''
  const style = styles(process.stdout)
  const would = dryRun ? 'Nothing is changed. Would be:\n' : ''
  const rows = [
    ['-', '-', `${authority.namespace}/${authority.secret}`, authority.change, day(authority.notAfter), ''],
    ...certificates.map(({ app, country, namespace, secret, change, reason, notAfter }) => [
      app,
      country,
      `${namespace}/${secret}`,
      change === 'skipped' ? style.yellow(change) : change,
      dayOrNone(notAfter),
      change === 'unchanged' ? '' : reason,
    ]),
  ]
  return `${would}${await table(['APP', 'COUNTRY', 'SECRET', 'CHANGE', 'UNTIL', 'WHY'], rows)}\n`
}

/** Every host's certificate as a table, and below it what is to be said of some, as what cert-manager waits for. */
export async function tlsStatusText({ certificates }: TlsStatusResult, now = Date.now()): Promise<string> {
  if (certificates.length === 0) return ''
  const style = styles(process.stdout)
  const colour = (state: TlsState) =>
    state === 'valid'
      ? style.green(state)
      : state === 'no TLS'
        ? style.dim(state)
        : state === 'expiring'
          ? style.yellow(state)
          : style.red(state)
  const rows = certificates.map((certificate) => [
    certificate.host,
    colour(certificate.state),
    expiry(certificate, now),
    certificate.issuer === null ? '-' : printableLine(certificate.issuer),
    certificate.source ?? '-',
    certificate.secret ?? '-',
  ])
  const problems = certificates.flatMap(({ host, state, notBefore, problem }) => [
    ...(state === 'not yet valid'
      ? [[host, `is valid from ${notBefore ?? ''} on: is a clock wrong, here or where it was made?`]]
      : []),
    ...(problem === null ? [] : [[host, printableLine(problem)]]),
  ])
  const text = await table(['HOST', 'STATE', 'EXPIRES', 'ISSUER', 'SOURCE', 'SECRET'], rows)
  const lines = problems.map(
    ([host = '', problem = '']) => `${style.yellow('⚠')} ${style.bold(host)} ${problem}`,
  )
  return [text, ...(lines.length > 0 ? ['', ...lines] : []), ''].join('\n')
}

/** `in 89d`, `in 5h`, `3d ago`. */
function expiry({ notAfter }: HostCertificate, now: number): string {
  if (notAfter === null) return '-'
  const left = Date.parse(notAfter) - now
  const size = Math.abs(left)
  const text =
    size >= 2 * DAY_MS
      ? `${String(Math.floor(size / DAY_MS))}d`
      : `${String(Math.floor(size / (DAY_MS / 24)))}h`
  return left > 0 ? `in ${text}` : `${text} ago`
}

function dayOrNone(time: string | null): string {
  return time === null ? '-' : day(time)
}
