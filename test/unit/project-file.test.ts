import { expect } from 'chai'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { buildFlags } from '../../src/build-flags.js'
import Hosts from '../../src/commands/hosts.js'
import { deployFlags } from '../../src/deploy-flags.js'
import type { K8sflowError } from '../../src/errors.js'
import { applyProjectFile, PROJECT_FILE } from '../../src/project-file.js'

/** Flags of this and of other commands. */
const KNOWN = () => [...Object.keys(deployFlags()), 'projectName', 'output', 'check']

describe('k8sflow.yaml', () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'k8sflow-project-'))
  })
  afterEach(async () => rm(folder, { recursive: true }))

  /** What the flags of deploy find in their variables, with that file in the folder. */
  const applied = async (text: string, before: NodeJS.ProcessEnv = {}) => {
    await writeFile(join(folder, PROJECT_FILE), text)
    const environment = { ...before }
    await applyProjectFile(deployFlags(), KNOWN, folder, environment)
    return environment
  }
  const refused = async (text: string) =>
    applied(text).then(
      (environment) => expect.fail(`it was accepted as ${JSON.stringify(environment)}`),
      (error: unknown) => error as K8sflowError,
    )

  it('offers its values to the flags of that name', async () => {
    const text = 'countries: [it, no]\nenvironment: staging\nwait: false\ntimeout: 90s\ndry-run: true\n'
    expect(await applied(text)).to.deep.equal({
      K8SFLOW_COUNTRIES: 'it,no',
      K8SFLOW_ENVIRONMENT: 'staging',
      K8SFLOW_WAIT: 'false',
      K8SFLOW_TIMEOUT: '90s',
      K8SFLOW_DRY_RUN: 'true',
    })
  })

  it('gives way to variables that are set, also to empty ones', async () => {
    const before = { K8SFLOW_ENVIRONMENT: 'production', K8SFLOW_COUNTRIES: '' }
    expect(await applied('environment: staging\ncountries: it\nproject: app1\n', before)).to.deep.equal({
      ...before,
      K8SFLOW_PROJECT: 'app1',
    })
  })

  it('leaves keys of other commands alone', async () => {
    expect(await applied('output: x.yml\ncheck: true\n')).to.deep.equal({})
  })

  it('takes the old names of flags, too', async () => {
    expect(await applied('projectName: app1\n')).to.deep.equal({ K8SFLOW_PROJECT: 'app1' })
  })

  it('refuses a key no command knows, and names the nearest', async () => {
    const error = await refused('enviroment: staging\n')
    expect(error.exitCode).to.equal(2)
    expect(error.message).to.include('enviroment').and.to.include('did you mean environment?')
    for (const key of ['__proto__', 'constructor'])
      expect((await refused(`${key}: x\n`)).exitCode).to.equal(2)
  })

  it('counts paths from its own folder', async () => {
    const text = 'kubeconfig: ./pi.yaml\nfile: [a.yml, /b.yml, "-"]\nchart: oci://registry.example/chart\n'
    expect(await applied(text)).to.deep.equal({
      K8SFLOW_KUBECONFIG: join(folder, 'pi.yaml'),
      K8SFLOW_FILE: `${join(folder, 'a.yml')},/b.yml,-`,
      K8SFLOW_CHART: 'oci://registry.example/chart',
    })
  })

  it('tells hosts which file it is', async () => {
    await writeFile(join(folder, PROJECT_FILE), 'hosts-file: hosts\nddns: home.example.org\n')
    const environment = {}
    await applyProjectFile(Hosts.flags, () => Object.keys(Hosts.flags), folder, environment)
    expect(environment).to.deep.equal({
      K8SFLOW_HOSTS_FILE: join(folder, 'hosts'),
      K8SFLOW_DDNS: 'home.example.org',
    })
  })

  it('tells build where things are, and keeps values with commas whole', async () => {
    const text = [
      'source: apps',
      'oci-dir: out/oci',
      'write: [app1.yml, /app2.yml]',
      'platform: [linux/arm64]',
      'cache-from: ["type=registry,ref=r.example/{app}", type=gha]',
      'build-arg: A=1,2',
    ]
    await writeFile(join(folder, PROJECT_FILE), text.join('\n'))
    const environment = {}
    await applyProjectFile(buildFlags(), () => Object.keys(buildFlags()), folder, environment)
    expect(environment).to.deep.equal({
      K8SFLOW_SOURCE: join(folder, 'apps'),
      K8SFLOW_OCI_DIR: join(folder, 'out/oci'),
      K8SFLOW_WRITE: `${join(folder, 'app1.yml')},/app2.yml`,
      K8SFLOW_PLATFORM: 'linux/arm64',
      K8SFLOW_CACHE_FROM: 'type=registry,ref=r.example/{app}\ntype=gha',
      K8SFLOW_BUILD_ARG: 'A=1,2',
    })
  })

  it('may be empty, or hold nothing but comments', async () => {
    expect(await applied('')).to.deep.equal({})
    expect(await applied('# nothing yet\n')).to.deep.equal({})
  })

  it('is the nearest one upwards, and only that one', async () => {
    const inner = join(folder, 'a/b/c')
    await mkdir(inner, { recursive: true })
    await writeFile(join(folder, PROJECT_FILE), 'environment: production\nproject: app1\n')
    await writeFile(join(folder, 'a/b', PROJECT_FILE), 'environment: staging\n')
    const environment = {}
    await applyProjectFile(deployFlags(), KNOWN, inner, environment)
    expect(environment).to.deep.equal({ K8SFLOW_ENVIRONMENT: 'staging' })
  })

  it('need not be there', async () => {
    const environment = {}
    await applyProjectFile(deployFlags(), KNOWN, folder, environment)
    expect(environment).to.deep.equal({})
  })

  for (const [what, text, reason] of [
    ['broken YAML', 'countries: [it\n', /line|flow/i],
    ['a list', '- it\n', /mapping of flag names/],
    ['plain text', 'staging\n', /mapping of flag names/],
    ['two documents', 'project: app1\n---\nproject: app2\n', /document/],
    ['a key twice', 'project: app1\nproject: app2\n', /unique/],
    ['a mapping where a value belongs', 'countries: {it: true}\n', /countries must be a plain value/],
    ['nothing where a value belongs', 'environment:\n', /environment must be a plain value/],
    ['a list that holds more than values', 'countries: [it, {es: 1}]\n', /countries must be a plain value/],
    ['an alias of nothing', 'countries: *all\n', /alias/i],
  ] as const)
    it(`is refused by its path when it holds ${what}`, async () => {
      const error = await refused(text)
      expect(error).to.include({ code: 'INVALID_PROJECT_FILE', exitCode: 2 })
      expect(error.message).to.include(join(folder, PROJECT_FILE)).and.match(reason)
    })

  it('is refused by its path when it is no file', async () => {
    await mkdir(join(folder, PROJECT_FILE))
    const error = await applyProjectFile(deployFlags(), KNOWN, folder, {}).then(
      () => expect.fail('it was accepted'),
      (reason: unknown) => reason as K8sflowError,
    )
    expect(error).to.include({ code: 'INVALID_PROJECT_FILE', exitCode: 2 })
    expect(error.message).to.include(join(folder, PROJECT_FILE)).and.include('folder')
  })
})
