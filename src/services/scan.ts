import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import type { Gate } from './scan-findings.js'
import { type IgnoreFile, ignoreWarnings, readIgnoreFile } from './scan-ignore.js'
import { checkScanOptions } from './scan-options.js'
import { registryPlatforms } from './scan-platforms.js'
import { imageName, type ScannedImage, scanError, type ScanResult } from './scan-result.js'
import { type SarifLog, type ScanContext, ScanRun } from './scan-run.js'
import { chooseTargets } from './scan-targets.js'

export type { FailedScan, ScannedImage, ScanResult } from './scan-result.js'

export interface ScanOptions {
  /** Image references and OCI layout folders; empty for the images of the values files. */
  images: readonly string[]
  /** Values files to take images from. */
  files?: readonly string[] | undefined
  /** Apps whose images to scan. */
  project?: readonly string[] | undefined
  /** Another chart than the one k8sflow brings along, for the defaults of images. */
  chart?: string | undefined
  /** Severities that stop the gate. */
  severity: readonly string[]
  /** Platforms to scan; left out, all that an image has. */
  platform?: readonly string[] | undefined
  ignoreUnfixed?: boolean
  /** Left out, `.trivyignore` or `.trivyignore.yaml` of the current folder. */
  ignoreFile?: string | undefined
  /** Make a SARIF report too. */
  sarif?: boolean
}

/**
 * Scans images with trivy, each platform by itself, and holds the findings against a gate. An image that cannot be
 * scanned does not stop the others; `error` of the result says what was found, or what failed.
 * @returns the result, and with `sarif` the findings of all images as one SARIF report, a run for each
 * @throws MissingProgramError when there is no trivy that can be used
 * @throws TrivyError when nothing can be scanned, such as without a database
 * @throws InvalidInputError when there is nothing to scan, or options or files are wrong
 * @throws InterruptedError
 */
export async function scan(
  options: ScanOptions,
  context: ScanContext,
): Promise<{ result: ScanResult; sarif?: SarifLog }> {
  const { severities, platforms } = checkScanOptions(options)
  const gate: Gate = { severities, ignoreUnfixed: options.ignoreUnfixed ?? false }
  const { targets, notes, warnings } = await chooseTargets(options)
  const ignoreFile = await readIgnoreFile(options.ignoreFile, new Date())
  const [{ createTrivy, REPLACED_VARIABLES }, { createRunner }] = await Promise.all([
    import('../tools/trivy.js'),
    import('../tools/runner.js'),
  ])
  const runner = createRunner(context.progress)
  const trivy = await createTrivy(runner)
  const folder = await mkdtemp(join(tmpdir(), 'k8sflow-scan-'))
  try {
    const run = new ScanRun(
      {
        trivy,
        gate,
        ignoreFile,
        folder,
        platforms,
        registryPlatforms: async (reference) =>
          registryPlatforms(reference, { runner, signal: context.signal }),
      },
      context,
    )
    for (const target of targets) await run.scan(target)
    const result: ScanResult = {
      passed: run.failures.length === 0 && run.images.every(({ findings }) => findings.length === 0),
      severities,
      ignoreUnfixed: gate.ignoreUnfixed,
      ignoreFile: ignoreFile?.path ?? null,
      trivy: trivy.version,
      images: run.images,
      failures: run.failures,
      notes,
      warnings: [
        ...warnings,
        ...environmentWarnings(REPLACED_VARIABLES),
        ...(trivy.version === 'dev' ? [UNKNOWN_VERSION] : []),
        ...ignoreFileWarnings(ignoreFile),
        ...run.warnings,
        ...run.images.flatMap(imageWarnings),
      ],
    }
    const error = scanError(result)
    return {
      result:
        error === undefined
          ? result
          : {
              ...result,
              error: {
                code: error.code,
                message: error.message,
                exit: error.exitCode,
                suggestions: error.suggestions,
              },
            },
      ...(options.sarif === true ? { sarif: await run.sarif() } : {}),
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const UNKNOWN_VERSION =
  'This trivy was built without a version: k8sflow cannot tell whether it is new enough, or one of the releases to keep away from (0.69.4 to 0.69.6).'

function ignoreFileWarnings(file: IgnoreFile | undefined): string[] {
  return file === undefined ? [] : ignoreWarnings(file)
}

function environmentWarnings(replaced: Readonly<Record<string, string>>): string[] {
  return Object.entries(replaced)
    .filter(([name]) => process.env[name])
    .map(([name, flag]) => `${name} has no effect here: use ${flag}.`)
}

/** Where little was found for a reason other than that there is little to find. */
function imageWarnings({ image, platform, os, hasPackages }: ScannedImage): string[] {
  const subject = imageName(image, platform)
  if (os === null)
    return [`${subject}: trivy does not know its operating system, so its packages were not looked at.`]
  const name = `${os.family} ${os.name}`.trim()
  if (os.endOfLife)
    return [
      `${subject}: ${name} gets no security updates any more, and no new advisories: move to a newer base.`,
    ]
  return hasPackages
    ? []
    : [`${subject}: no packages of ${name} were found; a database of them may have been deleted.`]
}
