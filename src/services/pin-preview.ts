import { printableLine } from '../printable.js'
import { readText } from '../tools/text-file.js'
import { APP_KEYS, type App } from '../values/contract.js'
import { mapping } from './deploy-plan.js'
import { pinTargets } from './image-pins.js'

/** An image that is yet to be built: its digest is not known. */
interface WantedImage {
  app: App
  /** Without tag and digest. */
  image: string
  tag: string
}

/**
 * What writing the images into values files would change, a line per key, in the words of a shell's comments.
 * @throws InvalidInputError as `checkPinTargets`
 */
export async function pinPreview(
  files: readonly string[],
  images: readonly WantedImage[],
): Promise<string[]> {
  const { readHelmYaml } = await import('../values/helm-yaml.js')
  const lines: string[] = []
  for (const { path, apps } of await pinTargets(
    files,
    images.map(({ app }) => app),
  )) {
    const read = await readText(path)
    const values = 'text' in read ? (readHelmYaml(read.text).value ?? {}) : {}
    for (const wanted of images.filter(({ app }) => apps.includes(app)))
      lines.push(...changes(mapping(mapping(values[APP_KEYS[wanted.app]])['image']), wanted, path))
  }
  return lines
}

function changes(before: Readonly<Record<string, unknown>>, wanted: WantedImage, path: string): string[] {
  const { repository, tag, digest } = before
  const line = (key: string, from: unknown, to: string) =>
    `# ${path}: ${APP_KEYS[wanted.app]}.image.${key}: ${from === undefined || from === null || from === '' ? 'none' : printableLine(String(from))} → ${to}`
  const held = repository === wanted.image && typeof digest === 'string' && digest !== ''
  // What has the digest of the build already keeps its tag, too.
  const same = held ? ', unless the build gives the same digest' : ''
  return [
    ...(repository === wanted.image ? [] : [line('repository', repository, wanted.image)]),
    ...(tag === wanted.tag ? [] : [line('tag', tag, `${wanted.tag}${same}`)]),
    line('digest', digest, `that of this build${held ? ', if it is another' : ''}`),
  ]
}
