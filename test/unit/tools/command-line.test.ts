import { expect } from 'chai'
import fc from 'fast-check'
import { execFileSync } from 'node:child_process'

import { commandLine, redact, redactText, shellQuote } from '../../../src/tools/command-line.js'

describe('words of a command line', () => {
  for (const word of ['helm', 'a/b.yml', 'namespaces.create=false', '--set', 'it,es', '10%', 'a@b:c+d_e'])
    it(`need no quotes: ${word}`, () => {
      expect(shellQuote(word)).to.equal(word)
    })

  for (const [word, quoted] of [
    ['', "''"],
    ['two words', "'two words'"],
    ["it's", String.raw`'it'\''s'`],
    ['$HOME', "'$HOME'"],
    ['~', "'~'"],
    ['a\nb', "'a\nb'"],
    ['*', "'*'"],
    ['è', "'è'"],
  ] as const)
    it(`are quoted where a shell would read something else: ${JSON.stringify(word)}`, () => {
      expect(shellQuote(word)).to.equal(quoted)
    })

  it('come out of a shell as they went in, whatever they are', () => {
    const letter = fc.oneof(
      fc.constantFrom(...'\'"`$\\!*?[]{}()<>|&;#~=% \t\n\r-'),
      fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }).filter((one) => one !== '\0'),
    )
    const word = fc.array(letter, { maxLength: 12 }).map((letters) => letters.join(''))
    fc.assert(
      // Many words a run, since starting a shell is what takes the time.
      fc.property(fc.array(word, { minLength: 1, maxLength: 200 }), (words) => {
        const line = words.map((one) => shellQuote(one)).join(' ')
        const said = execFileSync('sh', ['-c', String.raw`printf '%s\0' ${line}`], { encoding: 'utf8' })
        expect(said.split('\0').slice(0, -1)).to.deep.equal(words)
      }),
      { numRuns: 20 },
    )
  })
})

describe('secrets of a command line', () => {
  for (const [args, shown] of [
    [
      ['--set', 'db.password=hush'],
      ['--set', 'db.password=***'],
    ],
    [['--set=db.password=hush'], ['--set=db.password=***']],
    [
      ['--set-string', 'a=hush=hush'],
      ['--set-string', 'a=***'],
    ],
    [
      ['--set-json', 'a={"b":"hush"}'],
      ['--set-json', 'a=***'],
    ],
    [
      ['--set', 'hush'],
      ['--set', '***'],
    ],
    [
      ['--build-arg', 'TOKEN=hush', '.'],
      ['--build-arg', 'TOKEN=***', '.'],
    ],
    [
      ['login', '--password', 'hush', 'ghcr.io'],
      ['login', '--password', '***', 'ghcr.io'],
    ],
    [['--password=hush'], ['--password=***']],
    // A value of which a part looks like a name is still all secret: base64 ends in "=".
    [
      ['--password', 'hush=hush'],
      ['--password', '***'],
    ],
    [
      ['--token', 'aHVzaA=='],
      ['--token', '***'],
    ],
    [['--token=aHVzaA=='], ['--token=***']],
    [
      ['--kube-token', 'aHVzaA='],
      ['--kube-token', '***'],
    ],
    [
      ['pull', 'oci://me:hush@registry.io/chart'],
      ['pull', 'oci://***@registry.io/chart'],
    ],
    [['https://me:hu@sh@proxy:3128'], ['https://***@proxy:3128']],
  ] as const)
    it(`are masked: ${args.join(' ')}`, () => {
      expect(redact(args)).to.deep.equal(shown)
      expect(commandLine('helm', args)).to.not.match(/hush|aHVz|sh@/)
    })

  for (const args of [
    ['--set', 'namespaces.create=false', '--set', 'firstApp.create=true'],
    ['--set', 'secondApp.image.digest=sha256:12ab'],
    ['-f', 'app1.yml', '--password-stdin', '--namespace', 'we-road'],
    ['https://registry.io/a?by', 'me@host:file', 'what?a=b'],
  ])
    it(`are nothing else: ${args.join(' ')}`, () => {
      expect(redact(args)).to.deep.equal(args)
    })

  it('are masked for any option and value', () => {
    const option = fc.constantFrom('--password', '--token', '--kube-token')
    fc.assert(
      fc.property(option, fc.base64String({ minLength: 4 }), fc.boolean(), (name, secret, joined) => {
        const line = commandLine('helm', joined ? [`${name}=${secret}`] : [name, secret])
        expect(line).to.equal(`helm ${joined ? `'${name}=***'` : `${name} '***'`}`)
      }),
    )
  })

  it('are masked in the queries of URLs', () => {
    expect(redact(['https://charts.io/a.tgz?sig=hush&by=me@home#top'])).to.deep.equal([
      'https://charts.io/a.tgz?sig=***&by=***#top',
    ])
    expect(redactText('Get "https://pi/v1?token=hush": EOF?a=b')).to.equal(
      'Get "https://pi/v1?token=***": EOF?a=b',
    )
  })

  it('are masked in the URLs of any text', () => {
    expect(redactText('Get "https://me:hush@pi:6443/v1": EOF, then http://pi')).to.equal(
      'Get "https://***@pi:6443/v1": EOF, then http://pi',
    )
  })
})
