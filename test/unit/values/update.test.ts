import { expect } from 'chai'
import fc from 'fast-check'

import { buildValues, newFile } from '../../../src/values/build.js'
import { APPS, ENVIRONMENTS } from '../../../src/values/contract.js'
import { readHelmYaml } from '../../../src/values/helm-yaml.js'
import type { Input } from '../../../src/values/input.js'
import { updateText } from '../../../src/values/update.js'

const letters = 'abcdefghijklmnopqrstuvwxyz'.split('')
const country = fc.oneof(
  fc.constantFrom('no', 'on', 'it', 'es', 'uk'),
  fc.tuple(fc.constantFrom(...letters), fc.constantFrom(...letters)).map((pair) => pair.join('')),
)
const input: fc.Arbitrary<Input> = fc.record({
  apps: fc.uniqueArray(fc.constantFrom(...APPS), { minLength: 1 }),
  environment: fc.constantFrom(...ENVIRONMENTS),
  countries: fc.uniqueArray(country, { minLength: 1, maxLength: 8 }),
})

/** One app of a values file as people write it: keys in any order, comments anywhere, block or flow lists. */
const block = (name: 'firstApp' | 'secondApp') =>
  fc
    .record({
      comment: fc.boolean(),
      indent: fc.constantFrom('  ', '    '),
      keys: fc.shuffledSubarray(['create', 'appName', 'env', 'countries', 'replicas', 'image']),
      countries: fc.uniqueArray(country, { minLength: 1, maxLength: 5 }),
      style: fc.constantFrom('block', 'indentless', 'flow', 'wide', 'none'),
      quote: fc.constantFrom('"', "'", ''),
      environment: fc.constantFrom(...ENVIRONMENTS),
      create: fc.constantFrom('true', 'false', 'yes'),
    })
    .map((app) => {
      const quoted = (text: string) => {
        const quote = app.quote === '' && ['no', 'on'].includes(text) ? '"' : app.quote
        return quote + text + quote
      }
      const lists: Record<string, string> = {
        none: ' # nowhere',
        block: app.countries.map((code) => `\n${app.indent}  - ${quoted(code)} # keep ${code}`).join(''),
        indentless: app.countries
          .map((code) => `\n${app.indent}# above ${code}\n${app.indent}- ${quoted(code)}`)
          .join(''),
        flow: ` [${app.countries.map(quoted).join(', ')}]`,
        wide: ` [ ${app.countries.map(quoted).join(',')} ]   # wide`,
      }
      const values: Record<string, string> = {
        create: ` ${app.create} # switch`,
        appName: ` ${quoted(name === 'firstApp' ? 'app1' : 'app2')}`,
        env: ` ${quoted(app.environment)}   # where`,
        countries: lists[app.style]!,
        replicas: ' 2',
        image: ` {tag: "1.0"} # pinned`,
      }
      const lines = app.keys.map((key) => `${app.indent}${key}:${values[key]!}\n`)
      const head = app.comment ? `# about ${name}\n` : ''
      if (lines.length === 0)
        return `${head}${name}:${app.comment ? ' # none' : app.quote === '' ? ' {}' : ''}\n`
      return `${head}${name}: # here\n${lines.join(`${app.indent}# between\n`)}`
    })

const file = fc
  .record({
    parts: fc.shuffledSubarray([
      fc.constant('global: {a: 1}   # odd   spacing\n'),
      block('firstApp'),
      block('secondApp'),
      fc.constant('\n\nnamespaces:\n    create:   false\n'),
    ]),
    crlf: fc.boolean(),
    openEnd: fc.boolean(),
  })
  .chain(({ parts, crlf, openEnd }) =>
    fc.tuple(...parts).map((texts) => {
      const text = texts.join('')
      const ended = openEnd ? text.replace(/\n$/, '') : text
      return crlf ? ended.replaceAll('\n', '\r\n') : ended
    }),
  )

function update(text: string, wanted: Input): string {
  const result = updateText(text, buildValues(wanted))
  if (result.kind === 'refused')
    throw new Error(`${result.line}:${result.column}: ${result.message}\n${text}`)
  return result.text
}

const meaning = (text: string) => readHelmYaml(text).value

describe('updating a values file', () => {
  it('changes exactly the keys it is about, whatever the file looks like', () => {
    fc.assert(
      fc.property(file, input, (text, wanted) => {
        const expected = { ...meaning(text) }
        for (const [key, app] of Object.entries(buildValues(wanted)))
          expected[key] = { ...(expected[key] as object | null), ...app }
        expect(meaning(update(text, wanted))).to.deep.equal(expected)
      }),
      { numRuns: 500 },
    )
  })

  it('is idempotent: a second time it leaves the file byte for byte', () => {
    fc.assert(
      fc.property(file, input, (text, wanted) => {
        const once = update(text, wanted)
        expect(update(once, wanted)).to.equal(once)
      }),
      { numRuns: 300 },
    )
  })

  it('keeps every comment but those on the line of a country that goes, and the line ends', () => {
    const comments = (text: string) => [...text.matchAll(/#[^\r\n]*/g)].map(([comment]) => comment.trim())
    fc.assert(
      fc.property(file, input, (text, wanted) => {
        const after = comments(update(text, wanted))
        const lost = comments(text).filter((comment) => !after.includes(comment))
        expect(lost.filter((comment) => !comment.startsWith('# keep '))).to.deep.equal([])
        for (const comment of lost) expect(wanted.countries).not.to.include(comment.slice('# keep '.length))
        if (text.includes('\r\n')) expect(update(text, wanted)).not.to.match(/[^\r]\n/)
      }),
      { numRuns: 500 },
    )
  })

  it('leaves the lines of everything else as they are', () => {
    const text =
      '# top\nglobal: {a:   1}   # odd\n\n\nsecondApp:\n    env:   production # where\n    extra: >-\n      long\n      text\n'
    const result = updateText(text, {
      secondApp: { create: true, appName: 'app2', env: 'staging', countries: ['no'] },
    })
    expect(result).to.have.property(
      'text',
      text.replace(
        '    env:   production',
        '    create: true\n    appName: app2\n    countries:\n      - "no"\n    env:   staging',
      ),
    )
  })

  it('adds and removes lines of a list, the others stay with their comments', () => {
    const text =
      'secondApp:\n  create: true\n  appName: app2\n  env: staging\n  countries:\n    # south\n    - it # Italy\n    - es # Spain\n    # north\n    - no\n# end\n'
    const result = updateText(
      text,
      buildValues({ apps: ['app2'], environment: 'staging', countries: ['no', 'it', 'is'] }),
    )
    expect(result).to.have.property(
      'text',
      'secondApp:\n  create: true\n  appName: app2\n  env: staging\n  countries:\n    # north\n    - "no"\n    # south\n    - it # Italy\n    - is\n# end\n',
    )
  })

  it('writes out an alias instead of changing what it stands for', () => {
    const text =
      'firstApp: &a\n  create: true\n  appName: app1\n  env: staging\n  countries: [it]\nsecondApp: *a\n'
    const after = update(text, { apps: ['app2'], environment: 'production', countries: ['es'] })
    expect(meaning(after)).to.deep.equal({
      firstApp: { create: true, appName: 'app1', env: 'staging', countries: ['it'] },
      secondApp: { create: true, appName: 'app2', env: 'production', countries: ['es'] },
    })
  })

  it('refuses where another app would change with it', () => {
    const text = 'firstApp: &a\n  create: true\n  countries: [it]\nsecondApp:\n  <<: *a\n  appName: app2\n'
    const result = updateText(
      text,
      buildValues({ apps: ['app1'], environment: 'staging', countries: ['es'] }),
    )
    expect(result).to.include({ kind: 'refused', line: 1, column: 1 })
    expect(result)
      .to.have.property('message')
      .that.matches(/without changing other values/)
  })

  const refused: [name: string, text: string, message: RegExp, line: number][] = [
    ['broken YAML', 'a: 1\nb: [1\n', /flow sequence/i, 3],
    ['a list', '- a\n', /must be a mapping/, 1],
    ['a list for an app', 'a: 1\nfirstApp: [1]\n', /^firstApp must be a mapping, this is a list$/, 2],
    ['a list of mappings for an app', 'firstApp: [{a: b}]\n', /this is a list/, 1],
    ['text for an app', '\nfirstApp: hello\n', /^firstApp must be a mapping, this is text$/, 2],
    [
      'a mapping for the countries',
      'firstApp:\n  countries: {a: b}\n',
      /^firstApp\.countries must be a list, this is a mapping$/,
      2,
    ],
    ['text for the countries', 'firstApp: {countries: it}\n', /must be a list, this is text/, 1],
    ['a list for the environment', 'firstApp:\n  env: [a]\n', /env must be text, this is a list/, 2],
    [
      'an alias to a list that goes',
      'firstApp: &a {create: true, countries: &c [it]}\nsecondApp: {<<: *a, countries: *c}\n',
      /without changing other values/,
      1,
    ],
    ['several documents', 'firstApp: {}\n---\nsecondApp: {}\n', /second YAML document/, 2],
  ]
  for (const [name, text, message, line] of refused)
    it(`refuses ${name} and says where`, () => {
      const result = updateText(
        text,
        buildValues({ apps: ['app1'], environment: 'staging', countries: ['es'] }),
      )
      expect(result).to.have.property('kind', 'refused')
      expect(result).to.have.property('message').that.matches(message)
      expect(result).to.have.property('line', line)
    })

  for (const text of [
    '',
    '# only a comment\n',
    'null\n',
    '---\n',
    'secondApp:\n',
    'secondApp: {}\n',
    'secondApp: []\n',
    'secondApp: {countries: {}}\n',
    'secondApp:\n  countries: {}\n',
    '{}\n',
    '{"secondApp": {"env": "staging"}}',
  ])
    it(`fills ${JSON.stringify(text)}`, () => {
      const wanted: Input = { apps: ['app2'], environment: 'production', countries: ['no', 'it'] }
      expect(meaning(update(text, wanted))).to.deep.equal(buildValues(wanted))
    })

  it('appends a new app the way a new file would hold both', () => {
    const base = { environment: 'staging', countries: ['it'] } as const
    const one = newFile(buildValues({ ...base, apps: ['app1'], countries: ['it'] }))
    const both = newFile(buildValues({ ...base, apps: ['app1', 'app2'], countries: ['it'] }))
    expect(update(one, { ...base, apps: ['app1', 'app2'], countries: ['it'] })).to.equal(both)
  })
})
