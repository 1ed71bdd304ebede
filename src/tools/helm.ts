import { FailedError } from '../errors.js'
import { commandLine } from './command-line.js'
import * as argumentsOf from './helm-arguments.js'
import type {
  HelmTarget,
  LintRequest,
  RollbackRequest,
  TemplateRequest,
  UninstallRequest,
  UpgradeRequest,
} from './helm-arguments.js'
import { helmError } from './helm-errors.js'
import * as output from './helm-output.js'
import type { ReleaseRevision, ReleaseStatus, ReleaseSummary } from './helm-output.js'
import { type HelmVersion, readHelmVersion } from './helm-version.js'
import type { Completed, Runner } from './runner.js'

/** What a run that changes something may be given besides its request. */
export interface ChangeOptions {
  /** Asks helm to stop, once: it then marks the release failed, and ends. */
  signal?: AbortSignal | undefined
  /** What `-f -` reads. */
  stdin?: string | undefined
}

/**
 * helm as typed verbs. Results are the same for helm 3 and 4; a failed run throws a HelmError that says what kind
 * of failure it was and keeps helm's own words.
 */
export interface Helm {
  readonly program: string
  readonly version: HelmVersion
  /** The namespace of release records; undefined is the context's own. */
  readonly namespace: string | undefined
  /** The same helm, with release records elsewhere; undefined is the context's own namespace. */
  inNamespace(namespace: string | undefined): Helm
  /** A command line of these arguments as it would be run: shell-quoted, secrets masked. */
  commandLine(args: readonly string[]): string

  /** Releases in every state, pending and failed ones too. */
  list(options?: { allNamespaces?: boolean }): Promise<ReleaseSummary[]>
  /** The newest revision, or undefined when there is no such release. */
  status(release: string): Promise<ReleaseStatus | undefined>
  /** All kept revisions, oldest first; empty when there is no such release. */
  history(release: string): Promise<ReleaseRevision[]>
  /** The values given by users, or with `all` those merged with the chart's defaults. */
  getValues(release: string, options?: { all?: boolean; revision?: number }): Promise<Record<string, unknown>>
  getManifest(release: string, options?: { revision?: number }): Promise<string>

  /** Installs or upgrades, and gives back the revision it made. */
  upgrade(request: UpgradeRequest, options?: ChangeOptions): Promise<{ revision: number }>
  rollback(request: RollbackRequest, options?: ChangeOptions): Promise<void>
  uninstall(request: UninstallRequest, options?: ChangeOptions): Promise<void>

  /** Rendered manifests; needs no cluster. */
  template(request: TemplateRequest, options?: { stdin?: string | undefined }): Promise<string>
  /** `ok` is helm's verdict, `text` what it says. Needs no cluster. */
  lint(request: LintRequest, options?: { stdin?: string | undefined }): Promise<{ ok: boolean; text: string }>
}

export interface HelmOptions extends HelmTarget {
  /** Path or name of helm; otherwise K8SFLOW_HELM, then `helm` on PATH. */
  program?: string | undefined
}

/** Milliseconds a question to helm may take; only the cluster can make it slow. */
const QUESTION_TIMEOUT = 120_000

/**
 * Variables with which helm would speak to another cluster or namespace than the one k8sflow itself looks at.
 * KUBECONFIG stays: both read it.
 */
const TARGET_VARIABLES = [
  'HELM_NAMESPACE',
  'HELM_KUBECONTEXT',
  'HELM_KUBEAPISERVER',
  'HELM_KUBETOKEN',
  'HELM_KUBEASUSER',
  'HELM_KUBEASGROUPS',
  'HELM_KUBECAFILE',
  'HELM_KUBEINSECURE_SKIP_TLS_VERIFY',
  'HELM_KUBETLS_SERVER_NAME',
]

/**
 * Finds helm and checks its version.
 * @throws MissingProgramError when it is missing or too old
 */
export async function createHelm(runner: Runner, options: HelmOptions = {}): Promise<Helm> {
  const program = options.program ?? (process.env['K8SFLOW_HELM'] || 'helm')
  const version = await readHelmVersion(runner, program)
  return new HelmProgram(runner, { program, version }, options)
}

class HelmProgram implements Helm {
  constructor(
    private readonly runner: Runner,
    private readonly found: { program: string; version: HelmVersion },
    private readonly target: HelmTarget,
  ) {}

  get program(): string {
    return this.found.program
  }

  get version(): HelmVersion {
    return this.found.version
  }

  get namespace(): string | undefined {
    return this.target.namespace
  }

  inNamespace(namespace: string | undefined): Helm {
    return new HelmProgram(this.runner, this.found, { ...this.target, namespace })
  }

  commandLine(args: readonly string[]): string {
    return commandLine(this.program, [...args, ...argumentsOf.targetArguments(this.target)])
  }

  async list(options: { allNamespaces?: boolean } = {}): Promise<ReleaseSummary[]> {
    const target = options.allNamespaces ? { ...this.target, namespace: undefined } : this.target
    const run = await this.ask(argumentsOf.listArguments(options), target)
    if (run.exitCode !== 0) throw helmError('helm list', run)
    return read('helm list', run, output.parseList)
  }

  async status(release: string): Promise<ReleaseStatus | undefined> {
    const run = await this.ask(argumentsOf.statusArguments(release))
    if (run.exitCode === 0) return read('helm status', run, output.parseStatus)
    return absent(`helm status ${release}`, run)
  }

  async history(release: string): Promise<ReleaseRevision[]> {
    const run = await this.ask(argumentsOf.historyArguments(release))
    if (run.exitCode === 0) return read('helm history', run, output.parseHistory)
    return absent(`helm history ${release}`, run) ?? []
  }

  async getValues(
    release: string,
    options: { all?: boolean; revision?: number } = {},
  ): Promise<Record<string, unknown>> {
    const run = await this.ask(argumentsOf.getValuesArguments(release, options))
    if (run.exitCode !== 0) throw helmError(`helm get values ${release}`, run)
    return read('helm get values', run, output.parseValues)
  }

  async getManifest(release: string, options: { revision?: number } = {}): Promise<string> {
    const run = await this.ask(argumentsOf.getManifestArguments(release, options))
    if (run.exitCode !== 0) throw helmError(`helm get manifest ${release}`, run)
    return run.stdout
  }

  async upgrade(request: UpgradeRequest, options: ChangeOptions = {}): Promise<{ revision: number }> {
    const verb = request.mode === 'install' ? 'install' : 'upgrade'
    const run = await this.change(argumentsOf.upgradeArguments(request), options)
    if (run.exitCode !== 0) throw helmError(`helm ${verb} ${request.release}`, run)
    const revision = output.parseRevision(run.stdout) ?? (await this.status(request.release))?.revision
    return { revision: revision ?? 0 }
  }

  async rollback(request: RollbackRequest, options: ChangeOptions = {}): Promise<void> {
    const run = await this.change(argumentsOf.rollbackArguments(request), options)
    if (run.exitCode !== 0) throw helmError(`helm rollback ${request.release}`, run)
  }

  async uninstall(request: UninstallRequest, options: ChangeOptions = {}): Promise<void> {
    const run = await this.change(argumentsOf.uninstallArguments(request), options)
    if (run.exitCode !== 0) throw helmError(`helm uninstall ${request.release}`, run)
  }

  async template(request: TemplateRequest, options: { stdin?: string | undefined } = {}): Promise<string> {
    const run = await this.local(argumentsOf.templateArguments(request), options.stdin)
    if (run.exitCode !== 0) throw helmError(`helm template ${request.release}`, run)
    return run.stdout
  }

  async lint(
    request: LintRequest,
    options: { stdin?: string | undefined } = {},
  ): Promise<{ ok: boolean; text: string }> {
    const run = await this.local(argumentsOf.lintArguments(request), options.stdin)
    return { ok: run.exitCode === 0, text: [run.stdout, run.stderr].filter(Boolean).join('\n') }
  }

  /** Out of reach of Ctrl-C too: after an interruption it is asked in what state that left the release. */
  private async ask(args: readonly string[], target = this.target): Promise<Completed> {
    const run = await this.run([...args, ...argumentsOf.targetArguments(target)], {
      timeoutMs: QUESTION_TIMEOUT,
      ownGroup: true,
    })
    if (run.endedBy !== 'SIGTERM') return run
    return { exitCode: 1, stdout: '', stderr: 'Error: cluster unreachable: no answer within two minutes' }
  }

  /** In a process group of its own, so that Ctrl-C reaches helm once: through the signal (facts, "Signals"). */
  private change(args: readonly string[], options: ChangeOptions): Promise<Completed> {
    return this.run([...args, ...argumentsOf.targetArguments(this.target)], {
      ownGroup: true,
      ...(options.stdin === undefined ? {} : { stdin: options.stdin }),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    })
  }

  /** Runs without a cluster: only the namespace is of use. */
  private local(args: readonly string[], stdin: string | undefined): Promise<Completed> {
    const target = argumentsOf.targetArguments({ namespace: this.namespace })
    const place = args[0] === 'lint' ? [] : target
    return this.run([...args, ...place], stdin === undefined ? {} : { stdin })
  }

  private run(
    args: readonly string[],
    options: { timeoutMs?: number; ownGroup?: boolean; stdin?: string; signal?: AbortSignal },
  ): Promise<Completed> {
    const env = Object.fromEntries(TARGET_VARIABLES.map((name) => [name, undefined]))
    return this.runner.run({ program: this.program, args, env, ...options })
  }
}

/** Undefined for a release that is not there; any other failure is thrown. */
function absent(subject: string, run: Completed): undefined {
  const error = helmError(subject, run)
  if (error.kind !== 'not-found') throw error
  return undefined
}

function read<Result>(subject: string, run: Completed, parse: (json: string) => Result): Result {
  try {
    return parse(run.stdout)
  } catch (cause) {
    throw new FailedError(`${subject} printed something that is not JSON.`, {
      code: 'HELM_OUTPUT',
      suggestions: ['Run it with --verbose to see the command, and run that by itself.'],
      data: { stdout: run.stdout.slice(0, 500) },
      cause,
    })
  }
}
