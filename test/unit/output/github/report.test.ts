import { expect } from 'chai'
import fc from 'fast-check'
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { errorAnnotations } from '../../../../src/output/github/error.js'
import { type GithubReport, writeGithubReport } from '../../../../src/output/github/report.js'
import { commandsIn, outputsIn } from './runner.js'

describe('a report for GitHub', () => {
  let folder: string
  let env: Record<string, string>
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'k8sflow-github-'))
    env = {
      GITHUB_WORKSPACE: join(folder, 'repo'),
      GITHUB_STEP_SUMMARY: join(folder, 'summary'),
      GITHUB_OUTPUT: join(folder, 'output'),
    }
    await mkdir(join(folder, 'repo'))
    await Promise.all([writeFile(join(folder, 'summary'), ''), writeFile(join(folder, 'output'), '')])
  })
  afterEach(async () => rm(folder, { recursive: true }))

  const write = async (report: Partial<GithubReport>) => {
    let written = ''
    await writeGithubReport(
      { annotations: [], ...report },
      { env, write: (text) => (written += text), title: 'k8sflow test' },
    )
    return commandsIn(written)
  }
  const summary = async () => readFile(join(folder, 'summary'), 'utf8')
  const outputs = async () => readFile(join(folder, 'output'), 'utf8')

  it('names files as they are called in the repository', async () => {
    await symlink(join(folder, 'repo'), join(folder, 'link'))
    await writeFile(join(folder, 'repo', 'a.yml'), '')
    const at = async (file: string) => {
      const [command] = await write({
        annotations: [{ level: 'error', message: 'no', file, line: 3, column: 2 }],
      })
      return [command!.properties['file'], command!.properties['line'], command!.data]
    }
    expect(await at(join(folder, 'repo', 'a.yml'))).to.deep.equal(['a.yml', '3', 'no'])
    expect(await at(join(folder, 'link', 'a.yml'))).to.deep.equal(['a.yml', '3', 'no'])
    expect(await at(join(folder, 'repo', '..a', 'b.yml'))).to.deep.equal(['..a/b.yml', '3', 'no'])
    const outside = join(folder, 'c.yml')
    expect(await at(outside)).to.deep.equal([undefined, undefined, `${outside}:3:2: no`])
    env['GITHUB_WORKSPACE'] = ''
    expect(await at('x/a.yml')).to.deep.equal(['x/a.yml', '3', 'no'])
  })

  it('gives annotations the title of the command, unless they have one', async () => {
    const commands = await write({
      annotations: [
        { level: 'warning', message: 'a' },
        { level: 'warning', message: 'b', title: 'mine' },
      ],
    })
    expect(commands.map(({ properties }) => properties['title'])).to.deep.equal(['k8sflow test', 'mine'])
  })

  it('adds to summary and outputs, and touches nothing for what it does not have', async () => {
    await writeFile(join(folder, 'summary'), '# Before')
    await writeFile(join(folder, 'output'), 'before=1')
    expect(await write({ summary: '## After', outputs: { after: '2' } })).to.deep.equal([])
    expect(await summary()).to.equal('# Before\n\n## After\n')
    expect(outputsIn(await outputs())).to.deep.equal({ before: '1', after: '2' })
    await write({ outputs: {} })
    expect(await summary()).to.equal('# Before\n\n## After\n')
  })

  it('keeps the summary of the step within 1 MiB', async () => {
    const row = `| ${'x'.repeat(1000)} |\n`
    await write({ summary: row.repeat(700) })
    await write({ summary: row.repeat(700) })
    await write({ summary: row.repeat(700) })
    const text = await summary()
    expect(Buffer.byteLength(text)).to.be.within(1024 * 1024 - 2000, 1024 * 1024)
    expect(text).to.include('too long for GitHub')
  })

  it('sets outputs that come out as they went in, whatever they hold', async () => {
    const value = fc
      .array(fc.constantFrom('a', '\n', 'EOF', '=', '<<', 'x=y', 'evil<<EOF', '::', '\n\n'))
      .map((parts) => parts.join(''))
    await fc.assert(
      fc.asyncProperty(
        fc.dictionary(fc.constantFrom('one', 'two-digest', '_three'), value, { minKeys: 1 }),
        async (wanted) => {
          await writeFile(join(folder, 'output'), '')
          expect(await write({ outputs: wanted })).to.deep.equal([])
          expect(outputsIn(await outputs())).to.deep.equal(wanted)
        },
      ),
      { numRuns: 50 },
    )
  })

  it('ends the value of an output with a line that nobody can guess', async () => {
    await write({ outputs: { a: 'x', b: 'x' } })
    await write({ outputs: { a: 'x' } })
    const ends = [...(await outputs()).matchAll(/<<(k8sflow_[0-9a-f-]{36})$/gm)].map(([, end]) => end)
    expect(new Set(ends)).to.have.lengthOf(3)
  })

  it('sets no output by a name that could be something else', async () => {
    for (const name of ['a=b', 'a\nb', 'a<<b', '', '1a']) {
      const commands = await write({ outputs: { [name]: 'x' } })
      expect(
        commands.map(({ name: kind }) => kind),
        name,
      ).to.deep.equal(['warning'])
    }
    expect(await outputs()).to.equal('')
  })

  it('warns where the files are missing or cannot be written, and goes on', async () => {
    const both = { summary: 'x', outputs: { a: 'b' } }
    env['GITHUB_STEP_SUMMARY'] = ''
    env['GITHUB_OUTPUT'] = join(folder, 'nowhere', 'output')
    const [summaryLost, outputLost] = await write(both)
    expect(outputLost!.name).to.equal('warning')
    expect(outputLost!.data).to.match(/outputs of this step were not written: ENOENT/)
    expect(summaryLost!.data).to.equal('The job summary was not written: GITHUB_STEP_SUMMARY is not set')
    env['GITHUB_STEP_SUMMARY'] = folder
    expect((await write(both))[0]!.data).to.match(/summary was not written: EISDIR/)
  })
})

describe('an error as annotations', () => {
  it('says what to do next, at the place its data has', () => {
    expect(errorAnnotations({ message: 'No.', suggestions: ['Try this'] })).to.deep.equal([
      { level: 'error', message: 'No.\n→ Try this' },
    ])
    expect(errorAnnotations({ message: 'No.', data: { path: 'a.yml', line: 2, column: 3 } })).to.deep.equal([
      { level: 'error', message: 'No.', file: 'a.yml', line: 2, column: 3 },
    ])
    expect(errorAnnotations({ message: 'No.', data: { file: 'Dockerfile', line: 2 } })).to.deep.equal([
      { level: 'error', message: 'No.', file: 'Dockerfile', line: 2 },
    ])
    for (const data of [{ path: '-' }, { path: 7 }, { files: ['a.yml'] }, { files: 'a' }, null, 'x'])
      expect(errorAnnotations({ message: 'No.', data })).to.deep.equal([{ level: 'error', message: 'No.' }])
  })

  it('is one for each problem of a values file', () => {
    const problem = { path: '/x', message: 'is wrong', hint: 'Right it.', line: 4, column: 7, length: 2 }
    const data = {
      files: [
        { path: 'a.yml', problems: [problem] },
        { path: '-', problems: [problem, { message: 'unreadable' }] },
      ],
    }
    expect(errorAnnotations({ message: '3 problems', data })).to.deep.equal([
      {
        level: 'error',
        message: 'is wrong\nRight it.',
        file: 'a.yml',
        line: 4,
        column: 7,
        endLine: 4,
        endColumn: 9,
      },
      { level: 'error', message: 'stdin:4: is wrong\nRight it.' },
      { level: 'error', message: 'stdin: unreadable' },
    ])
  })
})
