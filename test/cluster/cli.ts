import { execa } from 'execa'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { connect } from '../../src/cluster/client.js'
import type { Cluster } from '../../src/cluster/cluster.js'
import Deploy from '../../src/commands/deploy.js'
import Uninstall from '../../src/commands/uninstall.js'
import { type CommandResult, runCommandClass } from '../commands/harness.js'

// The images of most tests are known to the node only, not to a registry this machine could ask.
process.env['K8SFLOW_CHECK_PLATFORMS'] ??= 'false'

type CommandClass = Parameters<typeof runCommandClass>[0]

/** Runs a command on the cluster of the suite, with the suite's helm. */
export async function k8sflow(
  command: CommandClass,
  argv: string[],
  env: Record<string, string | undefined> = {},
): Promise<CommandResult> {
  return runCommandClass(command, argv, { env: { K8SFLOW_HELM: process.env['K8SFLOW_HELM'], ...env } })
}

/** The same with `--json`: what it printed, and the exit code. */
export async function k8sflowJson<Result>(
  command: CommandClass,
  argv: string[],
  env: Record<string, string | undefined> = {},
): Promise<{ result: Result; exitCode: number; stderr: string }> {
  const { stdout, stderr, exitCode, error } = await k8sflow(command, [...argv, '--json'], env)
  if (stdout.trim() === '') throw new Error(`no JSON was printed: ${error?.stack ?? ''} ${stderr}`)
  return { result: JSON.parse(stdout) as Result, exitCode, stderr }
}

/** Runs the suite's own helm. */
export async function helm(...args: string[]): Promise<string> {
  const { stdout } = await execa(process.env['K8SFLOW_HELM']!, args)
  return stdout
}

/** One app's values as a file holds them. */
export interface AppValues {
  env?: string
  countries: string[]
  tag?: string
}

/** What a values file of one or both apps holds. */
export interface TwoApps {
  app1?: AppValues
  app2?: AppValues
}

/** The text of a values file; JSON is YAML. */
export function valuesText({ app1, app2 }: TwoApps): string {
  const section = (app: string, { env = 'staging', countries, tag }: AppValues) => ({
    create: true,
    appName: app,
    env,
    countries,
    ...(tag === undefined ? {} : { image: { tag } }),
  })
  return JSON.stringify({
    ...(app1 ? { firstApp: section('app1', app1) } : {}),
    ...(app2 ? { secondApp: section('app2', app2) } : {}),
  })
}

/** Milliseconds that the slowest good deployment of this run has taken. */
let slowestMs = 0

/** Runs a deployment that is to succeed, and remembers how long this machine takes for one. */
export async function timed<Result>(good: () => Promise<Result>): Promise<Result> {
  const began = performance.now()
  const result = await good()
  slowestMs = Math.max(slowestMs, performance.now() - began)
  return result
}

/**
 * The `--timeout` of a deployment that is to fail, which always takes that long: so many seconds, or more where good ones
 * took long. A pod must have shown by then what is wrong with it.
 */
export function failingTimeout(seconds: number): string {
  return `${Math.max(seconds, Math.ceil((3 * slowestMs) / 1000))}s`
}

/** Deploys values the way a user does, from a file, and fails loudly when it fails. */
export async function deploy(values: TwoApps, argv: string[] = []): Promise<void> {
  await withFile(valuesText(values), async (file) => {
    const all = ['-f', file, '--allow-removal', '--allow-environment-change', ...argv]
    const { exitCode, stdout, stderr } = await timed(() => k8sflow(Deploy, all))
    if (exitCode !== 0) throw new Error(`deploy ended with ${String(exitCode)}\n${stdout}\n${stderr}`)
  })
}

/** Lends a file with that content. */
export async function withFile<Result>(
  content: string,
  use: (file: string) => Promise<Result>,
): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), 'k8sflow-cluster-'))
  try {
    const file = join(folder, 'values.yml')
    await writeFile(file, content)
    return await use(file)
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** The suite's cluster, for looking behind the scenes. */
export async function suiteCluster(): Promise<Cluster> {
  return connect({})
}

/** Whether an object is there. */
export async function exists(cluster: Cluster, path: string): Promise<boolean> {
  return (await cluster.find({ path })) !== undefined
}

/** Removes both apps and the namespaces of these countries, whatever state a test left them in. */
export async function removeAll(countries: string[]): Promise<void> {
  await k8sflow(Uninstall, ['-p', 'app1,app2', '--yes', '--ignore-not-found'])
  const { deleteNamespaces } = await import('../../src/cluster/namespaces.js')
  const names = countries.map((country) => `we-road-${country}`)
  const { remaining } = await deleteNamespaces(await suiteCluster(), names, {
    timeoutMs: 300_000,
    pollMs: 300,
  })
  if (remaining.length > 0) throw new Error(`still there: ${remaining.join(', ')}`)
}
