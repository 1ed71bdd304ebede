import { expect } from 'chai'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import type { K8sflowError } from '../../../src/errors.js'
import { selectValues, type ValuesChoice } from '../../../src/services/deploy-selection.js'
import { readValuesFiles } from '../../../src/services/values-files.js'
import { chartPath } from '../../../src/tools/chart.js'

const CHART = chartPath()
const first = (env: string, countries = 'it') =>
  `firstApp: {create: true, appName: app1, env: ${env}, countries: [${countries}]}\n`
const second = (env: string, countries = 'it') =>
  first(env, countries).replace('first', 'second').replace('app1', 'app2')

describe('what is deployed', () => {
  const home = process.cwd()
  let folder: string
  const warnings: string[] = []

  beforeEach(async () => {
    warnings.length = 0
    folder = await mkdtemp(join(tmpdir(), 'k8sflow-selection-'))
    process.chdir(folder)
  })
  afterEach(async () => {
    process.chdir(home)
    await rm(folder, { recursive: true })
  })

  const files = async (texts: Record<string, string>) => {
    for (const [name, text] of Object.entries(texts)) await writeFile(join(folder, name), text)
  }
  const select = async (choice: ValuesChoice, choose?: (answers: readonly string[]) => string) =>
    selectValues(choice, {
      progress: (event) => event.kind === 'step' && warnings.push(event.text),
      chart: CHART,
      ...(choose ? { choose: async (_, answers) => choose(answers) } : {}),
    })
  const selected = async (choice: ValuesChoice, choose?: (answers: readonly string[]) => string) => {
    const { releases, notes } = await select(choice, choose)
    const lines = releases.map(
      ({ release, instances, files: from }) =>
        `${release} ${instances.map(({ app, country, environment }) => `${app}-${environment}-${country}`).join()} ${from.join()}`,
    )
    return { lines, notes }
  }
  const refused = async (choice: ValuesChoice) =>
    select(choice).then(
      () => expect.fail('it was accepted'),
      (error: unknown) => error as K8sflowError,
    )

  it('is what the files of this folder say, and it is told which they are', async () => {
    await files({
      'app1-staging.yml': first('staging', 'it, es'),
      'app2.yml': second('staging'),
      'other.yml': 'x',
    })
    const { lines, notes } = await selected({})
    expect(lines).to.deep.equal([
      'app1 app1-staging-it,app1-staging-es app1-staging.yml',
      'app2 app2-staging-it app2.yml',
    ])
    expect(notes).to.deep.equal(['Found app1-staging.yml and app2.yml in this folder.'])
  })

  it('is what the file holds, whatever environment its name says', async () => {
    await files({ 'app1-production.yml': first('staging') })
    expect((await selected({ environment: 'staging' })).lines).to.deep.equal([
      'app1 app1-staging-it app1-production.yml',
    ])
  })

  it('is one file where two hold the same, the generated one, with a note', async () => {
    await files({ 'app1-staging.yml': first('staging'), 'app1.yml': first('staging', 'es') })
    const { lines, notes } = await selected({})
    expect(lines).to.deep.equal(['app1 app1-staging-it app1-staging.yml'])
    expect(notes[0]).to.match(/^app1\.yml is left out: app1-staging\.yml/)
  })

  it('takes -p for the apps and -c for the countries, beside what was found', async () => {
    await files({ 'app1-staging.yml': first('staging'), 'app2-staging.yml': second('staging') })
    expect((await selected({ project: ['app2'], countries: ['FR', 'fr,de'] })).lines).to.deep.equal([
      'app2 app2-staging-fr,app2-staging-de -',
    ])
  })

  it('needs a choice between environments: from a person, or by -e', async () => {
    await files({ 'app1-staging.yml': first('staging'), 'app1-production.yml': first('production') })
    const error = await refused({})
    expect(error).to.include({ code: 'ENVIRONMENT_NOT_CHOSEN', exitCode: 2 })
    expect(error.message)
      .to.include('app1-staging.yml (staging)')
      .and.include('app1-production.yml (production)')
    const only = ['app1 app1-production-it app1-production.yml']
    expect((await selected({ environment: 'production' })).lines).to.deep.equal(only)
    const asked: string[] = []
    const choose = (answers: readonly string[]) => {
      asked.push(...answers)
      return 'production'
    }
    expect((await selected({}, choose)).lines).to.deep.equal(only)
    expect(asked).to.have.members(['staging', 'production'])
  })

  it('is what the flags say for an app that has no file', async () => {
    await files({ 'app1-staging.yml': first('staging') })
    const choice = { project: ['app1,app2'], countries: ['it'], environment: 'staging' }
    expect((await selected(choice)).lines).to.deep.equal([
      // -c wins over the file, so helm gets the values as they are then.
      'app1 app1-staging-it -',
      'app2 app2-staging-it -',
    ])
    const error = await refused({ project: ['app1', 'app2'] })
    expect(error.exitCode).to.equal(2)
    expect(error.message).to.include('--countries').and.include('--environment').and.not.include('--project')
  })

  it('is not made up of files and flags for one release', async () => {
    await files({ 'app1-staging.yml': first('staging') })
    const error = await refused({
      project: ['app1', 'app2'],
      countries: ['it'],
      environment: 'staging',
      release: 'shared',
    })
    expect(error).to.include({ code: 'NO_VALUES', exitCode: 2 })
    expect(error.message).to.include('app2').and.include('app1-staging.yml')
  })

  it('is nothing where there is neither file nor flag, and it is told how to get there', async () => {
    const error = await refused({})
    expect(error).to.include({ code: 'NO_VALUES', exitCode: 2 })
    expect(error.suggestions.join()).to.include('k8sflow values').and.include('k8sflow deploy -c')
  })

  it('is what -f names, and the files of the folder are not looked at', async () => {
    await files({ 'app1-staging.yml': 'broken: [', 'mine.yml': first('production', 'es') })
    expect((await selected({ files: ['mine.yml'] })).lines).to.deep.equal([
      'app1 app1-production-es mine.yml',
    ])
    expect((await selected({ files: ['mine.yml'], environment: 'staging' })).lines).to.deep.equal([
      'app1 app1-staging-es -',
    ])
    const error = await refused({ files: ['mine.yml'], project: ['app2'] })
    expect(error).to.include({ code: 'APP_NOT_IN_FILE', exitCode: 2 })
    expect(error.message).to.include('mine.yml').and.include('app2')
  })

  it('is checked whole: all files, and all flags at once', async () => {
    await files({ 'a.yml': first('prod'), 'b.yml': 'secondApp: {create: "yes"}\n' })
    const error = await refused({ files: ['a.yml', 'b.yml', 'none.yml'] })
    expect(error).to.include({ code: 'INVALID_VALUES', exitCode: 2 })
    expect(error.message).to.include('a.yml:1:').and.include('b.yml:1:').and.include('none.yml: ')
    expect(error.suggestions.join()).to.include('k8sflow validate a.yml b.yml none.yml')
    const flags = await refused({ project: ['app3'], countries: ['ita'], files: ['a.yml'] })
    expect(flags.message).to.include('app3').and.include('ita')
  })

  it('comes with warnings of what is valid but hardly meant', async () => {
    await files({ 'app1-staging.yml': `${first('staging')}---\nfirstApp: {env: production}\n` })
    await select({})
    expect(warnings.join()).to.match(/app1-staging\.yml:2:\d+: .*document/)
  })
})

describe('values for a chart without a schema', () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'k8sflow-files-'))
    await mkdir(join(folder, 'chart'))
  })
  afterEach(async () => rm(folder, { recursive: true }))
  const read = async (text: string | undefined) => {
    if (text !== undefined) await writeFile(join(folder, 'a.yml'), text)
    return readValuesFiles([join(folder, 'a.yml')], join(folder, 'chart'))
  }
  const refused = async (text: string | undefined) =>
    read(text).then(
      () => expect.fail('it was accepted'),
      (error: unknown) => error as K8sflowError,
    )

  it('are read as helm reads them, whatever they say', async () => {
    const { files, warnings } = await read('anything: {goes: no}\n')
    expect(files.map(({ values }) => values)).to.deep.equal([{ anything: { goes: false } }])
    expect(warnings).to.deep.equal([])
  })

  it('are named with the reason where they cannot be read', async () => {
    for (const [text, reason] of [
      [undefined, 'there is no such file'],
      ['a: [', ''],
      ['- a list\n', ''],
    ] as const) {
      const error = await refused(text)
      expect(error).to.include({ code: 'INVALID_VALUES', exitCode: 2 })
      expect(error.message).to.include(join(folder, 'a.yml')).and.include(reason)
      expect(error.message).to.match(/: .{5,}\.$/s)
    }
  })
})
