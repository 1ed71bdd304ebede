import { expect } from 'chai'

import { InvalidInputError } from '../../../src/errors.js'
import { type IgnoreFile, ignoreWarnings, readIgnoreFile } from '../../../src/services/scan-ignore.js'
import { inFolder } from './in-folder.js'

const NOW = new Date('2026-11-24T12:00:00Z')
const read = (files: Record<string, string>, named?: string) =>
  inFolder(files, async () => readIgnoreFile(named, NOW))
const plain = async (text: string) => (await read({ '.trivyignore': text })) as IgnoreFile
const reasons = ({ rules }: IgnoreFile) => rules.map(({ id, reason }) => [id, reason])

describe('ignore files of trivy', () => {
  it('need not be there', async () => {
    expect(await read({})).to.equal(undefined)
  })

  it('take the comment above a rule for its reason', async () => {
    expect(reasons(await plain('# we do not use TLS here\nCVE-1\n'))).to.deep.equal([
      ['CVE-1', 'we do not use TLS here'],
    ])
  })

  const texts: [what: string, text: string, expected: string[][]][] = [
    ['a comment of several lines', '# one\n#\n## two\nCVE-1', [['CVE-1', 'one two']]],
    [
      'one comment for several rules',
      '# both\nCVE-1\nCVE-2',
      [
        ['CVE-1', 'both'],
        ['CVE-2', 'both'],
      ],
    ],
    ['a comment that an empty line cuts off', '# of the file\n\nCVE-1', [['CVE-1', '']]],
    [
      'a comment after a rule, for the next',
      '# a\nCVE-1\n# b\nCVE-2',
      [
        ['CVE-1', 'a'],
        ['CVE-2', 'b'],
      ],
    ],
    [
      'a comment behind a rule',
      '# above\nCVE-1 exp:2036-01-01 # behind\nCVE-2',
      [
        ['CVE-1', 'behind'],
        ['CVE-2', 'above'],
      ],
    ],
    ['Windows line breaks', '# a\r\nCVE-1\r\n', [['CVE-1', 'a']]],
    [
      'rules without any',
      'CVE-1\n  CVE-2  \n',
      [
        ['CVE-1', ''],
        ['CVE-2', ''],
      ],
    ],
    ['nothing', '\n# only a comment\n', []],
  ]
  for (const [what, text, expected] of texts)
    it(`understand ${what}`, async () => {
      expect(reasons(await plain(text))).to.deep.equal(expected)
    })

  it('warn of rules without a reason, with the line', async () => {
    expect(ignoreWarnings(await plain('# known\nCVE-1\n\nCVE-2\n'))).to.deep.equal([
      '.trivyignore:4: CVE-2 is ignored without a reason; say why in a comment (#) above it.',
    ])
  })

  it('name rules that have expired, from the day itself on', async () => {
    const file = await plain('# a\nCVE-1 exp:2026-11-24\nCVE-2 exp:2026-11-25\nCVE-3 exp:2025-01-01')
    expect(file.rules.map(({ expired }) => expired)).to.deep.equal([true, false, true])
    expect(ignoreWarnings(file)).to.deep.equal([
      '.trivyignore:2: CVE-1 is not ignored any more: the rule expired on 2026-11-24.',
      '.trivyignore:4: CVE-3 is not ignored any more: the rule expired on 2025-01-01.',
    ])
  })

  for (const day of ['2026-13-01', '2026-02-30', 'tomorrow', '24.11.2026'])
    it(`name a line that trivy passes over for its day ${day}`, async () => {
      const file = await plain(`# a\nCVE-1 exp:${day}`)
      expect(file.rules).to.deep.equal([])
      expect(ignoreWarnings(file)[0]).to.match(/^\.trivyignore: line 2 is passed over/)
    })

  it('may be YAML, with statements', async () => {
    const file = (await read({
      '.trivyignore.yaml': `vulnerabilities:
  - id: CVE-1
    statement: not reached
    paths: [usr/lib/x]
  - id: CVE-2
    expired_at: 2026-01-01
  - purls: [pkg:deb/debian/x]
  - text
secrets:
  - id: private-key
misconfigurations:
  - id: DS-0002
`,
    })) as IgnoreFile
    expect(file.path).to.equal('.trivyignore.yaml')
    expect(reasons(file)).to.deep.equal([
      ['CVE-1', 'not reached'],
      ['CVE-2', ''],
      ['private-key', ''],
    ])
    expect(ignoreWarnings(file)).to.deep.equal([
      '.trivyignore.yaml: vulnerabilities[2] is passed over: it has no id.',
      '.trivyignore.yaml: vulnerabilities[3] is passed over: it has no id.',
      '.trivyignore.yaml: CVE-2 is not ignored any more: the rule expired on 2026-01-01.',
      '.trivyignore.yaml: private-key is ignored without a reason; say why in its "statement".',
    ])
  })

  it('are read once: the plain one goes first, and the other is named', async () => {
    const file = await read({ '.trivyignore': '# a\nCVE-1', '.trivyignore.yml': 'vulnerabilities: []' })
    expect(file?.path).to.equal('.trivyignore')
    expect(ignoreWarnings(file as IgnoreFile)).to.deep.equal([
      '.trivyignore: .trivyignore.yml is not read, since .trivyignore is there too.',
    ])
  })

  it('may have another name', async () => {
    const files = { '.trivyignore': 'CVE-1', 'accepted.txt': '# b\nCVE-2' }
    expect(reasons((await read(files, 'accepted.txt')) as IgnoreFile)).to.deep.equal([['CVE-2', 'b']])
  })

  const refused: [string, Record<string, string>, string][] = [
    ['is not there', {}, 'missing.txt'],
    ['is a folder', { 'a/b': '' }, 'a'],
    ['is stdin', {}, '-'],
    ['is no YAML', { 'x.yaml': 'vulnerabilities:\n - id: [\n' }, 'x.yaml'],
  ]
  for (const [what, files, named] of refused)
    it(`are refused when one that is named ${what}`, async () => {
      const error = await read(files, named).catch((thrown: unknown) => thrown)
      expect(error).to.be.instanceOf(InvalidInputError)
      expect((error as InvalidInputError).message).to.include(named)
    })
})
