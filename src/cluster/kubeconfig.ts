import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'

import type { KubeConfig } from '@kubernetes/client-node'

import { ClusterAccessError } from '../errors.js'
import { redactText } from '../tools/command-line.js'
import { listed } from './access.js'

const K3S_KUBECONFIG = '/etc/rancher/k3s/k3s.yaml'
const SERVICE_ACCOUNT_TOKEN = '/var/run/secrets/kubernetes.io/serviceaccount/token'

export interface KubeconfigChoice {
  kubeconfig?: string | undefined
  context?: string | undefined
}

/** A kubeconfig with one context chosen. */
export interface LoadedKubeconfig {
  config: KubeConfig
  /** The files as a person would name them. */
  name: string
}

/**
 * Loads the kubeconfig as kubectl does: `--kubeconfig`, else every file of KUBECONFIG (the first mention of a
 * name wins), else `~/.kube/config`, else the service account of the pod it runs in.
 * @throws ClusterAccessError when there is no usable file or no such context
 */
export async function loadKubeconfig(
  choice: KubeconfigChoice,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<LoadedKubeconfig> {
  const { KubeConfig } = await import('@kubernetes/client-node')
  const { files, source } = candidates(choice, environment)
  const present = files.filter((file) => existsSync(file))
  if (present.length === 0) {
    if (source === 'default' && environment['KUBERNETES_SERVICE_HOST'] && existsSync(SERVICE_ACCOUNT_TOKEN)) {
      const config = new KubeConfig()
      config.loadFromCluster()
      return { config, name: "the pod's service account" }
    }
    throw missing(files, source)
  }

  const merged = new KubeConfig()
  for (const file of present) {
    const part = new KubeConfig()
    const text = await read(file)
    try {
      part.loadFromString(text)
      part.makePathsAbsolute(dirname(file))
    } catch (error) {
      throw unusable(file, error)
    }
    if (part.contexts.length + part.clusters.length === 0 && present.length === 1)
      throw unusable(file, undefined)
    addMissing(merged, part)
  }
  const name = present.map((file) => shortened(file)).join(', ')
  await chooseContext(merged, choice.context, name)
  return { config: merged, name }
}

function candidates(
  choice: KubeconfigChoice,
  environment: NodeJS.ProcessEnv,
): { files: string[]; source: 'flag' | 'variable' | 'default' } {
  if (choice.kubeconfig !== undefined) return { files: [choice.kubeconfig], source: 'flag' }
  const listedFiles = (environment['KUBECONFIG'] ?? '').split(delimiter).filter(Boolean)
  if (listedFiles.length > 0) return { files: listedFiles, source: 'variable' }
  return { files: [join(environment['HOME'] ?? homedir(), '.kube', 'config')], source: 'default' }
}

function missing(files: readonly string[], source: 'flag' | 'variable' | 'default'): ClusterAccessError {
  const named = files.map((file) => shortened(file)).join(', ')
  const message = {
    flag: `There is no kubeconfig file ${named}.`,
    variable: `KUBECONFIG names ${files.length === 1 ? 'a file that does not exist' : 'only files that do not exist'}: ${named}.`,
    default: `There is no kubeconfig: neither --kubeconfig nor KUBECONFIG is given, and ${named} does not exist.`,
  }[source]
  const k3s = existsSync(K3S_KUBECONFIG)
    ? `This machine runs K3s: sudo install -m 600 -o "$USER" ${K3S_KUBECONFIG} ~/.kube/config (make the folder ~/.kube first), or --kubeconfig ${K3S_KUBECONFIG} as root.`
    : `Copy ${K3S_KUBECONFIG} from the Pi to ~/.kube/config and replace 127.0.0.1 in its "server" by the Pi's address.`
  return new ClusterAccessError(message, {
    code: 'KUBECONFIG_MISSING',
    suggestions: [source === 'default' ? k3s : 'Check the path, or leave it out to use ~/.kube/config.'],
    data: { files, source },
  })
}

async function read(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    const denied = (error as NodeJS.ErrnoException).code === 'EACCES'
    throw new ClusterAccessError(
      `The kubeconfig ${shortened(file)} cannot be read: ${denied ? 'permission denied' : (error as Error).message}.`,
      {
        code: 'KUBECONFIG_UNREADABLE',
        suggestions: [
          denied
            ? `Copy it for yourself: sudo install -m 600 -o "$USER" ${file} ~/.kube/config`
            : 'Check the path: it must be a file.',
        ],
        cause: error,
        data: { file },
      },
    )
  }
}

function unusable(file: string, error: unknown): ClusterAccessError {
  const reason = error instanceof Error ? firstLine(error.message) : 'it names no cluster and no context'
  return new ClusterAccessError(`${shortened(file)} is not a usable kubeconfig: ${reason}.`, {
    code: 'KUBECONFIG_INVALID',
    suggestions: [
      `Check it with "kubectl config view --kubeconfig ${shortened(file)}", or copy it from the server again (K3s: ${K3S_KUBECONFIG}).`,
    ],
    ...(error === undefined ? {} : { cause: error }),
    data: { file },
  })
}

/** Adds what is not there yet; client-node's own merge throws when two files mention one name. */
function addMissing(into: KubeConfig, from: KubeConfig): void {
  const known = (list: readonly { name: string }[], name: string) => list.some((item) => item.name === name)
  into.clusters.push(...from.clusters.filter(({ name }) => !known(into.clusters, name)))
  into.users.push(...from.users.filter(({ name }) => !known(into.users, name)))
  into.contexts.push(...from.contexts.filter(({ name }) => !known(into.contexts, name)))
  if (!into.currentContext && from.currentContext) into.currentContext = from.currentContext
}

async function chooseContext(config: KubeConfig, wanted: string | undefined, name: string): Promise<void> {
  const names = config.contexts.map((context) => context.name)
  const chosen = wanted ?? config.currentContext
  if (!chosen)
    throw new ClusterAccessError(`${name} has no current context.`, {
      code: 'CONTEXT_MISSING',
      suggestions: [`Choose one with --context: ${listed(names)}.`],
      data: { contexts: names },
    })
  const context = config.contexts.find((candidate) => candidate.name === chosen)
  if (!context) throw await unknownContext(chosen, names, name)
  const cluster = config.clusters.find((candidate) => candidate.name === context.cluster)
  if (!cluster || !URL.canParse(cluster.server))
    throw new ClusterAccessError(
      cluster
        ? `Cluster "${cluster.name}" of ${name} has no usable "server": "${redactText(cluster.server)}".`
        : `Context "${chosen}" of ${name} names the cluster "${context.cluster}", which is not in the file.`,
      {
        code: 'KUBECONFIG_INVALID',
        suggestions: ['Correct the file, or choose another context with --context.'],
        data: { contexts: names },
      },
    )
  config.setCurrentContext(chosen)
}

async function unknownContext(
  chosen: string,
  names: readonly string[],
  file: string,
): Promise<ClusterAccessError> {
  const { nearest } = await import('../values/nearest.js')
  const near = await nearest(chosen, names)
  return new ClusterAccessError(`There is no context "${chosen}" in ${file}.`, {
    code: 'CONTEXT_UNKNOWN',
    suggestions: [
      ...(near === undefined ? [] : [`Did you mean --context ${near}?`]),
      names.length === 0 ? 'The file has no contexts at all.' : `It has: ${listed(names)}.`,
    ],
    data: { contexts: names },
  })
}

function firstLine(text: string): string {
  return (text.split('\n')[0] ?? text).replace(/\.$/, '')
}

function shortened(file: string): string {
  const home = homedir()
  return file.startsWith(`${home}/`) ? `~${file.slice(home.length)}` : file
}
