import { shortImage } from '../images/reference.js'
import type { IgnoredFinding, ScanFinding } from '../services/scan-findings.js'
import type { ScannedImage, ScanResult } from '../services/scan.js'
import { SEVERITIES, type Severity } from '../tools/trivy-report.js'
import { styles } from './styles.js'
import { table } from './table.js'

/** Findings shown of one image at most; `--json` holds them all. */
const SHOWN = 50

/** Characters of a title: the rest is behind the link. */
const TITLE = 60

const FINDING_HEADINGS = ['SEVERITY', 'ID', 'PACKAGE', 'INSTALLED', 'FIXED IN', 'TITLE', 'LINK']

/** Counts of every image, and below them the findings at the severities asked for. */
export async function scanText(result: ScanResult): Promise<string> {
  const { images } = result
  if (images.length === 0) return 'Nothing was scanned.\n'
  const groups = grouped(images)
  const parts = [await countsTable(groups, result)]
  for (const group of groups) parts.push(...(await details(group, result)))
  return `${parts.join('\n\n')}\n`
}

/** Platforms of an image in which the same was found. */
interface Group {
  image: ScannedImage
  platforms: string[]
}

function grouped(images: readonly ScannedImage[]): Group[] {
  const groups = new Map<string, Group>()
  for (const image of images) {
    const { platform, ...same } = image
    const key = JSON.stringify(same)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, { image, platforms: [platform ?? '-'] })
    else group.platforms.push(platform ?? '-')
  }
  return [...groups.values()]
}

async function countsTable(groups: readonly Group[], { severities }: ScanResult): Promise<string> {
  const style = styles(process.stdout)
  const rows = groups.map(({ image, platforms }) => [
    image.findings.length > 0 ? style.red('✗') : style.green('✔'),
    shortImage(image.image),
    platforms.join(','),
    image.os === null ? '-' : `${image.os.family} ${image.os.name}`.trim(),
    ...SEVERITIES.map((name) => countText(image.counts[name], name, severities)),
    String(image.ignored.length),
  ])
  return table(['', 'IMAGE', 'PLATFORM', 'OS', ...SEVERITIES, 'IGNORED'], rows)
}

function countText(count: number, name: Severity, asked: readonly Severity[]): string {
  const style = styles(process.stdout)
  if (count === 0) return style.dim('0')
  return asked.includes(name) ? style.red(String(count)) : String(count)
}

async function details({ image, platforms }: Group, result: ScanResult): Promise<string[]> {
  const style = styles(process.stdout)
  const { findings, ignored, unfixed } = image
  const title = style.bold([shortImage(image.image), ...platforms].join(' '))
  const parts: string[] = []
  if (findings.length > 0) {
    const rows = findings.slice(0, SHOWN).map((finding) => findingRow(finding))
    const more = findings.length - SHOWN
    parts.push(await table(FINDING_HEADINGS, rows, { cut: 'TITLE', optional: ['LINK'] }))
    if (more > 0) parts.push(`and ${String(more)} more; --json has them all`)
  }
  if (ignored.length > 0) parts.push(...ignored.map((entry) => `${style.dim('•')} ${ignoredText(entry)}`))
  if (unfixed > 0)
    parts.push(
      `${style.dim('•')} ${String(unfixed)} of severity ${result.severities.join(' or ')} left out: nobody has fixed ${unfixed === 1 ? 'it' : 'them'} yet`,
    )
  return parts.length === 0 ? [] : [[title, ...parts].join('\n')]
}

function findingRow({
  severity,
  id,
  package: name,
  path,
  installed,
  fixed,
  title,
  url,
  kind,
}: ScanFinding): string[] {
  const style = styles(process.stdout)
  const colour = severity === 'CRITICAL' || severity === 'HIGH' ? style.red : style.yellow
  return [
    colour(severity),
    id,
    path === undefined ? name : `${name} (${path})`,
    installed || '-',
    fixed ?? (kind === 'secret' ? '-' : 'none yet'),
    shortened(title),
    url || '-',
  ]
}

function ignoredText({ id, package: name, severity, reason, source }: IgnoredFinding): string {
  return `${id} (${severity}) of ${name} ignored by ${source}: ${reason || 'no reason given'}`
}

function shortened(title: string): string {
  return title.length <= TITLE ? title || '-' : `${title.slice(0, TITLE - 1).trimEnd()}…`
}
