import { existsSync, realpathSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { isAbsolute, join, posix, relative, resolve, sep } from 'node:path'

import { InvalidInputError } from '../errors.js'
import type { Progress } from '../progress.js'
import type { Change } from '../tools/atomic-file.js'
import { chartPath } from '../tools/chart.js'
import type { Checkout } from '../tools/git.js'
import type { Runner } from '../tools/runner.js'
import { RELEASE_NAMESPACE } from '../values/contract.js'
import type { Plan } from './deploy-plan.js'
import {
  ARGOCD_NAMESPACE,
  type GitopsManifest,
  gitopsManifests,
  PROJECT,
  RELEASE_FILES,
} from './gitops-manifests.js'

export interface GitopsOptions {
  /** Left out: the remote of this folder's working copy. */
  repo?: string | undefined
  /** Left out: its branch. */
  revision?: string | undefined
  /** The chart's folder, from the top of the repository. */
  path: string
  /** Values files; left out, those of the current folder, as `deploy` finds them. */
  values?: readonly string[] | undefined
  environment?: string | undefined
  /** One Application for both apps. */
  single: boolean
  /** Name of that one release. */
  release?: string | undefined
  namespace?: string | undefined
  argocdNamespace?: string | undefined
  /** Folder to write to; `-` only gives the content. */
  outputDir: string
  dryRun: boolean
}

export interface GitopsFile {
  path: string
  kind: 'AppProject' | 'Application'
  /** The object's name in the cluster. */
  name: string
  /** What became of the file, or would with `dryRun`. */
  change: Change
  /** Its text, where it was not written. */
  content?: string
}

export interface GitopsResult {
  repo: string
  revision: string
  dryRun: boolean
  files: GitopsFile[]
  notes: string[]
  warnings: string[]
}

/**
 * Writes the manifests with which Argo CD deploys what `deploy` would: an AppProject, an Application for the
 * namespaces, and one per release. Files that exist are updated; all are checked before one is written.
 * @throws InvalidInputError when values, chart or repository are not to be found where Argo CD would look
 */
export async function gitops(options: GitopsOptions, progress: Progress): Promise<GitopsResult> {
  const { createRunner } = await import('../tools/runner.js')
  const runner = createRunner(progress)
  const plan = await selected(options, progress)
  const { checkoutOf } = await import('../tools/git.js')
  const checkout = await checkoutOf(runner, '.')
  const root = realpathSync(checkout?.root ?? '.')
  const place = repository(options, checkout)
  const chart = await chartIn(root, options.path)
  const files = [...new Set(plan.releases.flatMap(({ sources }) => sources.map(({ path }) => path)))]
  for (const file of files) pathIn(root, file)
  const manifests = gitopsManifests({
    ...place,
    chart: chart.path,
    argocdNamespace: options.argocdNamespace ?? ARGOCD_NAMESPACE,
    namespace: options.namespace ?? RELEASE_NAMESPACE,
    releases: plan.releases,
    single: isSingle(options),
    inRepository: (file) => `/${pathIn(root, file)}`,
  })
  return {
    ...place,
    dryRun: options.dryRun,
    files: await write(manifests, options),
    notes: [...plan.notes, ...chart.notes],
    warnings: [
      ...(await uncommittedWarning(runner, checkout, [
        ...files.map((file) => pathIn(root, file)),
        chart.path,
      ])),
      ...leftovers(manifests, options),
    ],
  }
}

function isSingle({ single, release }: GitopsOptions): boolean {
  return single || release !== undefined
}

async function selected(options: GitopsOptions, progress: Progress): Promise<Plan> {
  const { checkNamespace } = await import('./namespace.js')
  const { checkReleaseName } = await import('./deploy-connection.js')
  checkNamespace(options.namespace)
  checkNamespace(options.argocdNamespace)
  checkReleaseName(options.release)
  if (options.values?.includes('-') === true)
    throw new InvalidInputError(
      'Argo CD reads values from files in the repository, not from standard input.',
      {
        code: 'VALUES_NOT_IN_REPOSITORY',
        suggestions: ['Name the files with --values.'],
      },
    )
  const { selectValues } = await import('./deploy-selection.js')
  const named = options.values !== undefined && options.values.length > 0
  const plan = await selectValues(
    {
      files: options.values,
      // Argo CD reads the files themselves, over which no flag can win.
      environment: named ? undefined : options.environment,
      release: isSingle(options) ? (options.release ?? PROJECT) : undefined,
      filesOnly: true,
    },
    { progress, chart: chartPath() },
  )
  if (named) refuseOtherEnvironment(plan, options.environment)
  return plan
}

/** @throws InvalidInputError where the named files are of another environment than what was asked for */
function refuseOtherEnvironment({ releases }: Plan, wanted: string | undefined): void {
  const other = releases
    .flatMap(({ instances }) => instances)
    .find(({ environment }) => wanted !== undefined && environment !== wanted)
  if (other === undefined) return
  throw new InvalidInputError(
    `The values files say ${other.environment} for ${other.app}, but --environment (K8SFLOW_ENVIRONMENT, or the project file) says ${wanted ?? ''}.`,
    {
      code: 'ENVIRONMENT_DIFFERS',
      suggestions: [`Name files of ${wanted ?? ''}, or say -e ${other.environment}.`],
    },
  )
}

function repository(
  options: GitopsOptions,
  checkout: Checkout | undefined,
): Pick<GitopsResult, 'repo' | 'revision'> {
  const repo = options.repo ?? checkout?.remote
  const revision = options.revision ?? checkout?.branch
  const missing = [
    ...(repo === undefined ? ['--repo https://github.com/OWNER/NAME'] : []),
    ...(revision === undefined ? ['--revision main'] : []),
  ]
  if (repo === undefined || revision === undefined)
    throw new InvalidInputError(
      checkout === undefined
        ? 'This folder is in no git repository, so where Argo CD is to fetch from must be said.'
        : `git does not say ${repo === undefined ? 'where the repository was cloned from' : 'which branch is checked out'}, so it must be said what Argo CD is to fetch.`,
      { code: 'REPOSITORY_UNKNOWN', suggestions: [`Run the same with ${missing.join(' ')}`] },
    )
  refuseOdd(repo, revision)
  return { repo, revision }
}

/** A password in the URL would stand in the cluster for everyone who may read Applications. */
function refuseOdd(repo: string, revision: string): void {
  const isUrl = /^(https?|ssh|git):\/\/[^\s/]+\/\S+$/.test(repo) || /^[\w.-]+@[\w.-]+:\S+$/.test(repo)
  const hasPassword = /^((https?|git):\/\/[^/@]*|ssh:\/\/[^/@:]*:[^/@]*)@/.test(repo)
  if (isUrl && !hasPassword && /^[^\s~^:?*[\\]+$/.test(revision) && !revision.startsWith('-')) return
  throw new InvalidInputError(
    hasPassword
      ? 'The address of the repository holds a user name or password, which everyone who may read Applications would see.'
      : isUrl
        ? `${JSON.stringify(revision)} is not the name of a branch, tag or commit.`
        : `${JSON.stringify(repo)} is not the address of a git repository.`,
    {
      code: isUrl && !hasPassword ? 'INVALID_REVISION' : 'INVALID_REPOSITORY',
      suggestions: hasPassword
        ? ['Leave it out of the address, and give it to Argo CD: argocd repo add']
        : ['Such as: --repo https://github.com/OWNER/NAME --revision main'],
    },
  )
}

/** The path from the top of the repository, with slashes; what lies outside Argo CD would never see. */
function pathIn(root: string, file: string): string {
  const path = relative(root, existsSync(file) ? realpathSync(file) : resolve(file))
  if (!/^\.\.([/\\]|$)/.test(path) && !isAbsolute(path)) return path.split(sep).join('/')
  throw new InvalidInputError(`${file} is not in the repository at ${root}, which is all Argo CD sees.`, {
    code: 'VALUES_NOT_IN_REPOSITORY',
    suggestions: ['Move it there, and run this inside the repository.'],
    data: { file, root },
  })
}

async function chartIn(root: string, given: string): Promise<{ path: string; notes: string[] }> {
  const path = pathIn(root, join(root, given)) || '.'
  const file = join(root, path, 'Chart.yaml')
  if (!existsSync(file))
    throw new InvalidInputError(
      `There is no chart in ${given} of the repository (no ${posix.join(path, 'Chart.yaml')}): Argo CD takes it from there.`,
      {
        code: 'CHART_NOT_FOUND',
        suggestions: [
          `Copy the one that k8sflow deploys, and commit it: cp -r ${chartPath()} ${join(root, path)}`,
          'Or name another folder with --path.',
        ],
      },
    )
  const [here, own] = await Promise.all([version(file), version(join(chartPath(), 'Chart.yaml'))])
  const notes =
    here === own
      ? []
      : [
          `The chart in ${path} is version ${here}, "k8sflow deploy" brings along ${own}: Argo CD deploys the former.`,
        ]
  return { path, notes }
}

async function version(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch(() => '')
  return /^version: *["']?([^\s"']+)/m.exec(text)?.[1] ?? 'unknown'
}

async function write(manifests: readonly GitopsManifest[], options: GitopsOptions): Promise<GitopsFile[]> {
  const [{ manifestText }, { readText }, { editFile }] = await Promise.all([
    import('./gitops-file.js'),
    import('../tools/text-file.js'),
    import('../tools/atomic-file.js'),
  ])
  const toStdout = options.outputDir === '-'
  const existing = async (path: string): Promise<string | undefined> => {
    const read = toStdout ? undefined : await readText(path)
    if (read === undefined || ('missing' in read && read.missing)) return undefined
    if ('text' in read) return read.text
    throw new InvalidInputError(`${path} cannot be updated: ${read.problem}.`, { code: 'UNUSABLE_MANIFEST' })
  }
  const planned = await Promise.all(
    manifests.map(async ({ file, object }) => {
      const path = toStdout ? file : join(options.outputDir, file)
      const before = await existing(path)
      return { path, object, before, content: await manifestText(path, before, object) }
    }),
  )
  if (!toStdout && !options.dryRun) await makeFolder(options.outputDir)
  const files: GitopsFile[] = []
  for (const { path, object, before, content } of planned) {
    const result = { path, kind: object.kind, name: object.metadata.name }
    if (toStdout || options.dryRun) {
      const change = before === undefined ? 'created' : before === content ? 'unchanged' : 'updated'
      files.push({ ...result, change, content })
    } else {
      const read = async () => (await existing(path)) ?? ''
      const change = await editFile(path, async (text) => manifestText(path, text, object), read)
      files.push({ ...result, change })
    }
  }
  return files
}

async function makeFolder(folder: string): Promise<void> {
  const { mkdir } = await import('node:fs/promises')
  try {
    await mkdir(folder, { recursive: true })
  } catch (cause) {
    throw new InvalidInputError(`The folder ${folder} cannot be made: ${(cause as Error).message}.`, {
      code: 'NOT_WRITABLE',
      suggestions: ['Name another one with -o.'],
      cause,
    })
  }
}

async function uncommittedWarning(
  runner: Runner,
  checkout: Checkout | undefined,
  paths: readonly string[],
): Promise<string[]> {
  if (checkout === undefined) return []
  const { uncommitted } = await import('../tools/git.js')
  const open = await uncommitted(runner, checkout.root, paths)
  return open.length === 0
    ? []
    : [`Not committed: ${open.join(', ')}. Argo CD sees only what is committed and pushed.`]
}

/** Files of an earlier run that are not wanted now: applied together with the new ones, two Applications would own one app. */
function leftovers(manifests: readonly GitopsManifest[], options: GitopsOptions): string[] {
  const { outputDir, argocdNamespace = ARGOCD_NAMESPACE } = options
  if (outputDir === '-') return []
  return RELEASE_FILES.filter((name) => !manifests.some(({ file }) => file === `${name}.yaml`))
    .filter((name) => existsSync(join(outputDir, `${name}.yaml`)))
    .map(
      (name) =>
        `${join(outputDir, `${name}.yaml`)} is of an earlier run and left as it is. ${
          isSingle(options) || name === 'apps'
            ? ''
            : 'If it is still meant, name its values file too: namespaces.yaml knows only those of this run. '
        }If it is no longer meant, delete it, and its Application: kubectl -n ${argocdNamespace} delete application ${PROJECT}-${name}`,
    )
}
