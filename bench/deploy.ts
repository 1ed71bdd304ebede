import { execa } from 'execa'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import type { ClusterFacts } from '../test/cluster/machine/facts.js'
import { compare, reportLine } from './pairs.js'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const RUN = join(ROOT, 'bin', 'run.js')
const APPS = ['app1', 'app2']

interface Case {
  countries: number
  wait: boolean
  runs: number
}

const CASES: readonly Case[] = [
  { countries: 1, wait: true, runs: 5 },
  { countries: 10, wait: true, runs: 3 },
  { countries: 50, wait: false, runs: 3 },
]

/**
 * First deployments of both apps: one `k8sflow deploy --no-verify` against the helm calls it makes, run one after the
 * other. Both sides start from the same state: no release, all namespaces there.
 */
export async function benchDeploy(facts: ClusterFacts, print: (line: string) => void): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'k8sflow-bench-'))
  const env = { KUBECONFIG: facts.kubeconfig, K8SFLOW_HELM: facts.helm4 }
  const run = async (program: string, ...args: string[]) =>
    execa(program, args, { cwd: folder, env, stdin: 'ignore' })
  const clear = async () => {
    await Promise.all(
      APPS.map(async (app) =>
        run(facts.helm4, 'uninstall', app, '-n', 'we-road', '--ignore-not-found', '--wait'),
      ),
    )
  }
  try {
    for (const { countries, wait, runs } of CASES) {
      const files = await writeValues(folder, countries, wait)
      const deploy = ['deploy', ...files.flatMap((file) => ['-f', file]), '--no-verify']
      const k8sflow = async () => {
        await run(process.execPath, RUN, ...deploy, ...(wait ? [] : ['--no-wait']))
      }
      const helm = async () => {
        for (const [index, app] of APPS.entries())
          await run(
            facts.helm4,
            ...['upgrade', '--install', app, join(ROOT, 'helm'), '-n', 'we-road', '--create-namespace'],
            ...['-f', files[index] ?? '', '--set', 'namespaces.create=false'],
            ...(wait ? ['--wait', '--timeout', '5m'] : []),
          )
      }
      await clear()
      const comparison = await compare(k8sflow, helm, { runs, before: clear })
      const name = `deploy : helm; ${countries} countr${countries === 1 ? 'y' : 'ies'}, ${wait ? 'waiting' : 'not waiting'}`
      print(reportLine(name, comparison, 1))
    }
    await clear()
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** One file per app. What nobody waits for asks for a node that does not exist: its pods would only slow the next run. */
async function writeValues(folder: string, countries: number, scheduled: boolean): Promise<string[]> {
  const letters = 'abcdefghijklmnopqrstuvwxyz'
  const codes = Array.from(
    { length: countries },
    (_, index) => `${letters[Math.floor(index / 26)]}${letters[index % 26]}`,
  )
  return Promise.all(
    APPS.map(async (app, index) => {
      const file = join(folder, `${app}-${countries}.yml`)
      const lines = [
        `${index === 0 ? 'firstApp' : 'secondApp'}:`,
        '  create: true',
        `  appName: ${app}`,
        '  env: staging',
        ...(scheduled ? [] : ['  nodeSelector: {bench: none}']),
        '  countries:',
        ...codes.map((code) => `    - "${code}"`),
      ]
      await writeFile(file, lines.join('\n') + '\n')
      return file
    }),
  )
}
