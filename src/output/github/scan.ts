import type { FailedScan, ScannedImage, ScanResult } from '../../services/scan.js'
import { SEVERITIES } from '../../tools/trivy-report.js'
import { type Annotation, SHOWN } from './annotation.js'
import { type Cell, heading, markdownTable } from './markdown.js'
import type { GithubReport } from './report.js'

/** Findings in the job summary at most. */
const SUMMARY_ROWS = 100

/** What `scan` found: the worst findings at the Dockerfile of their app, counts and findings as a summary. */
export function scanReport(result: ScanResult): GithubReport {
  const { images, failures } = result
  const found = findings(images)
  return {
    annotations: [...worst(found.map(({ annotation }) => annotation)), ...failures.map(failure)],
    summary: [
      heading(verdict(result)),
      markdownTable(['Image', 'Platform', ...SEVERITIES, 'Ignored'], images.map(countsRow)),
      ...(found.length === 0
        ? []
        : [
            markdownTable(
              FINDING_HEADINGS,
              found.slice(0, SUMMARY_ROWS).map(({ row }) => row),
            ),
          ]),
      ...(found.length > SUMMARY_ROWS ? [`and ${String(found.length - SUMMARY_ROWS)} more`] : []),
      ...(failures.length === 0
        ? []
        : [
            markdownTable(
              ['Not scanned', 'Why'],
              failures.map(({ image, message }) => [{ code: image }, message]),
            ),
          ]),
    ].join('\n\n'),
    outputs: { passed: String(result.passed) },
  }
}

const FINDING_HEADINGS = ['Severity', 'ID', 'Package', 'Installed', 'Fixed in', 'Image', 'Title']

function verdict({ passed, severities, images, failures }: ScanResult): string {
  const asked = severities.join(' or ')
  if (passed) return `No findings of severity ${asked}`
  const bad = new Set(images.filter(({ findings }) => findings.length > 0).map(({ image }) => image)).size
  return [
    ...(bad > 0 ? [`Findings of severity ${asked} in ${String(bad)} ${bad === 1 ? 'image' : 'images'}`] : []),
    ...(failures.length > 0
      ? [`${String(failures.length)} ${failures.length === 1 ? 'scan' : 'scans'} failed`]
      : []),
  ].join('; ')
}

function countsRow({ image, platform, counts, ignored }: ScannedImage) {
  return [
    { code: image },
    platform ?? '-',
    ...SEVERITIES.map((severity) => String(counts[severity])),
    String(ignored.length),
  ]
}

/** Every finding of an image once, whichever of its platforms have it; the worst of all images first. */
function findings(images: readonly ScannedImage[]): { annotation: Annotation; row: Cell[] }[] {
  const unique = new Map<string, { severity: number; annotation: Annotation; row: Cell[] }>()
  for (const { image, dockerfile, findings } of images)
    for (const { severity, id, package: name, installed, fixed, title, url, kind } of findings) {
      const key = JSON.stringify([image, id, name, installed])
      if (unique.has(key)) continue
      const secret = kind === 'secret'
      const cure = secret ? '' : fixed === null ? ', not fixed yet' : `, fixed in ${fixed}`
      unique.set(key, {
        severity: SEVERITIES.indexOf(severity),
        annotation: {
          level: 'error',
          title: `${severity} ${id}`,
          message: [`${name}${secret ? '' : ` ${installed}`} in ${image}${cure}`, title, url]
            .filter(Boolean)
            .join('\n'),
          ...(dockerfile === undefined ? {} : { file: dockerfile.path, line: dockerfile.line }),
        },
        row: [
          severity,
          id,
          { code: name },
          { code: installed },
          secret ? '' : fixed === null ? 'none yet' : { code: fixed },
          { code: image },
          title,
        ],
      })
    }
  return [...unique.values()].sort((one, other) => one.severity - other.severity)
}

/** As many as GitHub shows: it would else take the first by file and line, and not the worst. */
function worst(annotations: readonly Annotation[]): Annotation[] {
  if (annotations.length <= SHOWN) return [...annotations]
  const kept = annotations.slice(0, SHOWN - 1)
  const rest = annotations.length - kept.length
  return [
    ...kept,
    {
      level: 'error',
      title: 'More findings',
      message: `and ${String(rest)} more; see the log and the job summary`,
    },
  ]
}

function failure({ message, suggestions }: FailedScan): Annotation {
  return { level: 'error', message: [message, ...suggestions].join('\n') }
}
