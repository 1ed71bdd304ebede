import { Parser } from '@oclif/core'
import * as Flags from '@oclif/core/flags'
import { expect } from 'chai'
import { existsSync, readFileSync } from 'node:fs'
import { chmod, copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { BaseCommand } from '../../src/base.js'
import { APPS, COUNTRY_PATTERN, ENVIRONMENTS } from '../../src/values/contract.js'
import { commandsIn, documentedCommands } from './documented/lines.js'
import { RUNS } from './documented/runs.js'
import { type FakeApi, startFakeApi } from './fakes/api-server.js'
import { writeKubeconfig } from './fakes/kubeconfig.js'
import { ROOT, runCommandClass } from './harness.js'

type CommandClass = Parameters<typeof runCommandClass>[0]

const FAKE_HELM = fileURLToPath(new URL('fakes/helm.mjs', import.meta.url))

/** The command that words begin with, and what is left for it; read from its source, not from the manifest. */
async function commandOf(
  words: readonly string[],
): Promise<{ id: string; command: CommandClass; argv: string[] }> {
  for (const length of [2, 1]) {
    const id = words.slice(0, length).join('/')
    if (
      words.length < length ||
      !/^[a-z/-]+$/.test(id) ||
      !existsSync(join(ROOT, 'src', 'commands', `${id}.ts`))
    )
      continue
    const module = (await import(`../../src/commands/${id}.js`)) as { default: CommandClass }
    return { id, command: module.default, argv: words.slice(length) }
  }
  throw new Error(`there is no command "${words.slice(0, 2).join(' ')}"`)
}

/** Parses as the command itself would, without running it. */
async function parsed(command: CommandClass, argv: readonly string[]): Promise<Record<string, unknown>> {
  const json = { json: Flags.boolean() }
  const { flags } = await Parser.parse([...argv], {
    flags: { ...json, ...BaseCommand.baseFlags, ...command.flags },
    args: command.args,
    strict: command.strict,
  })
  return flags as Record<string, unknown>
}

/** What services accept, for the flags whose values are fixed words. */
const ACCEPTED: Record<string, (value: string) => boolean> = {
  countries: (value) => COUNTRY_PATTERN.test(value),
  project: (value) => (APPS as readonly string[]).includes(value),
  environment: (value) => (ENVIRONMENTS as readonly string[]).includes(value),
}

const documented = documentedCommands()
const lines = [...new Set(documented.map(({ words }) => words.join(' ')))]
const wordsOf = (line: string) => documented.find(({ words }) => words.join(' ') === line)!.words
const placesOf = (line: string) =>
  documented
    .filter(({ words }) => words.join(' ') === line)
    .map(({ place }) => place)
    .join(', ')
const isHelp = (words: readonly string[]) => words.length === 0 || words.includes('--help')

describe('the commands that README.md and docs/ show', () => {
  it('are found: after a prompt, in sh blocks, several in one line, over several lines', () => {
    const text = [
      '```sh',
      'k8sflow hosts --write # writes',
      'npm ci && npx k8sflow values -o "a b.yml" && k8sflow deploy',
      'k8sflow build \\',
      '  --push | cat',
      'sudo env "PATH=$PATH" k8sflow hosts',
      '```',
      'k8sflow nothing',
      '```',
      '$ k8sflow status > out',
      'k8sflow scan',
      'said by k8sflow itself',
      '```',
      '```yaml',
      '      - run: k8sflow validate *.yml',
      '```',
    ].join('\n')
    expect(commandsIn('page.md', text)).to.deep.equal([
      { place: 'page.md:2', words: ['hosts', '--write'] },
      { place: 'page.md:3', words: ['values', '-o', 'a b.yml'] },
      { place: 'page.md:3', words: ['deploy'] },
      { place: 'page.md:5', words: ['build', '--push'] },
      { place: 'page.md:6', words: ['hosts'] },
      { place: 'page.md:10', words: ['status'] },
      { place: 'page.md:11', words: ['scan'] },
      { place: 'page.md:15', words: ['validate', '*.yml'] },
    ])
    expect(lines).to.include('hosts --write').and.include('deploy')
  })

  for (const line of lines)
    it(`is one with flags and values that exist: ${line}`, async () => {
      const words = wordsOf(line)
      if (isHelp(words)) return
      const { command, argv } = await commandOf(words)
      const flags = await parsed(command, argv).catch((error: Error) =>
        expect.fail(`${placesOf(line)}: ${error.message}`),
      )
      for (const [name, accepts] of Object.entries(ACCEPTED))
        for (const value of [(flags[name] as string | string[] | undefined) ?? []]
          .flat()
          .flatMap((text) => text.split(',')))
          expect(accepts(value), `${placesOf(line)}: --${name} ${value}`).to.equal(true)
    })

  it('refuses commands, flags and values that do not exist', async () => {
    const failing = async (line: string) => {
      const { command, argv } = await commandOf(line.split(' '))
      await parsed(command, argv)
    }
    for (const line of [
      'depoly',
      'expose chekc',
      'deploy --forse',
      'scan --format xml',
      'expose check',
      'hosts stray',
    ])
      expect(
        await failing(line).then(
          () => 'accepted',
          (error: Error) => error.message,
        ),
        line,
      ).not.to.equal('accepted')
  })

  it('are each run by a test: test/commands/documented/runs.ts says by which', async () => {
    const shown = documented.filter(({ words }) => !isHelp(words))
    const unknown = shown
      .filter(({ words }) => !(words.join(' ') in RUNS))
      .map(({ place, words }) => `${place}: k8sflow ${words.join(' ')}`)
    expect(unknown, 'shown, and not in runs.ts').to.deep.equal([])
    expect(
      Object.keys(RUNS).filter((line) => !lines.includes(line)),
      'in runs.ts, and not shown',
    ).to.deep.equal([])
  })

  for (const [line, how] of Object.entries(RUNS))
    if ('file' in how)
      it(`is run in ${how.file}: ${line}`, async () => {
        const { id, command, argv } = await commandOf(line.split(' '))
        const text = readFileSync(join(ROOT, how.file), 'utf8')
        const imported = new RegExp(`/commands/${id}\\.js'|'${id}'`).test(text)
        const started = new RegExp(
          id
            .split('/')
            .map((word) => `'${word}'`)
            .join(',\\s*'),
        ).test(text)
        expect(imported || started, `${how.file} does not run ${id}`).to.equal(true)
        for (const flag of argv.filter((word) => word.startsWith('-') && word !== '--json')) {
          const definitions = Object.entries(command.flags)
          const [name, { char } = {}] =
            definitions.find(
              ([long, { char: short }]) => flag === `--${long}` || flag === `-${short ?? ''}`,
            ) ?? []
          const spelt = [`--${name ?? flag}`, ...(char === undefined ? [] : [`-${char}`])]
          expect(
            spelt.some((word) => new RegExp(`['"\`\\s]${word}['"\`\\s=,]`).test(text)),
            `${how.file} never gives ${flag}`,
          ).to.equal(true)
        }
      })

  describe('run here', () => {
    let folder: string
    let api: FakeApi
    const values = (app: string, environment: string) =>
      `${app === 'app1' ? 'firstApp' : 'secondApp'}: {create: true, appName: ${app}, env: ${environment}, countries: [it, es]}\n`

    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), 'k8sflow-docs-'))
      api = await startFakeApi()
      api.apps = APPS.flatMap((app) =>
        ['it', 'es'].map((country) => ({
          app,
          country,
          environment: 'staging',
          host: `${app}-${country}.info`,
          address: '192.168.1.10',
          release: { name: app, namespace: 'we-road' },
        })),
      )
      await writeKubeconfig(folder, api.url)
      await copyFile(FAKE_HELM, join(folder, 'helm'))
      await chmod(join(folder, 'helm'), 0o755)
      await writeFile(join(folder, 'helm.json'), JSON.stringify({ releases: {}, log: [] }))
      await writeFile(join(folder, 'hosts'), '127.0.0.1 localhost\n')
      await mkdir(join(folder, 'deploy'))
    })
    afterEach(async () => {
      await api.close()
      await rm(folder, { recursive: true })
    })

    for (const [line, how] of Object.entries(RUNS))
      if ('here' in how)
        it(`k8sflow ${line}`, async () => {
          for (const app of APPS) await writeFile(join(folder, `${app}-staging.yml`), values(app, 'staging'))
          const inNames = [...line.matchAll(/(?:deploy\/)?app[12]-(?:staging|production)\.yml/g)].map(
            ([name]) => name,
          )
          for (const name of inNames)
            await writeFile(
              join(folder, name),
              values(
                name.includes('app1') ? 'app1' : 'app2',
                name.includes('staging') ? 'staging' : 'production',
              ),
            )
          if (line.includes('production')) for (const app of api.apps) app.environment = 'production'
          const { command, argv } = await commandOf(line.split(' '))
          const { exitCode, stderr } = await runCommandClass(command, expanded(argv), {
            cwd: folder,
            env: {
              KUBECONFIG: join(folder, 'kubeconfig'),
              K8SFLOW_HELM: join(folder, 'helm'),
              FAKE_HELM: join(folder, 'helm.json'),
              K8SFLOW_HOSTS_FILE: join(folder, 'hosts'),
            },
          })
          expect(exitCode, stderr).to.equal(how.here)
        })

    /** As the shell would: the folder holds the values files of both apps. */
    const expanded = (argv: readonly string[]) =>
      argv.flatMap((word) => (word === 'app1-*.yml' ? ['app1-staging.yml'] : word))
  })
})
