import { FailedError } from '../errors.js'
import { platformText } from '../images/platform.js'

/** How bad a finding is, in trivy's words, the worst first. */
export const SEVERITIES = ['CRITICAL', 'HIGH', 'MEDIUM', 'LOW', 'UNKNOWN'] as const
export type Severity = (typeof SEVERITIES)[number]

/** One thing trivy found: a vulnerable package, or a secret in a file. */
export interface TrivyFinding {
  kind: 'vulnerability' | 'secret'
  /** `CVE-2026-1234`; of a secret, trivy's rule, such as `private-key`. */
  id: string
  severity: Severity
  /** Name of the package; of a secret, the file. */
  package: string
  /** The package's file, where it is not one of the operating system's. */
  path?: string
  /** Empty for a secret. */
  installed: string
  /** Versions that fix it, comma-separated; empty when there is none. */
  fixed: string
  /** What the distribution says of it: `fixed`, `affected`, `will_not_fix`, …; empty when nothing. */
  status: string
  title: string
  url: string
}

/** A finding that an ignore file, a VEX document or a policy took out, in trivy's own words. */
export interface TrivyIgnored {
  finding: TrivyFinding
  /** `ignored`, or of a VEX document `not_affected`, `fixed`, `under_investigation`. */
  status: string
  /** Why; empty for what a plain `.trivyignore` names. */
  statement: string
  /** The file that says so. */
  source: string
}

/** One report of `trivy image --format json`, as far as k8sflow reads it. */
export interface TrivyReport {
  /** What trivy printed, for {@link narrowReport}. */
  raw: RawReport
  os: { family: string; name: string; endOfLife: boolean } | null
  /** `linux/arm64`; null where the image does not say. */
  platform: string | null
  /** `repository@sha256:…`, of an image from a registry. */
  repoDigests: string[]
  /** Whether packages of the operating system were found. */
  hasPackages: boolean
  findings: TrivyFinding[]
  ignored: TrivyIgnored[]
}

/* trivy's schema 2 (pkg/types/report.go, vulnerability.go, finding.go; pkg/fanal/types/secret.go). */
export interface RawReport {
  SchemaVersion?: unknown
  ArtifactName?: unknown
  Metadata?: {
    OS?: { Family?: unknown; Name?: unknown; EOSL?: unknown }
    RepoDigests?: unknown
    ImageConfig?: unknown
  }
  Results?: RawResult[]
}
interface RawResult {
  Target?: unknown
  Class?: unknown
  Vulnerabilities?: RawVulnerability[]
  Secrets?: RawSecret[]
  ExperimentalModifiedFindings?: {
    Type?: unknown
    Status?: unknown
    Statement?: unknown
    Source?: unknown
    Finding?: RawVulnerability & RawSecret
  }[]
}
type RawVulnerability = Partial<
  Record<
    | 'VulnerabilityID'
    | 'PkgName'
    | 'PkgPath'
    | 'InstalledVersion'
    | 'FixedVersion'
    | 'Status'
    | 'PrimaryURL'
    | 'Title'
    | 'Description'
    | 'Severity',
    unknown
  >
>
type RawSecret = Partial<Record<'RuleID' | 'Severity' | 'Title' | 'StartLine', unknown>>

/**
 * Reads a report of `trivy image --format json`.
 * @throws FailedError when it has another schema than the one trivy has written since 0.20
 */
export function parseReport(json: unknown): TrivyReport {
  const raw = (typeof json === 'object' && json !== null ? json : {}) as RawReport
  if (raw.SchemaVersion !== 2)
    throw new FailedError(
      `trivy printed a report of schema ${text(raw.SchemaVersion) || 'none'}; k8sflow reads schema 2.`,
      {
        code: 'TRIVY_OUTPUT',
        suggestions: ['Use another version of trivy, or tell the makers of k8sflow.'],
      },
    )
  const results = raw.Results ?? []
  const { OS: os, RepoDigests: digests, ImageConfig: config } = raw.Metadata ?? {}
  return {
    raw,
    os:
      os === undefined ? null : { family: text(os.Family), name: text(os.Name), endOfLife: os.EOSL === true },
    platform: platformText(config) ?? null,
    repoDigests: Array.isArray(digests) ? digests.map(text) : [],
    hasPackages: results.some((result) => result.Class === 'os-pkgs'),
    findings: results.flatMap((result) => [
      ...(result.Vulnerabilities ?? []).map(vulnerability),
      ...(result.Secrets ?? []).map((secret) => secretFinding(secret, text(result.Target))),
    ]),
    ignored: results.flatMap(ignoredFindings),
  }
}

/**
 * The same report with only the findings that are wanted, under another name: what is handed to `trivy convert`. The
 * name also stands in the targets of results, where trivy puts the path of a folder it scanned.
 */
export function narrowReport(
  { raw }: TrivyReport,
  wanted: (finding: TrivyFinding) => boolean,
  name: string,
): RawReport {
  const before = text(raw.ArtifactName)
  return {
    ...raw,
    ArtifactName: name,
    Results: (raw.Results ?? []).map((result) => ({
      ...result,
      Target: before === '' ? result.Target : text(result.Target).replace(before, () => name),
      ...(result.Vulnerabilities && {
        Vulnerabilities: result.Vulnerabilities.filter((entry) => wanted(vulnerability(entry))),
      }),
      ...(result.Secrets && {
        Secrets: result.Secrets.filter((entry) => wanted(secretFinding(entry, text(result.Target)))),
      }),
    })),
  }
}

function vulnerability(entry: RawVulnerability): TrivyFinding {
  const path = text(entry.PkgPath)
  return {
    kind: 'vulnerability',
    id: text(entry.VulnerabilityID),
    severity: severity(entry.Severity),
    package: text(entry.PkgName),
    ...(path === '' ? {} : { path }),
    installed: text(entry.InstalledVersion),
    fixed: text(entry.FixedVersion),
    status: text(entry.Status),
    // Advisories of some distributions have no title, but a description.
    title: text(entry.Title) || (text(entry.Description).split('\n')[0] ?? ''),
    url: text(entry.PrimaryURL),
  }
}

/** What was matched is left out: trivy masks it, but only as well as its rule knows where the secret ends. */
function secretFinding(entry: RawSecret, file: string): TrivyFinding {
  const line = text(entry.StartLine)
  return {
    kind: 'secret',
    id: text(entry.RuleID),
    severity: severity(entry.Severity),
    package: line === '' || line === '0' ? file : `${file}:${line}`,
    installed: '',
    fixed: '',
    status: '',
    title: text(entry.Title),
    url: '',
  }
}

function ignoredFindings(result: RawResult): TrivyIgnored[] {
  return (result.ExperimentalModifiedFindings ?? []).flatMap(
    ({ Type: type, Finding: finding = {}, ...how }) => {
      if (type !== 'vulnerability' && type !== 'secret') return []
      return [
        {
          finding: type === 'secret' ? secretFinding(finding, text(result.Target)) : vulnerability(finding),
          status: text(how.Status),
          statement: text(how.Statement),
          source: text(how.Source),
        },
      ]
    },
  )
}

function severity(value: unknown): Severity {
  return SEVERITIES.find((name) => name === value) ?? 'UNKNOWN'
}

function text(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : ''
}
