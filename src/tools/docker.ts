import { FailedError, InvalidInputError, K8sflowError, MissingProgramError } from '../errors.js'
import { commandLine, redactText } from './command-line.js'
import type { Completed, Invocation, Runner } from './runner.js'

/** One builder, as `docker buildx ls` describes it. */
export interface Builder {
  name: string
  /** `docker`, `docker-container`, `kubernetes`, `remote`; empty when the builder cannot be reached. */
  driver: string
  /** The one that is used when none is named. */
  current: boolean
  /** Platforms it can run programs of, with emulators; it can copy files for any. */
  platforms: string[]
  /** Of the engine, where that is the builder and says it in its labels. */
  imageStore?: ImageStore
  /** Why it cannot be used. */
  problem?: string
}

/** How a Docker engine keeps images: only `containerd` can hold several platforms under one name. */
export type ImageStore = 'containerd' | 'classic'

/** Questions and orders to Docker, as typed verbs; none of them prints. */
export interface Docker {
  readonly program: string
  /** @throws MissingProgramError without docker or its buildx plugin */
  builders(): Promise<Builder[]>
  /** @throws FailedError when the engine does not answer */
  imageStore(): Promise<ImageStore>
  /** Runs a bake file; a failed build is a result, not an exception. */
  bake(request: BakeRequest): Promise<Completed>
  /** Loads an image archive into the engine. */
  load(archive: string, signal: AbortSignal | undefined): Promise<Completed>
}

export interface BakeRequest {
  /** The bake file's JSON. */
  definition: string
  targets: readonly string[]
  builder?: string | undefined
  /** Where buildx writes the digests. */
  metadataFile: string
  /** Folders the build may read, and write. */
  read: readonly string[]
  write: readonly string[]
  /** Called for each line of `--progress=rawjson`, and of what else buildx says. */
  onLine: (line: string) => void
  signal: AbortSignal | undefined
}

/** Milliseconds a question to the engine or a registry may take. */
const QUESTION_TIMEOUT = 30_000

const HOW_TO_GET_DOCKER = [
  'Install Docker Engine or Docker Desktop, with its buildx plugin: https://docs.docker.com/engine/install/',
  'If it is installed elsewhere, say where: export K8SFLOW_DOCKER=/path/to/docker',
]

/** Makes the client; `K8SFLOW_DOCKER` names another program than `docker` on PATH. */
export function createDocker(runner: Runner): Docker {
  return new DockerProgram(runner, process.env['K8SFLOW_DOCKER'] || 'docker')
}

/** The arguments of {@link Docker.bake}. */
export function bakeArguments(request: Omit<BakeRequest, 'definition' | 'onLine' | 'signal'>): string[] {
  return [
    ...['buildx', 'bake', '--file', '-', '--progress', 'rawjson', '--metadata-file', request.metadataFile],
    ...(request.builder === undefined ? [] : ['--builder', request.builder]),
    // Without these buildx asks, or fails where nobody can answer, for folders outside of the current one.
    ...request.read.flatMap((folder) => ['--allow', `fs.read=${folder}`]),
    ...request.write.flatMap((folder) => ['--allow', `fs.write=${folder}`]),
    ...request.targets,
  ]
}

class DockerProgram implements Docker {
  constructor(
    private readonly runner: Runner,
    readonly program: string,
  ) {}

  async builders(): Promise<Builder[]> {
    const answer = await this.run(['buildx', 'ls', '--format', 'json'], { timeoutMs: QUESTION_TIMEOUT })
    if (answer.exitCode !== 0) throw buildxFailure(this.program, answer)
    return answer.stdout
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => builder(JSON.parse(line) as ListedBuilder))
  }

  async imageStore(): Promise<ImageStore> {
    const answer = await this.run(['info', '--format', '{{json .DriverStatus}}'], {
      timeoutMs: QUESTION_TIMEOUT,
    })
    if (answer.exitCode !== 0) throw engineUnreachable(firstLine(answer.stderr))
    return answer.stdout.includes('io.containerd.snapshotter') ? 'containerd' : 'classic'
  }

  async bake(request: BakeRequest): Promise<Completed> {
    return this.run(bakeArguments(request), {
      stdin: request.definition,
      onStderr: request.onLine,
      env: { BUILDX_METADATA_PROVENANCE: 'disabled', BUILDX_METADATA_WARNINGS: undefined },
      ...changing(request.signal),
    })
  }

  async load(archive: string, signal: AbortSignal | undefined): Promise<Completed> {
    return this.run(['image', 'load', '--quiet', '--input', archive], changing(signal))
  }

  private async run(args: readonly string[], options: Partial<Invocation>): Promise<Completed> {
    try {
      return await this.runner.run({ ...options, program: this.program, args })
    } catch (error) {
      if (error instanceof K8sflowError && error.code === 'PROGRAM_NOT_FOUND')
        throw new MissingProgramError(`docker was not found (looked for "${this.program}").`, {
          code: 'DOCKER_NOT_FOUND',
          suggestions: HOW_TO_GET_DOCKER,
          cause: error,
        })
      throw error
    }
  }
}

/** Builds and pushes are asked to end by one SIGINT of ours, not by the terminal's as well. */
function changing(signal: AbortSignal | undefined): Partial<Invocation> {
  return { ownGroup: true, ...(signal === undefined ? {} : { signal }) }
}

interface ListedBuilder {
  Name: string
  Driver: string
  Current?: boolean
  Err?: string
  Nodes?: { Platforms?: string[]; Err?: string; Labels?: Record<string, string> | null }[] | null
}

function builder({ Name, Driver, Current, Err, Nodes }: ListedBuilder): Builder {
  const problem =
    Err ?? (Nodes ?? []).map((node) => node.Err).find((text) => text !== undefined && text !== '')
  return {
    name: Name,
    driver: Driver,
    current: Current === true,
    platforms: [...new Set((Nodes ?? []).flatMap(({ Platforms }) => Platforms ?? []))],
    ...(isContainerd(Nodes ?? []) ? { imageStore: 'containerd' } : {}),
    ...(problem === undefined || problem === '' ? {} : { problem }),
  }
}

/** BuildKit inside of an engine has a snapshotter only where that engine keeps images in containerd (moby, builder-next). */
function isContainerd(nodes: NonNullable<ListedBuilder['Nodes']>): boolean {
  return nodes.some(({ Labels }) => Labels?.['org.mobyproject.buildkit.worker.snapshotter'] !== undefined)
}

function buildxFailure(program: string, answer: Completed): K8sflowError {
  const said = firstLine(answer.stderr || answer.stdout)
  // A docker without the plugin takes the first flag for its own, and shows its own usage.
  const isOld = /unknown flag: --format/i.test(answer.stderr) && /docker buildx ls/.test(answer.stderr)
  if (/is not a docker command|unknown command: docker buildx|unknown flag: --format/i.test(answer.stderr))
    return new MissingProgramError(
      isOld ? `The buildx plugin of ${program} is too old: ${said}` : `${program} has no buildx plugin.`,
      { code: 'BUILDX_NOT_FOUND', suggestions: HOW_TO_GET_DOCKER, data: { program, stderr: said } },
    )
  return new FailedError(`\`${commandLine(program, ['buildx', 'ls'])}\` failed: ${said}`, {
    code: 'BUILDX_FAILED',
    suggestions: ['Run it yourself to see more, and see whether docker works: docker info'],
    data: { stderr: redactText(answer.stderr).slice(0, 2000) },
  })
}

/** The engine does not answer: not running, not reachable, or not for this user. */
export function engineUnreachable(reason: string): FailedError {
  const denied = /permission denied/i.test(reason)
  const host = process.env['DOCKER_HOST']
  return new FailedError(`The Docker engine does not answer: ${redactText(reason) || 'no reason given'}`, {
    code: 'DOCKER_UNREACHABLE',
    suggestions: denied
      ? ['Let this user use it (sudo usermod -aG docker $USER, then log in again), or run rootless Docker.']
      : [
          'Start it: sudo systemctl start docker, or open Docker Desktop.',
          host === undefined
            ? 'If it runs elsewhere, choose it: docker context use NAME, or set DOCKER_HOST.'
            : `DOCKER_HOST is ${redactText(host)}: is that right?`,
        ],
  })
}

/** The builder to use: the named one, else docker's current one. */
export function chooseBuilder(builders: readonly Builder[], name: string | undefined): Builder {
  const chosen = builders.find((candidate) =>
    name === undefined ? candidate.current : candidate.name === name,
  )
  if (chosen !== undefined) return chosen
  const names = builders.map((candidate) => candidate.name)
  throw new InvalidInputError(
    name === undefined
      ? 'docker has no current builder.'
      : `docker has no builder named ${JSON.stringify(name)}.`,
    {
      code: 'NO_BUILDER',
      suggestions: [
        ...(names.length > 0 ? [`Name one of these with --builder: ${names.join(', ')}`] : []),
        'Or make one: docker buildx create --use --name k8sflow',
      ],
      data: { builders: names },
    },
  )
}

function firstLine(text: string): string {
  const lines = text.trim().split('\n')
  // docker begins with what it dislikes about its configuration.
  return (lines.find((line) => !line.startsWith('WARNING: ')) ?? lines[0] ?? '').replace(/^ERROR:\s*/, '')
}
