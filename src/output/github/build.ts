import type { BuildResult, BuiltImage } from '../../services/build.js'
import { bytesText } from '../bytes.js'
import { heading, markdownTable } from './markdown.js'
import type { GithubReport } from './report.js'

const HEADINGS = ['App', 'Image', 'Digest', 'Platform', 'Size']

/**
 * What a build tells GitHub: a table, and the outputs `images` (JSON) and, for each app, `<app>-digest`, `<app>-tag`
 * and `<app>-image` (name and digest, as a later step deploys or scans it).
 */
export function buildReport(result: BuildResult): GithubReport {
  if (result.commands !== undefined) return { annotations: [] }
  const pins = result.written.map(({ file, app }) => [app, { code: file }])
  return {
    annotations: [],
    summary: [
      heading(`Images ${VERBS[result.output]}`),
      markdownTable(
        HEADINGS,
        result.images.flatMap((image) => imageRows(image)),
      ),
      ...(pins.length > 0 ? [markdownTable(['App', 'Pinned in'], pins)] : []),
    ].join('\n\n'),
    outputs: {
      images: JSON.stringify(result.images),
      ...Object.assign({}, ...result.images.map((image) => imageOutputs(image))),
    },
  }
}

const VERBS = { push: 'pushed', load: 'built', oci: 'built' } as const

function imageRows({ app, image, tag, digest, platforms }: BuiltImage) {
  const first = [app, { code: `${image}:${tag}` }, { code: digest }]
  if (platforms.length === 0) return [[...first, '', '']]
  return platforms.map(({ platform, size }, index) => [
    ...(index === 0 ? first : ['', '', '']),
    platform,
    size === undefined ? '' : bytesText(size),
  ])
}

function imageOutputs({ app, image, tag, digest }: BuiltImage): Record<string, string> {
  return { [`${app}-digest`]: digest, [`${app}-tag`]: tag, [`${app}-image`]: `${image}@${digest}` }
}
