import type { BuildResult, BuiltImage } from '../services/build.js'
import { bytesText } from './bytes.js'
import { table } from './table.js'

const HEADINGS = ['APP', 'IMAGE', 'DIGEST', 'PLATFORM', 'SIZE']

/** The end of a build, for stdout: a table with a line per platform, or with --dry-run the commands. */
export async function buildText(result: BuildResult): Promise<string> {
  if (result.commands !== undefined) return `${result.commands.join('\n')}\n`
  const rows = result.images.flatMap((image) => imageRows(image))
  return `${await table(HEADINGS, rows)}\n${pinnedText(result)}`
}

function imageRows({ app, image, tag, digest, platforms, ociLayout }: BuiltImage): string[][] {
  const first = [app, `${image}:${tag}`, digest.replace(/^(sha256:[0-9a-f]{12})[0-9a-f]+$/, '$1…')]
  const rows = platforms.map(({ platform, size }, index) => [
    ...(index === 0 ? first : ['', '', '']),
    platform,
    size === undefined ? '-' : bytesText(size),
  ])
  const all = rows.length > 0 ? rows : [[...first, '-', '-']]
  return ociLayout === undefined ? all : [...all, ['', `in ${ociLayout}`, '', '', '']]
}

function pinnedText({ written }: BuildResult): string {
  return written.map(({ file, app, digest }) => `${file}: ${app} pinned to ${digest}\n`).join('')
}
