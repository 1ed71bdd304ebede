import { expect } from 'chai'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'

import { InvalidInputError } from '../../../src/errors.js'
import { readSources, type SourceChoice } from '../../../src/services/build-sources.js'
import { type Answer, FakeRunner } from '../tools/fake-runner.js'

const COMMIT = 'a'.repeat(40)
const LAST = 'b'.repeat(40)

/** A git that knows this of every folder. */
const git = (state: { status?: string; remote?: string } = {}) =>
  new FakeRunner(({ args }): Answer => {
    if (args.includes('status'))
      return { stdout: `# branch.oid ${COMMIT}\n# branch.head main\n${state.status ?? ''}` }
    if (args.includes('log')) return { stdout: `${LAST} 1750000000 ${COMMIT.slice(0, 7)}` }
    return { stdout: state.remote ?? '', exitCode: state.remote === undefined ? 1 : 0 }
  })
const noGit = () => new FakeRunner(() => ({ exitCode: 128, stderr: 'fatal: not a git repository' }))

describe('the sources of a build', () => {
  let folder: string
  const before = process.env['SOURCE_DATE_EPOCH']
  beforeEach(async () => {
    delete process.env['SOURCE_DATE_EPOCH']
    folder = await mkdtemp(join(tmpdir(), 'k8sflow-sources-'))
    for (const app of ['app1', 'app2']) {
      await mkdir(join(folder, app))
      await writeFile(join(folder, app, 'Dockerfile'), 'FROM nginx\n')
    }
  })
  afterEach(async () => {
    if (before === undefined) delete process.env['SOURCE_DATE_EPOCH']
    else process.env['SOURCE_DATE_EPOCH'] = before
    await rm(folder, { recursive: true })
  })

  const read = async (choice: Partial<SourceChoice> = {}, runner = git()) =>
    readSources(
      { apps: ['app1', 'app2'], source: folder, imagePrefix: 'hecha00', tags: [], ...choice },
      runner,
    )
  const refusal = async (...given: Parameters<typeof read>) =>
    read(...given).then(
      (sources) => expect.fail(`it took ${JSON.stringify(sources)}`),
      (error: unknown) => error as InvalidInputError,
    )

  it('are named by the commit, with its time for programs and labels', async () => {
    const source = relative(process.cwd(), folder)
    const [app1, app2] = await read({ source }, git({ remote: 'git@host.example:o/r.git' }))
    expect(app1).to.deep.include({
      app: 'app1',
      context: join(folder, 'app1'),
      folder: join(source, 'app1'),
      image: 'hecha00/app1',
      tag: 'aaaaaaaaaaaa',
      references: ['hecha00/app1:aaaaaaaaaaaa'],
      epoch: 1_750_000_000,
      imageTime: 0,
      labels: {
        'org.opencontainers.image.revision': LAST,
        'org.opencontainers.image.created': '2025-06-15T15:06:40.000Z',
        'org.opencontainers.image.source': 'https://host.example/o/r',
      },
    })
    expect(app2!.references).to.deep.equal(['hecha00/app2:aaaaaaaaaaaa'])
  })

  it('say so when they are not what was committed', async () => {
    const [app1] = await read({}, git({ status: '? new\n' }))
    expect(app1!.tag).to.equal('aaaaaaaaaaaa-dirty')
    expect(app1!.labels['org.opencontainers.image.revision']).to.equal(`${LAST}-dirty`)
  })

  it('take the tags that are given, and the first for their version', async () => {
    const [app1] = await read({ tags: ['1.2.3', 'latest'], imagePrefix: 'registry.lan:5000/home' })
    expect(app1!.references).to.deep.equal([
      'registry.lan:5000/home/app1:1.2.3',
      'registry.lan:5000/home/app1:latest',
    ])
    expect(app1!.tag).to.equal('1.2.3')
    expect(app1!.labels['org.opencontainers.image.version']).to.equal('1.2.3')
  })

  it('need a tag where there is no commit', async () => {
    const error = await refusal({}, noGit())
    expect(error).to.include({ code: 'NO_COMMIT', exitCode: 2 })
    expect(error.suggestions.join('\n')).to.include('git init').and.include('--tag')
    const [app1] = await read({ tags: ['1'] }, noGit())
    expect(app1).to.include({ epoch: undefined, state: undefined })
    expect(app1!.labels).to.deep.equal({ 'org.opencontainers.image.version': '1' })
  })

  it('take the time from SOURCE_DATE_EPOCH', async () => {
    process.env['SOURCE_DATE_EPOCH'] = '12'
    expect((await read())[0]!).to.include({ epoch: 12, imageTime: 12 })
    process.env['SOURCE_DATE_EPOCH'] = ''
    expect((await read())[0]!.epoch).to.equal(1_750_000_000)
    for (const wrong of ['yesterday', '-1', '1.5', '175000000000']) {
      process.env['SOURCE_DATE_EPOCH'] = wrong
      expect((await refusal()).message).to.include(JSON.stringify(wrong))
    }
  })

  it('are folders with a Dockerfile', async () => {
    const nowhere = await refusal({ source: join(folder, 'nowhere') })
    expect(nowhere).to.include({ code: 'NO_SOURCE', exitCode: 2 })
    expect(nowhere.message).to.include(`no folder ${join(folder, 'nowhere')}`)
    await rm(join(folder, 'app2', 'Dockerfile'))
    const half = await refusal()
    expect(half.message).to.equal(`${join(folder, 'app2', 'Dockerfile')} does not exist.`)
    expect(half.suggestions.join('\n')).to.include('--source').and.include('-p app1')
    expect(await read({ apps: ['app1'] })).to.have.lengthOf(1)
  })

  for (const [what, choice] of [
    ['a tag with a space', { tags: ['1 0'] }],
    ['an empty tag', { tags: [''] }],
    ['a tag that is too long', { tags: ['x'.repeat(129)] }],
    ['a tag that is a digest', { tags: [`1@sha256:${'0'.repeat(64)}`] }],
    ['a tag that is a name', { tags: ['a/b:1'] }],
    ['a prefix with capitals', { imagePrefix: 'registry.lan/Home' }],
    ['a prefix with a tag', { imagePrefix: 'hecha00/home:1' }],
    ['a prefix with an empty part', { imagePrefix: 'hecha00/' }],
    ['a prefix that is a URL', { imagePrefix: 'https://registry.lan' }],
    ['no prefix', { imagePrefix: '' }],
  ] as const)
    it(`have names, and no ${what.replace(/^an? |^no /, '')}`, async () => {
      const runner = git()
      const error = await refusal(choice, runner)
      expect(error).to.be.instanceOf(InvalidInputError).and.include({ exitCode: 2 })
      expect(runner.invocations).to.deep.equal([])
    })
})
