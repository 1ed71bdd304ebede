/*
 * Pins the samples' base images anew: asks the registry, through the user's docker, what each tag names now, and writes
 * that digest into the Dockerfile. Nothing is written unless every file can be. `npx tsx scripts/refresh-base.ts [DOCKERFILE…]`
 */
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

import { imagePlatforms } from '../src/images/manifest.js'

/** What the samples are built for; a tag can lack one for some hours while its new images are being built. */
const PLATFORMS = ['linux/amd64', 'linux/arm64']

/** The stage that a build argument (NGINX_IMAGE, GO_IMAGE) can replace: image and tag, then the digest. */
const PINNED = /^FROM (?:--platform=\S+ )?(\S+)@(sha256:[0-9a-f]{64}) AS base$/m

try {
  refresh(process.argv.length > 2 ? process.argv.slice(2) : ['app1', 'app2', 'log-exporter'].map(dockerfile))
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}

function refresh(files: readonly string[]): void {
  const changes = files.map((file) => {
    const text = readFileSync(file, 'utf8')
    const [, image, pinned] = PINNED.exec(text) ?? []
    if (image === undefined || pinned === undefined)
      throw new Error(`${file} has no line "FROM IMAGE:TAG@sha256:… AS base".`)
    const digest = currentDigest(image)
    const next = text.replace(PINNED, (line) => line.replace(pinned, digest))
    return { file, next, report: `${image} is ${digest}, was ${digest === pinned ? 'the same' : pinned}` }
  })
  for (const { file, next, report } of changes) {
    writeFileSync(file, next)
    process.stdout.write(`${file}: ${report}\n`)
  }
}

/** The digest of the index a tag names. Fields as in docs.docker.com/reference/cli/docker/buildx/imagetools/inspect. */
function currentDigest(image: string): string {
  const docker = process.env['K8SFLOW_DOCKER'] || 'docker'
  const args = ['buildx', 'imagetools', 'inspect', image, '--format', '{{json .Manifest}}']
  const answer = JSON.parse(execFileSync(docker, args, { encoding: 'utf8' })) as { digest?: unknown }
  const offered = imagePlatforms(answer).map(({ platform }) => platform)
  const missing = PLATFORMS.filter((platform) => !offered.includes(platform))
  if (missing.length > 0)
    throw new Error(`${image} has no image for ${missing.join(' and ')} now; try again later.`)
  if (typeof answer.digest !== 'string') throw new Error(`${docker} gave no digest for ${image}.`)
  return answer.digest
}

function dockerfile(sample: string): string {
  return fileURLToPath(new URL(`../samples/${sample}/Dockerfile`, import.meta.url))
}
