import { shortDigest } from '../images/reference.js'
import type { BuildResult, BuiltImage } from '../services/build.js'
import { bytesText } from './bytes.js'
import { table } from './table.js'

const HEADINGS = ['APP', 'IMAGE', 'DIGEST', 'PLATFORM', 'SIZE']

/** The end of a build, for stdout: a table with a line per platform, or with --dry-run the commands. */
export async function buildText(result: BuildResult): Promise<string> {
  if (result.commands !== undefined) return `${result.commands.join('\n')}\n`
  const rows = result.images.flatMap((image) => imageRows(image))
  return `${await table(HEADINGS, rows)}\n${placesText(result)}`
}

function imageRows({ app, image, tag, digest, platforms }: BuiltImage): string[][] {
  const first = [app, `${image}:${tag}`, shortDigest(digest)]
  const rows = platforms.map(({ platform, size }, index) => [
    ...(index === 0 ? first : ['', '', '']),
    platform,
    size === undefined ? '-' : bytesText(size),
  ])
  return rows.length > 0 ? rows : [[...first, '-', '-']]
}

function placesText({ images, written }: BuildResult): string {
  const layouts = images.flatMap(({ app, ociLayout }) =>
    ociLayout === undefined ? [] : [`${ociLayout}: image of ${app}, as OCI layout`],
  )
  const pins = written.map(({ file, app, digest }) => `${file}: ${app} pinned to ${digest}`)
  return [...layouts, ...pins].map((line) => `${line}\n`).join('')
}
