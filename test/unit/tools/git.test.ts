import { expect } from 'chai'
import { execa } from 'execa'
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { FailedError, MissingProgramError } from '../../../src/errors.js'
import { exposure, sourceState } from '../../../src/tools/git.js'
import { createRunner } from '../../../src/tools/runner.js'
import { FakeRunner } from './fake-runner.js'

const AT = 1_750_000_000
/** The state of the machine's own git settings, and whoever runs the tests, are left out. */
const SETTINGS = {
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_AUTHOR_NAME: 'a',
  GIT_AUTHOR_EMAIL: 'a@b.example',
  GIT_COMMITTER_NAME: 'a',
  GIT_COMMITTER_EMAIL: 'a@b.example',
}
/** Where a hook is run from, git points these at its repository. */
const HOOK_VARIABLES = ['GIT_DIR', 'GIT_WORK_TREE', 'GIT_INDEX_FILE', 'GIT_PREFIX']

describe('what git knows of a folder', () => {
  let folder: string
  let before: NodeJS.ProcessEnv
  beforeEach(async () => {
    folder = await realpath(await mkdtemp(join(tmpdir(), 'k8sflow-git-')))
    before = { ...process.env }
    for (const name of HOOK_VARIABLES) delete process.env[name]
    Object.assign(process.env, SETTINGS, { GIT_CEILING_DIRECTORIES: folder })
  })
  afterEach(async () => {
    for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name]
    Object.assign(process.env, before)
    await rm(folder, { recursive: true })
  })

  const repository = () => join(folder, 'r')
  const app = (name = 'app1') => join(repository(), 'samples', name)
  const git = async (...args: string[]) => (await execa('git', ['-C', repository(), ...args])).stdout
  const file = async (path: string, text = path) => {
    await mkdir(join(repository(), path, '..'), { recursive: true })
    await writeFile(join(repository(), path), text)
  }
  const commit = async (seconds: number) => {
    await git('add', '--all')
    const date = `${String(seconds)} +0000`
    await execa('git', ['-C', repository(), 'commit', '--quiet', '--message', 'm'], {
      env: { GIT_AUTHOR_DATE: date, GIT_COMMITTER_DATE: date },
    })
    return git('rev-parse', 'HEAD')
  }
  /** app1 was committed first, then app2. */
  const committed = async () => {
    await mkdir(repository(), { recursive: true })
    await git('init', '--quiet')
    await file('samples/app1/Dockerfile')
    const first = await commit(AT)
    await file('samples/app2/Dockerfile')
    return { first, second: await commit(AT + 60) }
  }
  const stateOf = async (path = app()) =>
    sourceState(
      createRunner(() => undefined),
      path,
    )
  const refusalOf = async (path = app()) =>
    stateOf(path).then(
      (state) => expect.fail(`git told ${JSON.stringify(state)}`),
      (error: unknown) => error as FailedError,
    )

  it('is what is checked out, and what changed it last', async () => {
    const { first, second } = await committed()
    const one = { commit: second, lastChange: first, lastChangeSeconds: AT, dirty: false }
    expect(await stateOf()).to.deep.equal(one)
    const other = { commit: second, lastChange: second, lastChangeSeconds: AT + 60, dirty: false }
    expect(await stateOf(app('app2'))).to.deep.equal(other)
  })

  it('is dirty with what is changed, added, deleted or staged in it, but not with what is beside it', async () => {
    await committed()
    await file('samples/app1/Dockerfile', 'changed')
    expect((await stateOf())?.dirty).to.equal(true)
    expect((await stateOf(app('app2')))?.dirty).to.equal(false)
    await git('checkout', '--', '.')
    expect((await stateOf())?.dirty).to.equal(false)
    await file('samples/app1/new folder/new file')
    expect((await stateOf())?.dirty).to.equal(true)
    await git('add', '--all')
    expect((await stateOf())?.dirty).to.equal(true)
    await git('reset', '--quiet', '--hard')
    await rm(join(app(), 'Dockerfile'))
    await git('config', 'status.showUntrackedFiles', 'no')
    expect((await stateOf())?.dirty).to.equal(true)
    await git('checkout', '--', '.')
    await file('samples/app1/untracked')
    expect((await stateOf())?.dirty).to.equal(true)
  })

  it('is clean with what git is told to ignore', async () => {
    await committed()
    await file('.gitignore', '*.log\n')
    await file('samples/app1/a.log')
    expect((await stateOf())?.dirty).to.equal(false)
  })

  it('is unknown without a repository, a commit, a commit of that folder, or git', async () => {
    await mkdir(app(), { recursive: true })
    expect(await stateOf()).to.equal(undefined)
    await git('init', '--quiet')
    await file('samples/app1/Dockerfile')
    expect(await stateOf()).to.equal(undefined)
    await file('README.md')
    await git('add', 'README.md')
    await git('commit', '--quiet', '--message', 'm')
    expect(await stateOf()).to.equal(undefined)
    const without = new FakeRunner(() => {
      throw new MissingProgramError('git was not found.', { code: 'PROGRAM_NOT_FOUND' })
    })
    expect(await sourceState(without, app())).to.equal(undefined)
  })

  it('is not guessed where git refuses to tell, for example because the repository is of somebody else', async () => {
    await committed()
    process.env['GIT_TEST_ASSUME_DIFFERENT_OWNER'] = '1'
    const error = await refusalOf()
    expect(error).to.be.instanceOf(FailedError).and.include({ code: 'GIT_REFUSED', exitCode: 1 })
    expect(error.message).to.include('dubious ownership')
    expect(error.suggestions.join()).to.include(`safe.directory ${repository()}`)
  })

  it('is not guessed from a repository that is broken', async () => {
    await committed()
    await writeFile(join(repository(), '.git', 'index'), 'nonsense')
    const error = await refusalOf()
    expect(error.code).to.equal('GIT_REFUSED')
    expect(error.suggestions).to.deep.equal([`See what git says there: git -C ${app()} status`])
  })

  it('says where a shallow clone ends', async () => {
    const { second } = await committed()
    const clone = join(folder, 'clone')
    await execa('git', ['clone', '--quiet', '--depth', '1', `file://${repository()}`, clone])
    const state = await stateOf(join(clone, 'samples', 'app1'))
    expect(state).to.deep.include({ lastChange: second, lastChangeSeconds: AT + 60, shallow: true })
    await execa('git', ['-C', clone, 'fetch', '--quiet', '--unshallow'])
    expect(await stateOf(join(clone, 'samples', 'app1'))).to.not.have.property('shallow')
    expect(await stateOf()).to.not.have.property('shallow')
  })

  const remotes = [
    ['https://github.com/o/r.git', 'https://github.com/o/r'],
    ['https://me:secret@github.com/o/r.git', 'https://github.com/o/r'],
    ['https://ghp_token@github.com/o/r', 'https://github.com/o/r'],
    ['https://oauth2:a%40b@host.example:8443/o/r.git', 'https://host.example:8443/o/r'],
    ['https://host.example/o/r.git?token=abc', 'https://host.example/o/r'],
    ['http://pi.lan:3000/o/r/', 'http://pi.lan:3000/o/r'],
    ['org-1234@github.com:o/r.git', 'https://github.com/o/r'],
    ['git@github.com:o/r.git', 'https://github.com/o/r'],
    ['ssh://git@github.com/o/r.git', 'https://github.com/o/r'],
    ['ssh://git@host.example:2222/o/r.git', 'https://host.example/o/r'],
    ['/srv/git/r.git', undefined],
    ['../r.git', undefined],
    ['file:///srv/git/r.git', undefined],
    ['', undefined],
  ] as const
  for (const [url, shown] of remotes)
    it(`calls ${JSON.stringify(url)} ${shown ?? 'nothing'}`, async () => {
      await committed()
      await git('config', 'remote.origin.url', url)
      expect((await stateOf())?.origin).to.equal(shown)
    })

  it('looks at the folder and not where a hook points', async () => {
    const { first } = await committed()
    Object.assign(process.env, { GIT_DIR: '.git', GIT_WORK_TREE: '/', GIT_INDEX_FILE: '.git/x' })
    expect(await stateOf()).to.include({ lastChange: first, dirty: false })
  })

  it('takes a folder’s name for a name, and not for a pattern', async () => {
    await committed()
    await file(':x/a')
    const runner = createRunner(() => undefined)
    const ask = () => exposure(runner, repository(), { folder: ':x', files: ['a', 'b'] })
    expect(await ask()).to.equal('addable')
    await commit(AT + 120)
    expect(await ask()).to.equal('tracked')
  })

  it('is asked in English, changing nothing and for a limited time', async () => {
    const runner = new FakeRunner(() => ({ exitCode: 128, stderr: 'fatal: not a git repository' }))
    await sourceState(runner, '/x')
    for (const { program, args, env, timeoutMs } of runner.invocations) {
      expect([program, args[0], args[1], timeoutMs]).to.deep.equal(['git', '-C', '/x', 60_000])
      expect(env).to.include({ LC_ALL: 'C', GIT_OPTIONAL_LOCKS: '0' })
    }
    expect(runner.invocations.length).to.be.greaterThan(0)
  })
})
