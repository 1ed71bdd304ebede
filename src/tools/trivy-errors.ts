import { FailedError } from '../errors.js'
import { redactText } from './command-line.js'
import type { Completed } from './runner.js'

/** What went wrong, in whichever words trivy says it. */
export type TrivyErrorKind =
  | 'database'
  | 'no-database'
  | 'database-unusable'
  | 'busy'
  | 'platform-missing'
  | 'unauthorized'
  | 'not-found'
  | 'unreachable'
  | 'not-an-image'
  | 'ignore-file'
  | 'no-space'
  | 'timeout'
  | 'interrupted'
  | 'other'

/** A trivy run that failed: what kind of failure it was, and what trivy said. */
export class TrivyError extends FailedError {
  constructor(
    message: string,
    readonly kind: TrivyErrorKind,
    details: { suggestions: readonly string[]; stderr: string },
  ) {
    super(message, {
      code: `TRIVY_${kind.toUpperCase().replaceAll('-', '_')}`,
      suggestions: details.suggestions,
      data: { kind, stderr: details.stderr.slice(-4000) },
    })
  }

  /** Nothing else can be scanned either. */
  get isGeneral(): boolean {
    return GENERAL.has(this.kind)
  }
}

const GENERAL: ReadonlySet<TrivyErrorKind> = new Set([
  'database',
  'no-database',
  'database-unusable',
  'busy',
  'ignore-file',
  'no-space',
  'interrupted',
])

/** Which words mean what; the first that matches wins (trivy: pkg/db/db.go, pkg/fanal/image, pkg/cache/fs.go). */
const KINDS: readonly (readonly [RegExp, TrivyErrorKind])[] = [
  [/no space left on device/i, 'no-space'],
  [/cannot be specified on the first run/i, 'no-database'],
  [
    /version of DB schema doesn't match|with the old DB schema|vulnerability DB initialize/i,
    'database-unusable',
  ],
  [/cache may be in use by another process/i, 'busy'],
  [/DB error|failed to download vulnerability DB/i, 'database'],
  [/ignore file not found|parse error: .*(yaml|purl)|purl error in the ignore file/i, 'ignore-file'],
  [/could not parse reference|unable to open \S+ as an OCI Image|invalid OCI image/i, 'not-an-image'],
]

/** The same, of what a registry answered (go-containerregistry, pkg/v1/remote). */
const REGISTRY_KINDS: readonly (readonly [RegExp, TrivyErrorKind])[] = [
  [/no child with platform/i, 'platform-missing'],
  [/unsupported artifact type/i, 'not-an-image'],
  [/UNAUTHORIZED|DENIED|\b40[13]\b|authentication required/i, 'unauthorized'],
  [/MANIFEST_UNKNOWN|NAME_UNKNOWN|\b404\b/i, 'not-found'],
  [
    /dial tcp|connection refused|no such host|i\/o timeout|x509:|tls: |HTTP response to HTTPS|EOF/i,
    'unreachable',
  ],
]

/** What may be said of anything. */
const LATE_KINDS: readonly (readonly [RegExp, TrivyErrorKind])[] = [
  [/context deadline exceeded/i, 'timeout'],
  [/unable to find the specified image/i, 'not-found'],
]

const SUGGESTIONS: Partial<Record<TrivyErrorKind, readonly string[]>> = {
  database: [
    'The first scan downloads the database: check the connection and the proxy, and run it again.',
    'Where neither can be reached, name a mirror (export TRIVY_DB_REPOSITORY=registry.example.com/trivy-db:2), or bring a cache along and point TRIVY_CACHE_DIR at it.',
  ],
  'no-database': [
    'Let trivy download its database once: unset TRIVY_SKIP_DB_UPDATE, and db.skip-update in trivy.yaml.',
    'Or bring a cache along, and point TRIVY_CACHE_DIR at it.',
  ],
  'database-unusable': [
    'Let trivy download its database anew: trivy clean --vuln-db',
    'If the database is newer than trivy, install a newer trivy.',
  ],
  busy: [
    'Another trivy uses the same cache: wait until it has ended, or set TRIVY_CACHE_DIR for one of them.',
  ],
  'platform-missing': ['See which platforms it has: docker buildx imagetools inspect IMAGE'],
  unauthorized: [
    'Log in to the registry first: docker login REGISTRY',
    'Some registries answer so when there is no such image: check the name.',
  ],
  'not-found': [
    'Check the name and the tag, or push the image first.',
    'An image that was only built: scan the folder that "k8sflow build --oci-dir DIR" writes.',
  ],
  unreachable: [
    'Check the name of the registry, the connection and the proxy.',
    'For a registry without a trusted certificate: export SSL_CERT_FILE=ca.pem, or export TRIVY_INSECURE=true.',
  ],
  'not-an-image': [
    'Name an image reference, or an OCI layout folder as "k8sflow build --oci-dir DIR" writes.',
  ],
  timeout: ['Give it more time: export TRIVY_TIMEOUT=15m'],
}

/** The error a failed run stands for. `subject` is what was scanned, for the message. */
export function trivyError(subject: string, run: Completed): TrivyError {
  const stderr = redactText(run.stderr)
  const ended = run.endedBy !== undefined
  const kind = ended ? 'interrupted' : kindOf(stderr)
  const reason = ended ? `it was ended by ${run.endedBy ?? ''}` : trivyReason(stderr)
  return new TrivyError(
    `${subject} could not be scanned: ${HEADLINES[kind] ?? reason}.${detail(kind, reason)}`,
    kind,
    {
      suggestions: SUGGESTIONS[kind] ?? [],
      stderr,
    },
  )
}

function kindOf(stderr: string): TrivyErrorKind {
  const find = (kinds: typeof KINDS, text: string) => kinds.find(([words]) => words.test(text))?.[1]
  return (
    find(KINDS, stderr) ??
    find(REGISTRY_KINDS, registryWords(stderr) ?? '') ??
    find(LATE_KINDS, stderr) ??
    'other'
  )
}

/**
 * What the registry answered: trivy looks for a name in a registry and in three local engines, and lists the reasons
 * of all; that there is no engine says nothing.
 */
function registryWords(stderr: string): string | undefined {
  return /\* remote error: ([^]*?)(?:\n\s*\* (?:docker|containerd|podman) error:|$(?![^]))/.exec(stderr)?.[1]
}

const HEADLINES: Partial<Record<TrivyErrorKind, string>> = {
  database: "trivy's vulnerability database could not be downloaded",
  'no-database': 'trivy has no vulnerability database yet, and is told not to download one',
  'database-unusable': 'trivy cannot read the vulnerability database it has',
  busy: "trivy's cache is in use",
  'platform-missing': 'it has no image for that platform',
  unauthorized: 'the registry refuses access',
  'not-found': 'there is no such image',
  unreachable: 'the registry cannot be reached',
  timeout: 'trivy ran out of time',
  'no-space': 'the disk is full',
}

/** trivy's own words below a headline, where they add something. */
function detail(kind: TrivyErrorKind, reason: string): string {
  return HEADLINES[kind] === undefined || kind === 'no-database' ? '' : `\n  trivy says: ${reason}`
}

/**
 * The part of trivy's stderr worth reading: its last FATAL line and what follows (a list of causes has lines of its
 * own), without the names of its own steps.
 */
export function trivyReason(stderr: string): string {
  const start = stderr.search(/^\S+\s+FATAL\s(?![\s\S]*^\S+\s+FATAL\s)/m)
  const said = (start < 0 ? stderr : stderr.slice(start).replace(/^\S+\s+FATAL\s+/, '')).trim()
  const causes = said
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !/^\S+\s+(INFO|WARN|DEBUG)\s/.test(line))
  const last =
    registryWords(said)
      ?.trim()
      .replaceAll(/\s*\n\s*/g, ' ') ?? causes.join(' ')
  return (
    STEPS.reduce((text, step) => text.replace(step, ''), last)
      .trim()
      .replace(/[.:]$/, '') || 'trivy gave no reason'
  )
}

/** What trivy puts before a cause: which of its functions it went through. */
const STEPS = [
  /^(Fatal error|Error)\s+/,
  /^((run|init|DB|database|image scan|scan|flag) error: |scan failed: |unable to initialize a[a-z ]*: |failed to download vulnerability DB: )+/,
]
