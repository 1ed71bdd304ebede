import { EXIT_CODES, type ExitCode } from '../exit-codes.js'
import { K8sflowError } from '../errors.js'
import { redactText } from './command-line.js'
import type { Completed } from './runner.js'

/** What went wrong, whichever helm says it in whichever words. */
export type HelmErrorKind =
  | 'not-found'
  | 'name-in-use'
  | 'pending'
  | 'no-revision'
  | 'ownership'
  | 'chart-not-fetched'
  | 'unreachable'
  | 'unauthorized'
  | 'forbidden'
  | 'schema'
  | 'template'
  | 'wait-timeout'
  | 'conflict'
  | 'interrupted'
  | 'other'

/** A helm run that failed: what kind of failure it was, and all that helm said. */
export class HelmError extends K8sflowError {
  /** helm's own words, user names and passwords in URLs masked. */
  readonly stderr: string
  /** A signal ended helm before it could write down how its revision ended. */
  readonly killed: boolean

  constructor(
    message: string,
    readonly kind: HelmErrorKind,
    /** The part worth reading of what helm said, or which signal ended it. */
    readonly reason: string,
    details: {
      stderr: string
      killed: boolean
      exitCode: ExitCode
      suggestions: readonly string[]
      data: Readonly<Record<string, unknown>>
    },
  ) {
    super(message, details.exitCode, {
      code: `HELM_${kind.toUpperCase().replaceAll('-', '_')}`,
      suggestions: details.suggestions,
      data: details.data,
    })
    this.stderr = details.stderr
    this.killed = details.killed
  }
}

/**
 * Which words mean what; the first that matches wins. Compared case-insensitively, since helm 3 and 4 differ in
 * capitals (facts, "Strings"). Order matters: an unreachable cluster is also why a lock or a release is not found.
 */
const KINDS: readonly (readonly [RegExp, HelmErrorKind])[] = [
  // A registry refuses, and cannot be reached, in the words of a cluster.
  [
    /failed to perform "[^"]+" on source|not a valid chart repository or cannot be reached|\bget "[^"]+(\.tgz|\/tags\/list)"/i,
    'chart-not-fetched',
  ],
  [/provide credentials|\bunauthorized\b/i, 'unauthorized'],
  // The cluster's own calls of a webhook can fail in the same words: the cluster itself was reached then.
  [
    /cluster unreachable|^(?![\s\S]*webhook)[\s\S]*(connection refused|no such host|i\/o timeout|x509:|tls: )/i,
    'unreachable',
  ],
  [/is forbidden|\bforbidden:/i, 'forbidden'],
  [/another operation \(install\/upgrade\/rollback\) is in progress/i, 'pending'],
  // Two writers of one revision: the slower one finds the other's record.
  [/release: already exists|(secrets|configmaps) "sh\.helm\.release\.v1\.[^"]+" already exists/i, 'pending'],
  [/cannot re-?use a name that is still in use/i, 'name-in-use'],
  [/release has no -?\d+ version/i, 'no-revision'],
  [/release: not found|has no deployed releases|release not loaded/i, 'not-found'],
  [/don't meet the specifications of the schema/i, 'schema'],
  [/invalid ownership metadata|cannot be imported into the current release/i, 'ownership'],
  [/apply failed with \d+ conflict|conflict occurred while applying/i, 'conflict'],
  [
    /execution error at|^\s*(error: )?template: |template: \S+:\d+:\d+|yaml parse error on|parse error at/im,
    'template',
  ],
  [
    /context deadline exceeded|timed out waiting|not ready\. status:|would exceed context deadline/i,
    'wait-timeout',
  ],
  [/has been cancelled|context canceled|signal: interrupt/i, 'interrupted'],
]

const EXITS: Partial<Record<HelmErrorKind, ExitCode>> = {
  unreachable: EXIT_CODES.clusterUnreachable,
  unauthorized: EXIT_CODES.clusterUnreachable,
  forbidden: EXIT_CODES.clusterUnreachable,
  schema: EXIT_CODES.invalidInput,
  interrupted: EXIT_CODES.interrupted,
}

const SUGGESTIONS: Partial<Record<HelmErrorKind, readonly string[]>> = {
  'chart-not-fetched': [
    'Check that this machine reaches the place named above (network, proxy, "helm registry login"), and that the version is there.',
    'Or fetch the chart where it does, with "helm pull", and name the file instead.',
  ],
  pending: ['Wait until the other run has ended: k8sflow status shows when it has.'],
  unreachable: ['Check the server address and the context of the kubeconfig (--kubeconfig, --context).'],
  unauthorized: [
    'The credentials in the kubeconfig were refused: they may have expired. Fetch a fresh kubeconfig.',
  ],
  forbidden: ["Ask the cluster's owner for the right named above, or use another context (--context)."],
  schema: ['Check the values with: k8sflow validate'],
  template: ['See what the chart makes of the values with: k8sflow render'],
}

/** Tells what kind of failure helm's words stand for. */
function helmErrorKind(stderr: string): HelmErrorKind {
  return KINDS.find(([words]) => words.test(stderr))?.[1] ?? 'other'
}

/** Makes an error of a failed run; `subject` is what was done, such as `helm upgrade app1`. */
export function helmError(subject: string, run: Completed): HelmError {
  const stderr = redactText(run.stderr)
  const kind = run.endedBy === undefined ? helmErrorKind(stderr) : 'interrupted'
  const reason = run.endedBy === undefined ? helmReason(stderr) : `helm was ended by ${run.endedBy}`
  return new HelmError(`${subject} failed: ${reason}`, kind, reason, {
    stderr,
    killed: run.endedBy !== undefined,
    exitCode: EXITS[kind] ?? EXIT_CODES.failed,
    suggestions: SUGGESTIONS[kind] ?? [],
    data: { kind, stderr: stderr.slice(0, 4000) },
  })
}

/**
 * The part of helm's stderr worth reading: from its last `Error:` on, without helm 4's log lines and warnings.
 */
function helmReason(stderr: string): string {
  const start = stderr.search(/^Error: (?![\s\S]*^Error: )/m)
  const said = start < 0 ? stderr : stderr.slice(start + 'Error: '.length)
  const lines = said.split('\n').filter((line) => !/^(level=|time=|WARNING: |Flag --|[IWE]\d{4} )/.test(line))
  return lines.join('\n').trim() || stderr.trim() || 'helm gave no reason'
}
