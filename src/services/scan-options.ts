import { InvalidInputError } from '../errors.js'
import { platformText } from '../images/platform.js'
import { SEVERITIES, type Severity } from '../tools/trivy-report.js'

/** What was asked for, checked. */
export interface CheckedScanOptions {
  /** The worst first. */
  severities: Severity[]
  /** `linux/arm64`; empty for all that an image has. */
  platforms: string[]
}

/**
 * Checks severities and platforms as typed; lists may be separated by commas.
 * @throws InvalidInputError naming everything that cannot be accepted
 */
export function checkScanOptions(raw: {
  severity: readonly string[]
  platform?: readonly string[] | undefined
}): CheckedScanOptions {
  const names = entries(raw.severity).map((name) => name.toUpperCase())
  const platforms = entries(raw.platform ?? [])
  const problems = [
    ...(names.length === 0 ? ['--severity is empty: name at least one'] : []),
    ...names
      .filter((name) => !isSeverity(name))
      .map((name) => `--severity ${JSON.stringify(name)} is none of ${SEVERITIES.join(', ')}`),
    ...platforms
      .filter((platform) => readPlatform(platform) === undefined)
      .map((platform) => `--platform ${JSON.stringify(platform)} is not a platform such as linux/arm64`),
  ]
  if (problems.length > 0)
    throw new InvalidInputError(
      problems.length === 1
        ? `${problems.join('')}.`
        : `${String(problems.length)} problems:\n${problems.map((problem) => `  ${problem}`).join('\n')}`,
      {
        code: 'INVALID_INPUT',
        suggestions: [
          'For example: k8sflow scan --severity HIGH,CRITICAL --platform linux/amd64,linux/arm64',
        ],
      },
    )
  return {
    severities: SEVERITIES.filter((name) => names.includes(name)),
    platforms: [...new Set(platforms.map((platform) => readPlatform(platform) ?? ''))],
  }
}

function isSeverity(name: string): name is Severity {
  return (SEVERITIES as readonly string[]).includes(name)
}

function readPlatform(text: string): string | undefined {
  const [os, architecture, variant, ...more] = text.split('/')
  if (more.length > 0 || !/^[a-z0-9_/.-]+$/i.test(text)) return undefined
  return platformText({ os, architecture, variant })
}

function entries(values: readonly string[]): string[] {
  return values
    .flatMap((value) => value.split(','))
    .map((value) => value.trim())
    .filter(Boolean)
}
