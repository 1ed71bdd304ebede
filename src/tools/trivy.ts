import { FailedError } from '../errors.js'
import type { Completed, Runner } from './runner.js'
import { trivyError } from './trivy-errors.js'
import { parseReport, type TrivyReport } from './trivy-report.js'
import { readTrivyVersion } from './trivy-version.js'

/** One image, of one platform, to scan. */
export interface ImageRequest {
  /** How people know it; for messages. */
  subject: string
  /** An image reference, or `folder`, an OCI layout that holds a single image. */
  source: { reference: string } | { folder: string }
  /** `linux/arm64`. An image that is not an index ignores it: compare with the report's. */
  platform?: string | undefined
  /** Where to look; left out, in local engines first, as trivy does. Never over TRIVY_IMAGE_SRC. */
  from?: 'registry' | 'registry-first' | 'engines' | undefined
  /** A `.trivyignore` file that exists. */
  ignoreFile?: string | undefined
}

export interface RunOptions {
  /** Asks trivy to stop. */
  signal?: AbortSignal | undefined
  /** Called when trivy begins to download its database, which takes a while. */
  onDownload?: () => void
}

/** trivy as typed verbs; a failed run throws a TrivyError that says what kind of failure it was. */
export interface Trivy {
  readonly program: string
  /** `0.74.0`; `dev` is a trivy that was built without a version. */
  readonly version: string
  /** Scans for vulnerabilities and secrets, of every severity. */
  image(request: ImageRequest, options?: RunOptions): Promise<TrivyReport>
  /** A saved report as SARIF, every finding in it. `noIgnores` is an empty file: trivy would else look for one. */
  sarif(files: { report: string; noIgnores: string }, options?: RunOptions): Promise<unknown>
}

/**
 * Variables that would change what trivy reports, or how; k8sflow says all that on the command line. What says how
 * to get at images, credentials, the cache and the database stays.
 */
const REPORT_VARIABLES = [
  ...['FORMAT', 'OUTPUT', 'OUTPUT_PLUGIN_ARG', 'TEMPLATE', 'REPORT', 'TABLE_MODE', 'DEPENDENCY_TREE'],
  ...['SEVERITY', 'SCANNERS', 'SECURITY_CHECKS', 'IGNOREFILE', 'IGNORE_UNFIXED', 'IGNORE_STATUS'],
  ...['LIST_ALL_PKGS', 'PKG_TYPES', 'VULN_TYPE'],
  ...['SHOW_SUPPRESSED', 'COMPLIANCE', 'EXIT_CODE', 'EXIT_ON_EOL', 'INPUT', 'PLATFORM', 'QUIET', 'DEBUG'],
  ...['GENERATE_DEFAULT_CONFIG', 'DOWNLOAD_DB_ONLY', 'DOWNLOAD_JAVA_DB_ONLY', 'RUN_AS_PLUGIN', 'TRACE_HTTP'],
].map((name) => `TRIVY_${name}`)

/** Of those, the ones somebody may have set to narrow a scan down, with the flag that does it here. */
export const REPLACED_VARIABLES: Readonly<Record<string, string>> = {
  TRIVY_SEVERITY: '--severity',
  TRIVY_IGNOREFILE: '--ignore-file',
  TRIVY_IGNORE_UNFIXED: '--ignore-unfixed',
  TRIVY_IGNORE_STATUS: '--ignore-unfixed',
  TRIVY_PLATFORM: '--platform',
}

const SEVERITIES = 'UNKNOWN,LOW,MEDIUM,HIGH,CRITICAL'

/**
 * Finds trivy (`program`, else K8SFLOW_TRIVY, else `trivy` on PATH) and checks its version.
 * @throws MissingProgramError when it is missing, too old, or one of the releases an attacker published
 */
export async function createTrivy(runner: Runner, options: { program?: string } = {}): Promise<Trivy> {
  const program = options.program ?? (process.env['K8SFLOW_TRIVY'] || 'trivy')
  const env = trivyEnvironment()
  const version = await readTrivyVersion(runner, program, env)
  const run = (args: readonly string[], { signal, onDownload }: RunOptions): Promise<Completed> =>
    runner.run({
      program,
      args,
      env,
      // In a group of its own, so that Ctrl-C reaches it once: a second signal ends it before it has tidied up.
      ownGroup: true,
      ...(signal === undefined ? {} : { signal }),
      onStderr: (line) => {
        if (line.includes('Downloading vulnerability DB')) onDownload?.()
      },
    })
  return {
    program,
    version,
    async image(request, options = {}) {
      const done = await run(imageArguments(request), options)
      if (done.exitCode !== 0) throw trivyError(request.subject, done)
      return parseReport(json(done.stdout, `trivy image ${request.subject}`))
    },
    async sarif(files, options = {}) {
      const done = await run(sarifArguments(files), options)
      if (done.exitCode !== 0) throw trivyError('The report', done)
      return json(done.stdout, 'trivy convert')
    },
  }
}

const ENGINES = 'docker,containerd,podman'
const IMAGE_SOURCES = { registry: 'remote', 'registry-first': `remote,${ENGINES}`, engines: ENGINES }

function imageArguments({ source, platform, from, ignoreFile }: ImageRequest): string[] {
  return [
    ...['image', '--format', 'json', '--no-progress', '--list-all-pkgs=false', '--show-suppressed'],
    ...['--scanners', 'vuln,secret', '--severity', SEVERITIES, '--exit-code', '0', '--exit-on-eol', '0'],
    // A trivy.yaml could leave these out, and nobody would see it; an empty list of statuses is none.
    ...['--pkg-types', 'os,library', '--ignore-unfixed=false', '--ignore-status', ''],
    ...(ignoreFile === undefined ? [] : ['--ignorefile', ignoreFile]),
    ...(platform === undefined ? [] : ['--platform', platform]),
    ...(from === undefined || process.env['TRIVY_IMAGE_SRC'] ? [] : ['--image-src', IMAGE_SOURCES[from]]),
    ...('folder' in source ? ['--input', source.folder] : [source.reference]),
  ]
}

function sarifArguments({ report, noIgnores }: { report: string; noIgnores: string }): string[] {
  return [
    'convert',
    '--format',
    'sarif',
    '--severity',
    SEVERITIES,
    '--ignorefile',
    noIgnores,
    '--exit-code',
    '0',
    report,
  ]
}

/** trivy tells its makers of each run, and asks them for news of itself, unless it is told not to. */
function trivyEnvironment(): Record<string, string | undefined> {
  const quiet = { TRIVY_DISABLE_TELEMETRY: 'true', TRIVY_SKIP_VERSION_CHECK: 'true' }
  return { ...Object.fromEntries(REPORT_VARIABLES.map((name) => [name, undefined])), ...quiet }
}

function json(text: string, subject: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch (cause) {
    throw new FailedError(`${subject} printed something that is not JSON.`, {
      code: 'TRIVY_OUTPUT',
      suggestions: ['Run it with --verbose to see the command, and try it by itself.'],
      cause,
      data: { stdout: text.slice(0, 2000) },
    })
  }
}
