import { execa } from 'execa'
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { ROOT } from '../commands/harness.js'
import { type Ran, insideCluster } from './docker.js'

export const APPS = ['app1', 'app2'] as const
type App = (typeof APPS)[number]

const AUTHOR = { GIT_AUTHOR_NAME: 'test', GIT_AUTHOR_EMAIL: 'test@example.test' }
const COMMITTER = { GIT_COMMITTER_NAME: 'test', GIT_COMMITTER_EMAIL: 'test@example.test' }

/** A git repository with a copy of the samples and a values file of each app. */
export interface SampleRepository {
  folder: string
  /** The path of an app's values file. */
  values(app: App): string
  /** A path in the folder an app is built from. */
  source(app: App, ...parts: string[]): string
  /** Commits everything at that time, such as `2026-01-02T03:04:05Z`; gives the commit. */
  commit(time: string): Promise<string>
  git(...args: string[]): Promise<string>
  remove(): Promise<void>
}

/** Makes one; with a time, all of it is committed then. */
export async function sampleRepository(country: string): Promise<SampleRepository> {
  const folder = await mkdtemp(join(tmpdir(), 'k8sflow-repository-'))
  const git = async (...args: string[]) =>
    (await execa('git', ['-C', folder, ...args], { env: gitEnv() })).stdout
  const repository: SampleRepository = {
    folder,
    git,
    values: (app) => join(folder, `${app}-staging.yml`),
    source: (app, ...parts) => join(folder, 'samples', app, ...parts),
    async commit(time) {
      await git('add', '--all')
      const env = { ...gitEnv(), GIT_AUTHOR_DATE: time, GIT_COMMITTER_DATE: time }
      await execa('git', ['-C', folder, 'commit', '--quiet', '--message', 'change'], { env })
      return git('rev-parse', 'HEAD')
    },
    remove: () => rm(folder, { recursive: true }),
  }
  await cp(join(ROOT, 'samples'), join(folder, 'samples'), { recursive: true })
  for (const [app, section] of [
    ['app1', 'firstApp'],
    ['app2', 'secondApp'],
  ] as const)
    await writeFile(
      repository.values(app),
      [
        `# ${app} as a user has it`,
        `${section}:`,
        '  create: true',
        `  appName: ${app}`,
        '  env: staging',
        `  countries: ["${country}"]`,
        '',
      ].join('\n'),
    )
  await git('init', '--quiet', '--initial-branch=main')
  return repository
}

/** Nobody's own configuration, and a name to commit under. */
function gitEnv(): Record<string, string> {
  return { ...AUTHOR, ...COMMITTER, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' }
}

/** What a run of k8sflow inside the namespace may need. */
export interface InsideOptions {
  cwd: string
  env?: Record<string, string>
}

/** Node's arguments that run a command of k8sflow from its source, wherever it is run. */
export function fromSource(argv: string[]): string[] {
  return ['--import', import.meta.resolve('tsx'), join(ROOT, 'test', 'cluster', 'run-command.ts'), ...argv]
}

/** The environment of k8sflow as of a user: images are compared with nodes, and no pipeline is anywhere. */
export const USER_ENV = { K8SFLOW_CHECK_PLATFORMS: 'true', GITHUB_ACTIONS: '' }

/** Runs a command of k8sflow in a process of its own in the namespace, where the registry is localhost:5000 for everyone. */
export async function k8sflowInside(argv: string[], { cwd, env }: InsideOptions): Promise<Ran> {
  return insideCluster(process.execPath, fromSource(argv), { cwd, env: { ...USER_ENV, ...env } })
}

/** The same with `--json`, for what is to succeed. */
export async function k8sflowInsideJson<Result>(argv: string[], options: InsideOptions): Promise<Result> {
  const { exitCode, stdout, stderr } = await k8sflowInside([...argv, '--json'], options)
  if (exitCode !== 0)
    throw new Error(`k8sflow ${argv.join(' ')} ended with ${exitCode}\n${stdout}\n${stderr}`)
  return JSON.parse(stdout) as Result
}

/** The build argument that puts the suite's base image below the samples. */
export function baseArgument(): string {
  return `--build-arg=NGINX_IMAGE=${process.env['K8SFLOW_TEST_BASE_IMAGE']!}`
}

/** What the suite's registry answers for a manifest; `found` is false where it holds none. */
export async function inRegistry(
  image: string,
  reference: string,
): Promise<{ found: boolean; digest: string | null; body: unknown }> {
  const accept = ['index.v1', 'manifest.v1']
    .map((type) => `application/vnd.oci.image.${type}+json`)
    .join(', ')
  const answer = await fetch(registryUrl(image, 'manifests', reference), { headers: { accept } })
  const body: unknown = await answer.json()
  return { found: answer.ok, digest: answer.headers.get('docker-content-digest'), body }
}

/** A blob of the suite's registry that is JSON. */
export async function blobInRegistry<Blob>(image: string, digest: string): Promise<Blob> {
  return (await fetch(registryUrl(image, 'blobs', digest))).json() as Promise<Blob>
}

/** Seen from outside of the namespace the registry has another address than in the image's name. */
function registryUrl(image: string, ...parts: string[]): string {
  const repository = image.slice(image.indexOf('/') + 1)
  return `http://${process.env['K8SFLOW_TEST_REGISTRY']!}/v2/${[repository, ...parts].join('/')}`
}
