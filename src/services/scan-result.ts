import { FailedError, K8sflowError } from '../errors.js'
import { EXIT_CODES } from '../exit-codes.js'
import { shortImage } from '../images/reference.js'
import type { Severity } from '../tools/trivy-report.js'
import type { App } from '../values/contract.js'
import { countsText, type IgnoredFinding, type ScanFinding } from './scan-findings.js'

/** One platform of one image, as trivy found it. */
export interface ScannedImage {
  /** The reference, or the path of the OCI layout folder. */
  image: string
  /** Apps it is the image of; empty where that cannot be told. */
  apps: App[]
  /** Values files that name it. */
  files: string[]
  /** `linux/arm64`; null where the image does not say. */
  platform: string | null
  /** Of the whole image, all its platforms: what is deployed. null where it is not known. */
  digest: string | null
  /** null where trivy recognised none: then only files of languages were looked at. */
  os: { family: string; name: string; endOfLife: boolean } | null
  /** Whether packages of the operating system were found. */
  hasPackages: boolean
  /** Findings of each severity, also of those not asked for; without the ignored and the left out. */
  counts: Record<Severity, number>
  /** Findings at the severities asked for, the worst first: those that stop the gate. */
  findings: ScanFinding[]
  /** Findings that an ignore file, a VEX document or a policy took out. */
  ignored: IgnoredFinding[]
  /** With --ignore-unfixed: findings left out at the severities asked for. */
  unfixed: number
  /** The Dockerfile of the app in this repository, and the line that names its base; for annotations. */
  dockerfile?: { path: string; line: number }
}

/** An image, or one platform of it, that could not be scanned. */
export interface FailedScan {
  image: string
  /** null when it failed before a platform was known. */
  platform: string | null
  code: string
  message: string
  suggestions: string[]
}

export interface ScanResult {
  /** Everything was scanned, and nothing was found at the severities asked for. */
  passed: boolean
  /** The worst first. */
  severities: Severity[]
  ignoreUnfixed: boolean
  /** The ignore file that was used; null for none. */
  ignoreFile: string | null
  /** Version of trivy. */
  trivy: string
  /** One for each image and platform. */
  images: ScannedImage[]
  failures: FailedScan[]
  notes: string[]
  warnings: string[]
  error?: { code: string; message: string; exit: number; suggestions: string[] }
}

/** `hecha00/app1:1.0.0 (linux/arm64)`, for people. */
export function imageName(image: string, platform?: string | null): string {
  return platform ? `${shortImage(image)} (${platform})` : shortImage(image)
}

/** The error a result stands for, if any: what was found, and what could not be scanned. */
export function scanError(result: Omit<ScanResult, 'error'>): K8sflowError | undefined {
  const { images, failures, severities } = result
  const bad = images.filter(({ findings }) => findings.length > 0)
  if (bad.length > 0) return found(result, bad)
  const [first] = failures
  if (first === undefined) return undefined
  if (failures.length === 1 && images.length === 0)
    return new FailedError(first.message, { code: first.code, suggestions: first.suggestions })
  return new FailedError(
    `${String(failures.length)} of ${String(failures.length + images.length)} scans failed; nothing of severity ${severities.join(' or ')} was found in the others.\n${failureLines(failures)}`,
    {
      code: 'SCAN_INCOMPLETE',
      suggestions: [...new Set(failures.flatMap(({ suggestions }) => suggestions))],
    },
  )
}

function found(
  { severities, failures, ignoreUnfixed }: Omit<ScanResult, 'error'>,
  bad: readonly ScannedImage[],
): K8sflowError {
  // Platforms of an image mostly share their findings.
  const findings = [
    ...new Map(
      bad.flatMap(({ image, findings }) =>
        findings.map((finding) => [JSON.stringify([image, finding.id, finding.package]), finding] as const),
      ),
    ).values(),
  ]
  const fixable = findings.filter(({ fixed }) => fixed !== null).length
  const open = findings.filter(({ kind, fixed }) => kind === 'vulnerability' && fixed === null).length
  const lines = bad.map(
    ({ image, platform, counts }) => `  ${imageName(image, platform)}: ${countsText(counts, severities)}`,
  )
  const failed = failures.length === 0 ? '' : `\nNot scanned:\n${failureLines(failures)}`
  return new K8sflowError(
    `Findings of severity ${severities.join(' or ')}:\n${lines.join('\n')}${failed}`,
    EXIT_CODES.vulnerabilitiesFound,
    {
      code: 'VULNERABILITIES_FOUND',
      suggestions: [
        ...new Set(failures.flatMap(({ suggestions }) => suggestions)),
        ...(fixable > 0
          ? [
              `A fixed version exists for ${String(fixable)} of ${String(findings.length)}: move to a base image that has it, and build again.`,
            ]
          : []),
        ...(findings.some(({ kind }) => kind === 'secret')
          ? ['Take the secrets out of the image, and replace them: whoever can pull it can read them.']
          : []),
        ...(open > 0 && !ignoreUnfixed
          ? [
              `--ignore-unfixed leaves out what nobody has fixed yet (${String(open)} of ${String(findings.length)}).`,
            ]
          : []),
        'To accept one, add its ID to .trivyignore, with the reason in a comment (#) above it.',
      ],
      data: { images: [...new Set(bad.map(({ image }) => image))] },
    },
  )
}

function failureLines(failures: readonly FailedScan[]): string {
  return failures.map(({ message }) => `  ${message.replaceAll('\n', '\n  ')}`).join('\n')
}
