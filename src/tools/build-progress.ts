import { stripVTControlCharacters } from 'node:util'

import { printable } from '../printable.js'
import type { Progress, StepState } from '../progress.js'
import { shortImage } from '../images/reference.js'

/** A step of a build, as BuildKit calls it, and what it said. */
interface Vertex {
  name: string
  /** As it came: a character may be cut in two. */
  output: Buffer[]
  bytes: number
  error?: string
}

/** A step that failed, with all it printed. */
export interface FailedStep {
  /** The app it belongs to; undefined for a step they share. */
  app: string | undefined
  /** As in the Dockerfile: `linux/arm64 2/3 RUN npm ci`. */
  name: string
  error: string
  output: string[]
}

/** Reads the lines of `docker buildx bake --progress=rawjson` as they come. */
export interface BuildProgress {
  /** Takes one line; one that is no JSON is kept for {@link text}. */
  take(line: string): void
  failedSteps(): FailedStep[]
  /** Names of images that are in their registry by now. */
  pushed(): string[]
  /** What buildx said besides: the reason a build failed, and the place in the Dockerfile. */
  text(): string[]
}

/** The shape of a line (buildkit's client.SolveStatus as JSON); `data`, `short` and `detail` are base64. */
interface SolveStatus {
  statuses?: { id: string; vertex: string; completed?: string }[]
  vertexes?: {
    digest: string
    name?: string
    started?: string
    completed?: string
    cached?: boolean
    error?: string
  }[]
  logs?: { vertex: string; data: string }[]
  warnings?: { vertex: string; short?: string; detail?: string[]; url?: string }[]
}

/** Bytes kept of what one step prints; a runaway loop prints for ever. */
const MOST_OUTPUT = 4 * 1024 * 1024

/**
 * Turns BuildKit's progress into steps: what the Dockerfile says and what takes long, not how BuildKit is made inside.
 * A step is told once for all its platforms.
 * @param targets the apps that are built; with one alone, buildx leaves its name out
 */
export function buildProgress(targets: readonly string[], progress: Progress): BuildProgress {
  return new BuildReader(targets, progress)
}

/** The same step of several platforms. */
interface Group {
  app: string | undefined
  text: string
  /** Digests of those that have begun and not ended. */
  running: Set<string>
  platforms: Set<string>
  cached: boolean
  failed: boolean
  told: boolean
}

class BuildReader implements BuildProgress {
  private readonly vertexes = new Map<string, Vertex>()
  private readonly groups = new Map<string, Group>()
  private readonly warned = new Set<string>()
  private readonly said: string[] = []
  private readonly done = new Set<string>()

  constructor(
    private readonly targets: readonly string[],
    private readonly progress: Progress,
  ) {}

  take(line: string): void {
    const status = line.startsWith('{') ? parsed(line) : undefined
    if (status === undefined) {
      this.said.push(line)
      return
    }
    for (const log of status.logs ?? []) this.takeLog(log)
    for (const change of status.vertexes ?? []) this.takeVertex(change)
    for (const warning of status.warnings ?? []) this.takeWarning(warning)
    for (const change of status.statuses ?? []) this.takeStatus(change)
  }

  pushed(): string[] {
    return [...this.done]
  }

  failedSteps(): FailedStep[] {
    return [...this.vertexes.values()]
      .filter(({ error }) => error !== undefined && !isCancelled(error))
      .map(({ name, error, output }) => {
        const { app, platform, text } = split(name, this.targets)
        const shown = [platform, text].filter((part) => part !== undefined).join(' ')
        return { app, name: shown, error: error ?? '', output: lines(Buffer.concat(output).toString('utf8')) }
      })
  }

  text(): string[] {
    return this.said
  }

  private vertex(digest: string): Vertex {
    const known = this.vertexes.get(digest) ?? { name: '', output: [], bytes: 0 }
    this.vertexes.set(digest, known)
    return known
  }

  private takeLog({ vertex, data }: NonNullable<SolveStatus['logs']>[number]): void {
    const known = this.vertex(vertex)
    const bytes = Buffer.from(data, 'base64')
    known.bytes += bytes.length
    if (known.bytes <= MOST_OUTPUT) known.output.push(bytes)
  }

  private takeVertex(change: NonNullable<SolveStatus['vertexes']>[number]): void {
    const known = this.vertex(change.digest)
    if (change.name !== undefined && change.name !== '') known.name = change.name
    if (change.error !== undefined && change.error !== '') known.error = change.error
    const group = this.group(known.name)
    if (group === undefined) return
    if (change.completed === undefined) {
      if (change.started !== undefined) this.begin(group, change.digest)
    } else {
      group.cached &&= change.cached === true
      this.end(group, change.digest, known.error)
    }
  }

  /** With an image of several platforms the manifest comes last. */
  private takeStatus({ id, vertex, completed }: NonNullable<SolveStatus['statuses']>[number]): void {
    const [, reference] = /^pushing manifest for (\S+?)(?:@sha256:[0-9a-f]+)?$/.exec(id) ?? []
    if (reference === undefined || completed === undefined || this.done.has(reference)) return
    const { name } = this.vertex(vertex)
    const { app } = split(name, this.targets)
    const group = this.group(name)
    // That the image is exported then says nothing new.
    if (group !== undefined) group.told = true
    this.done.add(reference)
    this.step('done', `${PUSHED}${reference}`, app)
  }

  private begin(group: Group, digest: string): void {
    const isFirst = group.running.size === 0 && !group.told
    group.running.add(digest)
    if (isFirst && isSlow(group.text)) this.tell(group, 'start')
  }

  /** Steps that were announced and never begin do not count: BuildKit found them to be the same as another. */
  private end(group: Group, digest: string, error: string | undefined): void {
    group.running.delete(digest)
    if (error !== undefined) {
      if (!isCancelled(error) && !group.failed) this.tell(group, 'failed')
      group.failed = true
    } else if (group.running.size === 0 && !group.told && !group.failed) {
      group.told = true
      this.tell(group, 'done')
    }
  }

  /** The group of a step; undefined for what is none of the user's business. */
  private group(name: string): Group | undefined {
    const { app, platform, text } = split(name, this.targets)
    const shown = shownText(text)
    if (shown === undefined) return undefined
    // All apps have the same base image as a rule, and each asks for it.
    const owner = shown.startsWith(BASE_IMAGE) ? undefined : app
    const key = `${owner ?? ''} ${shown}`
    const known = this.groups.get(key) ?? {
      app: owner,
      text: shown,
      running: new Set(),
      platforms: new Set(),
      cached: true,
      failed: false,
      told: false,
    }
    this.groups.set(key, known)
    if (platform !== undefined) known.platforms.add(platform)
    return known
  }

  private tell({ app, text, platforms, cached }: Group, state: 'start' | 'done' | 'failed'): void {
    const where =
      state !== 'done' && platforms.size === 1 && !text.startsWith(BASE_IMAGE)
        ? ` for ${[...platforms].join('')}`
        : ''
    if (state === 'done' && text.startsWith(PUSHED)) this.done.add(text.slice(PUSHED.length))
    const words = state === 'failed' ? inVain(text) : text
    this.step(state, `${words}${where}${state === 'done' && cached ? ' (cached)' : ''}`, app)
  }

  private step(state: StepState, text: string, app: string | undefined): void {
    this.progress({ kind: 'step', state, text, ...(app === undefined ? {} : { subject: app }) })
  }

  private takeWarning({ vertex, short }: NonNullable<SolveStatus['warnings']>[number]): void {
    const { app } = split(this.vertex(vertex).name, this.targets)
    const text = decoded(short ?? '').trim()
    const key = `${app ?? ''} ${text}`
    if (text === '' || this.warned.has(key)) return
    this.warned.add(key)
    this.step('warning', text, app)
  }
}

const BASE_IMAGE = 'base image '
const EXPORTED = 'image exported'
const PUSHED = 'pushed '
const PLATFORM = /^[a-z0-9]+\/[a-z0-9]+(\/[a-z0-9]+)?(->[a-z0-9/]+)?$/

/** `[app1 linux/arm64 2/3] COPY a b` is app1's; with one target its name is left out. */
function split(
  name: string,
  targets: readonly string[],
): { app: string | undefined; platform: string | undefined; text: string } {
  const [, inner = '', rest = ''] = /^\[([^\]]*)\]\s*(.*)$/s.exec(name) ?? []
  const words = inner.split(' ').filter((word) => word !== '')
  if (words.length === 0) return { app: onlyOne(targets), platform: undefined, text: name }
  const app = targets.includes(words[0] ?? '') ? words.shift() : onlyOne(targets)
  const platform =
    PLATFORM.test(words[0] ?? '') && !/^\d+\/\d+$/.test(words[0] ?? '') ? words.shift() : undefined
  return { app, platform, text: [...words, rest].filter((part) => part !== '').join(' ') }
}

function onlyOne(targets: readonly string[]): string | undefined {
  return targets.length === 1 ? targets[0] : undefined
}

/** What to show of a step; undefined for what is none of the user's business. */
function shownText(text: string): string | undefined {
  const [, base] = /^internal load metadata for (\S+)$/.exec(text) ?? []
  if (base !== undefined) return `${BASE_IMAGE}${shortImage(base)}`
  if (text === '' || /^(internal|auth|resolving provenance)\b/.test(text)) return undefined
  if (/^exporting to/.test(text)) return EXPORTED
  // An engine with the classic image store pushes in a step of its own.
  const [, pushed] = /^pushing (\S+) with docker$/.exec(text) ?? []
  if (pushed !== undefined) return `${PUSHED}${pushed}`
  // `stage-1 2/5 COPY a b`: where in the Dockerfile, and what.
  const [, place, instruction] = /^((?:\S+ )?\d+\/\d+) (.*)$/s.exec(text) ?? []
  if (instruction === undefined) return text
  // FROM is told by the base image already.
  if (/^FROM /.test(instruction)) return undefined
  return `${(place ?? '').replace(/^stage-\d+ /, '')} ${instruction.replaceAll(/\s+/g, ' ')}`
}

/** What is named by its outcome, when it has another one. */
function inVain(text: string): string {
  if (text === EXPORTED) return 'image not exported'
  return text.startsWith(PUSHED) ? `${text.slice(PUSHED.length)} not pushed` : text
}

/** Steps worth a line when they begin, not only when they end. */
function isSlow(text: string): boolean {
  return text.startsWith(BASE_IMAGE) || /^\S*\s?\d+\/\d+ RUN /.test(text)
}

/** What is said of steps that were stopped because another one failed; of exports, as errors of their connection. */
function isCancelled(error: string): boolean {
  return /context canceled|^CANCELED|code = (Canceled|Unavailable) /i.test(error)
}

function parsed(line: string): SolveStatus | undefined {
  try {
    return JSON.parse(line) as SolveStatus
  } catch {
    return undefined
  }
}

function decoded(data: string): string {
  return Buffer.from(data, 'base64').toString('utf8')
}

/** The lines of a program's output, as a terminal would show them in the end, without colours. */
function lines(text: string): string[] {
  const all = stripVTControlCharacters(text)
    .split(/\r?\n/)
    .map((line) => printable(line.slice(line.lastIndexOf('\r') + 1)))
  while (all.at(-1) === '') all.pop()
  return all
}
