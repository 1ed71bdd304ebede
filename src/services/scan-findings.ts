import { printableLine } from '../printable.js'
import { SEVERITIES, type Severity, type TrivyFinding, type TrivyReport } from '../tools/trivy-report.js'
import type { IgnoreFile } from './scan-ignore.js'

/** A vulnerable package, or a secret in a file, at one of the severities asked for. */
export interface ScanFinding {
  kind: 'vulnerability' | 'secret'
  /** `CVE-2026-1234`; of a secret, the rule that found it. */
  id: string
  severity: Severity
  /** Name of the package; of a secret, its file and line. */
  package: string
  /** The package's file in the image, where it is not one of the operating system's. */
  path?: string
  /** Empty for a secret. */
  installed: string
  /** Versions that fix it, comma-separated; null when nobody has fixed it yet. */
  fixed: string | null
  /** What the distribution says of it, such as `affected`, `fixed`, `will_not_fix`; empty when nothing. */
  status: string
  title: string
  /** Where to read about it; empty for a secret. */
  url: string
}

/** A finding that does not count, and why. */
export interface IgnoredFinding extends Pick<ScanFinding, 'kind' | 'id' | 'severity' | 'package'> {
  /** Empty when nobody said why. */
  reason: string
  /** The file that says so: an ignore file, a VEX document, a policy. */
  source: string
}

/** What to count. */
export interface Gate {
  severities: readonly Severity[]
  /** Leave out vulnerabilities without a fix. */
  ignoreUnfixed: boolean
}

/** A report's findings, sorted out. */
export interface SortedFindings {
  /** Findings of each severity, whether asked for or not; without the ignored, and the left out. */
  counts: Record<Severity, number>
  /** At the severities asked for, the worst first. */
  findings: ScanFinding[]
  ignored: IgnoredFinding[]
  /** Left out since there is no fix, at the severities asked for. */
  unfixed: number
}

/** Counts a report's findings, and picks those that the gate asks for. */
export function sortFindings(report: TrivyReport, gate: Gate, ignoreFile?: IgnoreFile): SortedFindings {
  const counted = report.findings.filter((finding) => !(gate.ignoreUnfixed && isUnfixed(finding)))
  const left = report.findings.filter((finding) => gate.ignoreUnfixed && isUnfixed(finding))
  const asked = ({ severity }: TrivyFinding) => gate.severities.includes(severity)
  return {
    counts: Object.fromEntries(
      SEVERITIES.map((name) => [name, counted.filter(({ severity }) => severity === name).length]),
    ) as Record<Severity, number>,
    findings: counted.filter(asked).map(shown).sort(worstFirst),
    ignored: report.ignored.map(({ finding, statement, status, source }) => ({
      kind: finding.kind,
      id: printableLine(finding.id),
      severity: finding.severity,
      package: printableLine(finding.package),
      reason:
        printableLine(statement) || reasonIn(ignoreFile, finding.id) || (status === 'ignored' ? '' : status),
      source: printableLine(source),
    })),
    unfixed: left.filter(asked).length,
  }
}

/** Whether a finding stops the gate: for the SARIF report, which holds just those. */
export function isBlocking(finding: TrivyFinding, gate: Gate): boolean {
  return gate.severities.includes(finding.severity) && !(gate.ignoreUnfixed && isUnfixed(finding))
}

/** `1 CRITICAL, 3 HIGH`, of the severities that have any. */
export function countsText(counts: Readonly<Record<Severity, number>>, of: readonly Severity[]): string {
  return SEVERITIES.filter((name) => of.includes(name) && counts[name] > 0)
    .map((name) => `${String(counts[name])} ${name}`)
    .join(', ')
}

/** A secret is never without a fix: it can be taken out, and replaced. */
function isUnfixed({ kind, fixed, status }: TrivyFinding): boolean {
  return kind === 'vulnerability' && fixed === '' && status !== 'fixed'
}

/** trivy's texts come from advisories and file names, and go to a terminal. */
function shown({ path, fixed, ...finding }: TrivyFinding): ScanFinding {
  const { kind, severity, id, package: name, installed, status, title, url } = finding
  return {
    kind,
    id: printableLine(id),
    severity,
    package: printableLine(name),
    ...(path === undefined ? {} : { path: printableLine(path) }),
    installed: printableLine(installed),
    fixed: fixed === '' ? null : printableLine(fixed),
    status: printableLine(status),
    title: printableLine(title),
    url: printableLine(url),
  }
}

function worstFirst(one: ScanFinding, other: ScanFinding): number {
  return (
    SEVERITIES.indexOf(one.severity) - SEVERITIES.indexOf(other.severity) ||
    one.package.localeCompare(other.package) ||
    one.id.localeCompare(other.id)
  )
}

function reasonIn(file: IgnoreFile | undefined, id: string): string {
  return file?.rules.find((rule) => rule.id === id && !rule.expired)?.reason ?? ''
}
