import { join } from 'node:path'

import { FailedError } from '../errors.js'
import type { FailedStep } from '../tools/build-progress.js'
import { redactText } from '../tools/command-line.js'
import type { Completed } from '../tools/runner.js'
import { emulatorAdvice } from './build-engine.js'

/** What is known of a build that failed. */
export interface FailedBuild {
  /** What buildx said besides its progress. */
  said: readonly string[]
  /** With what they printed. */
  steps: readonly FailedStep[]
  /** Folder of each app, as it is to be shown. */
  contexts: Readonly<Record<string, string>>
  platforms: readonly string[]
}

/** A known reason: how it is recognised, and what helps. */
interface Known {
  pattern: RegExp
  code: string
  suggestions: (match: RegExpExecArray, failed: { platforms: readonly string[] }) => string[]
}

/** Messages of BuildKit and the engine (facts, "docker buildx"; seen with engine 28.5 and buildx 0.29). */
const KNOWN: readonly Known[] = [
  {
    pattern: /no space left on device|disk quota exceeded/i,
    code: 'DISK_FULL',
    suggestions: () => [
      'See what takes the space: docker system df',
      'Free some: docker buildx prune, docker image prune',
    ],
  },
  {
    // BuildKit's default generator of SBOMs (moby/buildkit, "BUILDKIT_SYFT_SCANNER").
    pattern: /docker\/buildkit-syft-scanner/,
    code: 'SBOM_SCANNER_MISSING',
    suggestions: () => [
      'This image makes SBOMs: let the builder pull it, from Docker Hub or a mirror, or build without --sbom.',
    ],
  },
  {
    pattern: /exec format error/i,
    code: 'NO_EMULATOR',
    suggestions: (_match, { platforms }) => [
      `Install an emulator: ${emulatorAdvice(platforms)}`,
      'Or do without RUN: COPY needs none.',
    ],
  },
  {
    pattern: /"\/?([^"]+)": not found$/,
    code: 'FILE_NOT_FOUND',
    suggestions: ([, file = 'it']) => [
      `COPY and ADD see the app's own folder only: is ${file} there, and not left out by its .dockerignore?`,
    ],
  },
  {
    pattern: /no match for platform in manifest|does not provide the specified platform/i,
    code: 'BASE_LACKS_PLATFORM',
    suggestions: () => ['Choose a base image that exists for every platform, or name fewer with --platform.'],
  },
  {
    pattern:
      /no basic auth credentials|unauthorized|authentication required|requested access .* denied|denied: |insufficient_scope|403 Forbidden/i,
    code: 'REGISTRY_DENIED',
    suggestions: () => [
      'Log in to the registry, as a user who may do this: docker login HOST',
      'Is --image-prefix right?',
    ],
  },
  {
    // Before what is said of registries: this connection ends in the same words.
    pattern: /failed to receive status|cannot connect to the docker daemon/i,
    code: 'ENGINE_STOPPED',
    suggestions: () => ['The engine or builder stopped in the middle of it. Is it running? docker info'],
  },
  {
    pattern:
      /connection refused|no such host|i\/o timeout|network is unreachable|connection reset|EOF$|TLS handshake timeout|server misbehaving/i,
    code: 'REGISTRY_UNREACHABLE',
    suggestions: () => [
      'Is the registry running, and its name right? Then run the same command again: what is built is kept.',
    ],
  },
  {
    pattern: /server gave HTTP response to HTTPS client|x509: |certificate/i,
    code: 'REGISTRY_INSECURE',
    suggestions: () => [
      'Give the registry a certificate the engine trusts, or list it under "insecure-registries" in daemon.json.',
    ],
  },
  {
    pattern: /failed to resolve source metadata for (\S+): .*not found/i,
    code: 'BASE_NOT_FOUND',
    suggestions: ([, base = 'the base image']) => [
      `Does ${base} exist? Its digest can be refreshed: see the README of the samples.`,
    ],
  },
  {
    pattern: /unknown flag: --allow|unknown shorthand/i,
    code: 'BUILDX_TOO_OLD',
    suggestions: () => ['Update the buildx plugin; 0.19 or newer is needed: docker buildx version'],
  },
]

/** The error of a failed bake: which app, why, and where in its Dockerfile. */
export function buildFailure(failed: FailedBuild): FailedError {
  const { app, full, platforms } = whatFailed(failed)
  const reason = shortened(full)
  const place = placeIn(failed, app)
  const isPush = /^failed to push /.test(reason) || failed.steps.some(({ name }) => /^pushing /.test(name))
  const { code, suggestions } = explain(full, platforms) ?? (isPush ? PUSH_FAILED : stepFailed(failed))
  const where = place === undefined ? '' : ` (${place.path}:${String(place.line)})`
  return new FailedError(`${app ?? 'The images'} ${whatWentWrong(failed, isPush)}${where}: ${reason}`, {
    code,
    suggestions,
    data: { ...(app === undefined ? {} : { app }), reason, ...place },
  })
}

function whatWentWrong({ steps }: FailedBuild, isPush: boolean): string {
  if (isPush) return 'was built, but could not be pushed'
  return steps.some(({ name }) => /^exporting cache /.test(name))
    ? 'was built, but its cache could not be written (--cache-to)'
    : 'could not be built'
}

/** What docker says last, taken apart. */
function whatFailed({ said, steps, contexts, platforms }: FailedBuild) {
  const last = said.findLast((line) => /^ERROR: /.test(line)) ?? said.at(-1) ?? ''
  const text = redactText(last.replace(/^ERROR: /, ''))
  const [, target, rest = text] = /^target (\w+): (.*)$/s.exec(text) ?? []
  const [only, ...others] = Object.keys(contexts)
  const foreign = foreignProgram(steps)
  return {
    // buildx names the target only where there are several.
    app: target ?? (others.length === 0 ? only : undefined),
    full: foreign?.text ?? (rest.replace(/^failed to solve: /, '') || 'docker gave no reason'),
    platforms: foreign?.platforms ?? platforms,
  }
}

const PUSH_FAILED = {
  code: 'PUSH_FAILED',
  suggestions: ['Run the same command again: what is built is kept.'],
}

function stepFailed({ steps }: FailedBuild): { code: string; suggestions: string[] } {
  const isShown = steps.some(({ output }) => output.length > 0)
  return {
    code: 'BUILD_FAILED',
    suggestions: isShown ? ['The output above is that of the step that failed.'] : [],
  }
}

/**
 * What the system said of a program made for another platform, and for which: it is in the step's output, while the
 * reason has no more than an exit code.
 */
function foreignProgram(steps: readonly FailedStep[]): { text: string; platforms?: string[] } | undefined {
  for (const { name, output } of steps) {
    const text = output.find((line) => /\bexec format error$/.test(line))
    // The only platform goes without saying.
    const [, platform] = /^([a-z]\w*\/\S+) (?:\S+ )?\d+\/\d+ /.exec(name) ?? []
    if (text !== undefined) return { text, ...(platform === undefined ? {} : { platforms: [platform] }) }
  }
  return undefined
}

/** Without what is about BuildKit's insides, or said twice. */
function shortened(reason: string): string {
  return reason
    .replace(/^failed to compute cache key: failed to calculate checksum of ref \S+: /, '')
    .replace(/^(\S+): failed to resolve source metadata for \1: (?:\1: )?/, 'base image $1: ')
}

/** buildx shows the part of the Dockerfile under a line `Dockerfile:7`. */
function placeIn(
  { said, contexts }: FailedBuild,
  app: string | undefined,
): { path: string; line: number } | undefined {
  const line = /^Dockerfile:(\d+)$/m.exec(said.join('\n'))?.[1]
  const context = app === undefined ? undefined : contexts[app]
  return line === undefined || context === undefined
    ? undefined
    : { path: join(context, 'Dockerfile'), line: Number(line) }
}

/** The error of a `docker image load` that failed. */
export function loadFailure(reference: string, completed: Completed): FailedError {
  const lines = redactText(`${completed.stdout}\n${completed.stderr}`)
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
  const reason = lines.at(-1) ?? 'docker gave no reason'
  const { code, suggestions } = explain(reason, []) ?? {
    code: 'LOAD_FAILED',
    suggestions: ['Run the same command again: what is built is kept.'],
  }
  return new FailedError(`${reference} was built, but could not be loaded into the engine: ${reason}`, {
    code,
    suggestions,
    data: { reference, reason },
  })
}

function explain(
  said: string,
  platforms: readonly string[],
): { code: string; suggestions: string[] } | undefined {
  // A command is no reason: that "apk add ca-certificates" failed says nothing about certificates.
  const reason = /^process ".*" did not complete successfully: (.*)$/s.exec(said)?.[1] ?? said
  for (const { pattern, code, suggestions } of KNOWN) {
    const match = pattern.exec(reason)
    if (match !== null) return { code, suggestions: suggestions(match, { platforms }) }
  }
  return undefined
}
