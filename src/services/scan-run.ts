import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { FailedError, InterruptedError, K8sflowError } from '../errors.js'
import { type ImageReference, shortImage } from '../images/reference.js'
import type { RegistryError } from '../images/registry-errors.js'
import type { Progress } from '../progress.js'
import { TrivyError } from '../tools/trivy-errors.js'
import { narrowReport, type TrivyReport } from '../tools/trivy-report.js'
import type { ImageRequest, RunOptions, Trivy } from '../tools/trivy.js'
import type { App } from '../values/contract.js'
import { countsText, type Gate, isBlocking, sortFindings } from './scan-findings.js'
import type { IgnoreFile } from './scan-ignore.js'
import { readLayout, writeSingleImageLayout } from './scan-layout.js'
import type { RegistryAnswer } from './scan-platforms.js'
import { type FailedScan, imageName, type ScannedImage } from './scan-result.js'
import type { ScanTarget } from './scan-targets.js'

export interface ScanContext {
  progress: Progress
  /** Asks trivy to stop. */
  signal?: AbortSignal | undefined
}

/** What all scans of a run share. */
export interface ScanRunOptions {
  trivy: Trivy
  gate: Gate
  ignoreFile: IgnoreFile | undefined
  /** An empty folder, for files on the way; the caller removes it. */
  folder: string
  /** Asked for; empty for all that an image has. */
  platforms: readonly string[]
  registryPlatforms: (reference: ImageReference) => Promise<RegistryAnswer>
}

/** SARIF 2.1.0, as far as it is touched here. */
export interface SarifLog {
  version: string
  $schema?: string
  runs: ({ automationDetails?: { id: string } } & Record<string, unknown>)[]
}

/** One run of trivy that is to be made. */
interface Job {
  target: ScanTarget
  platform: string | undefined
  source: ImageRequest['source']
  from?: ImageRequest['from']
  digest: string | null
  /** Why the registry did not say which platforms there are. */
  unanswered?: RegistryError
}

/** Scans one image after the other: trivy locks its cache, so that two at once only wait for each other. */
export class ScanRun {
  readonly failures: FailedScan[] = []
  readonly warnings: string[] = []
  private readonly scanned: { image: ScannedImage; report: TrivyReport }[] = []
  private files = 0

  constructor(
    private readonly options: ScanRunOptions,
    private readonly context: ScanContext,
  ) {}

  get images(): ScannedImage[] {
    return this.scanned.map(({ image }) => image)
  }

  /**
   * Scans a target in every platform wanted; what fails is kept, and does not stop the others.
   * @throws TrivyError when nothing else can be scanned either, such as without a database
   * @throws InterruptedError
   */
  async scan(target: ScanTarget): Promise<void> {
    const jobs = await this.guarded(target, null, () => this.jobs(target))
    for (const job of jobs ?? []) await this.guarded(target, job.platform ?? null, () => this.run(job))
  }

  /** The findings that count of all that was scanned, as one report; a run for each image and platform. */
  async sarif(): Promise<SarifLog> {
    const noIgnores = join(this.options.folder, 'no-ignores')
    await writeFile(noIgnores, '')
    const log: SarifLog = { version: '2.1.0', $schema: SARIF_SCHEMA, runs: [] }
    const categories = new Categories()
    for (const { image, report } of this.scanned) {
      const file = join(this.options.folder, `report-${String(this.files++)}.json`)
      const wanted = narrowReport(report, (finding) => isBlocking(finding, this.options.gate), image.image)
      await writeFile(file, JSON.stringify(wanted))
      const converted = (await this.options.trivy
        .sarif({ report: file, noIgnores }, this.runOptions())
        .catch((error: unknown) => {
          throw this.context.signal?.aborted === true ? interrupted() : error
        })) as SarifLog
      log.$schema = converted.$schema ?? SARIF_SCHEMA
      const id = categories.next(image)
      log.runs.push(...converted.runs.map((run) => ({ ...run, automationDetails: { id } })))
    }
    return log
  }

  private async jobs(target: ScanTarget): Promise<Job[]> {
    const { platforms } = this.options
    const { image, source } = target
    if (source.kind === 'layout') return this.layoutJobs(target, source.folder)
    const answer = await this.options.registryPlatforms(source.reference)
    const common = { target, source: { reference: image }, digest: source.reference.digest ?? null }
    if ('platforms' in answer)
      return this.choose(
        target,
        answer.platforms.map((platform) => ({ platform })),
      ).map(({ platform }) => ({
        ...common,
        platform,
        // An engine would give the image of its own platform, and perhaps an older one.
        from: 'registry',
      }))
    if (platforms.length > 0)
      return platforms.map((platform) => ({ ...common, platform, from: 'registry-first' }))
    const { error } = answer
    // From a registry that trivy reaches all the same, it would take one platform and leave out the others.
    return [{ ...common, platform: undefined, unanswered: error, from: 'engines' }]
  }

  private async layoutJobs(target: ScanTarget, folder: string): Promise<Job[]> {
    const { digest, images } = await readLayout(folder)
    const wanted = this.choose(target, images)
    return Promise.all(
      wanted.map(async (image) => {
        const single = join(this.options.folder, `layout-${String(this.files++)}`)
        await writeSingleImageLayout(folder, image.digest, single)
        return { target, platform: image.platform ?? undefined, source: { folder: single }, digest }
      }),
    )
  }

  /** Of what an image has, what was asked for; what it does not have is a failure. */
  private choose<Entry extends { platform: string | null }>(
    target: ScanTarget,
    has: readonly Entry[],
  ): Entry[] {
    const { platforms } = this.options
    const fits = (platform: string) => has.filter((entry) => isPlatform(entry.platform, platform))
    for (const platform of platforms.filter((platform) => fits(platform).length === 0))
      this.fail(
        target,
        platform,
        platformMissing(
          target,
          platform,
          has.map((entry) => entry.platform),
        ),
      )
    return platforms.length === 0 ? [...has] : [...new Set(platforms.flatMap(fits))]
  }

  private async run({ target, platform, source, digest, from, unanswered }: Job): Promise<void> {
    const { trivy, gate, ignoreFile } = this.options
    const subject = imageName(target.image, platform)
    this.context.progress({ kind: 'step', state: 'start', subject, text: 'scanning' })
    const request: ImageRequest = {
      subject,
      source,
      ignoreFile: ignoreFile?.path,
      // A layout was made for its platform, and cannot be asked for another.
      ...('folder' in source ? {} : { platform, from }),
    }
    const report = await trivy.image(request, this.runOptions()).catch((error: unknown) => {
      const isElsewhere =
        unanswered !== undefined && error instanceof TrivyError && error.kind === 'not-found'
      throw isElsewhere ? notInEngines(target, unanswered) : error
    })
    if (platform !== undefined && report.platform !== null && !isPlatform(report.platform, platform))
      throw platformMissing(target, platform, [report.platform])
    const image: ScannedImage = {
      image: target.image,
      apps: target.apps,
      files: target.files,
      platform: report.platform ?? platform ?? null,
      digest: digest ?? report.repoDigests[0]?.split('@')[1] ?? null,
      os: report.os,
      hasPackages: report.hasPackages,
      ...sortFindings(report, gate, ignoreFile),
      ...dockerfileOf(target.apps),
    }
    this.scanned.push({ image, report })
    if (unanswered !== undefined)
      this.warnings.push(
        `${subject}: only ${image.platform ?? 'one platform'} was scanned, as a local engine has it. ${unanswered.message}`,
      )
    this.tell(subject, image)
  }

  private tell(subject: string, { findings, counts, ignored }: ScannedImage): void {
    const { severities } = this.options.gate
    const count =
      findings.length === 0
        ? `nothing of severity ${severities.join(' or ')}`
        : countsText(counts, severities)
    const text = ignored.length === 0 ? count : `${count}; ${String(ignored.length)} ignored`
    this.context.progress({ kind: 'step', state: findings.length === 0 ? 'done' : 'failed', subject, text })
  }

  /** Keeps the failure of one image, and lets through what concerns all of them. */
  private async guarded<Value>(
    target: ScanTarget,
    platform: string | null,
    work: () => Promise<Value>,
  ): Promise<Value | undefined> {
    const { signal } = this.context
    try {
      if (signal?.aborted !== true) return await work()
    } catch (error) {
      const general = !(error instanceof K8sflowError) || (error instanceof TrivyError && error.isGeneral)
      if (signal?.aborted !== true) {
        if (general) throw error
        this.fail(target, platform, error)
        return undefined
      }
    }
    throw interrupted()
  }

  private fail({ image }: ScanTarget, platform: string | null, error: K8sflowError): void {
    const { code, message, suggestions } = error
    this.failures.push({ image, platform, code, message, suggestions })
    const [text = ''] = message.split('\n')
    this.context.progress({ kind: 'step', state: 'failed', text })
  }

  private runOptions(): RunOptions {
    return {
      signal: this.context.signal,
      onDownload: () =>
        this.context.progress({
          kind: 'step',
          state: 'progress',
          text: 'trivy downloads its database of vulnerabilities',
        }),
    }
  }
}

const SARIF_SCHEMA = 'https://json.schemastore.org/sarif-2.1.0.json'

/**
 * Names for the runs of a SARIF report. GitHub takes several runs of one tool only when each has its own, and closes
 * the alerts of an earlier report by it: so it stays the same when an image gets another tag or digest.
 */
class Categories {
  private readonly used = new Map<string, number>()

  next({ image, apps, platform }: ScannedImage): string {
    const name = apps[0] ?? image.replace(/@[^@]*$/, '').replace(/:[^:/]*$/, '')
    const base = `k8sflow-scan/${name}/${platform ?? 'unknown'}`
    const count = (this.used.get(base) ?? 0) + 1
    this.used.set(base, count)
    return count === 1 ? `${base}/` : `${base}-${String(count)}/`
  }
}

/** `linux/arm/v7` is `linux/arm` too. */
function isPlatform(has: string | null, wanted: string): boolean {
  return has === null || has === wanted || has.startsWith(`${wanted}/`)
}

function interrupted(): InterruptedError {
  return new InterruptedError('Interrupted: not everything was scanned.', { code: 'INTERRUPTED' })
}

function notInEngines(
  { image }: ScanTarget,
  { code, kind, message, suggestions }: RegistryError,
): FailedError {
  const advice =
    kind === 'not-found'
      ? 'An image that was only built: scan the folder that "k8sflow build --oci-dir DIR" writes.'
      : 'If trivy gets there another way, name the platforms: --platform linux/amd64,linux/arm64'
  return new FailedError(`${shortImage(image)} could not be scanned: no local engine has it. ${message}`, {
    code,
    suggestions: [...suggestions, advice],
    data: { image },
  })
}

function platformMissing(
  { image }: ScanTarget,
  platform: string,
  has: readonly (string | null)[],
): FailedError {
  return new FailedError(
    `${shortImage(image)} could not be scanned for ${platform}: it has only ${has.map((name) => name ?? 'an unnamed platform').join(', ')}.`,
    {
      code: 'TRIVY_PLATFORM_MISSING',
      suggestions: ['Leave out --platform to scan all that it has, or build it for that platform too.'],
      data: { image, platform, has },
    },
  )
}

/** Where people would change the image: the FROM of its base in the app's Dockerfile, if this folder has the samples. */
function dockerfileOf([app]: readonly App[]): Pick<ScannedImage, 'dockerfile'> {
  if (app === undefined) return {}
  const path = join('samples', app, 'Dockerfile')
  try {
    const line = baseLine(readFileSync(path, 'utf8').split('\n'))
    return line === 0 ? {} : { dockerfile: { path, line } }
  } catch {
    return {}
  }
}

/** The last FROM that names an image by tag or digest, and not a stage or a variable; else the last; 0 for none. */
function baseLine(lines: readonly string[]): number {
  const named = lines.findLastIndex((text) => /^\s*FROM\s+(--\S+\s+)*[^\s$]+[:@]/i.test(text))
  return 1 + (named >= 0 ? named : lines.findLastIndex((text) => /^\s*FROM\s/i.test(text)))
}
