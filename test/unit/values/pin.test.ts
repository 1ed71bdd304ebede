import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

import { expect } from 'chai'
import fc from 'fast-check'
import { parse } from 'yaml'

import { packageRoot } from '../../../src/package-root.js'
import { type App, APP_KEYS, APPS } from '../../../src/values/contract.js'
import { type JsonValue, readHelmYaml } from '../../../src/values/helm-yaml.js'
import { appsIn, type Pin, pinText } from '../../../src/values/pin.js'

const VALID = join(packageRoot(), 'test', 'fixtures', 'valid')

type Pins = Partial<Record<App, Pin>>

const A: Pin = { repository: 'hecha00/app1', tag: '1e3', digest: `sha256:${'a1'.repeat(32)}` }
const B: Pin = { repository: '127.0.0.1:5000/app2', tag: 'no', digest: `sha256:${'0'.repeat(64)}` }

/** What readers of YAML take for something else than text when it stands bare. */
const TRAPS = ['1.0', 'no', 'on', 'y', 'Null', '1e3', '0x1', '0o7', '012', '1_000', '123456789012', '12345678e012', '2026-01-02', '_1', 'e1'] // prettier-ignore
const hex = (length: number) =>
  fc
    .array(fc.constantFrom(...'0123456789abcdef'), { minLength: length, maxLength: length })
    .map((digits) => digits.join(''))
const digits = fc
  .array(fc.constantFrom(...'0123456789'), { minLength: 7, maxLength: 12 })
  .map((list) => list.join(''))
const tag = fc.oneof(
  fc.constantFrom(...TRAPS, 'v1.2.3', 'main', '4f8a0c1-dirty'),
  hex(12),
  digits,
  fc.tuple(digits, digits).map((parts) => parts.join('e')),
)
const pin: fc.Arbitrary<Pin> = fc.record({
  repository: fc.constantFrom('hecha00/app1', 'app', 'no', '1e3/x', 'r.example.com/a/b_c', '[::1]:5000/a'),
  tag,
  digest: hex(64).map((text) => `sha256:${text}`),
})
const pinsOf = (apps: readonly App[]): fc.Arbitrary<Pins> =>
  fc.tuple(...apps.map(() => pin)).map((list) => Object.fromEntries(apps.map((app, i) => [app, list[i]])))

/** The image of a values file as people write it. */
const image = fc
  .record({
    keys: fc.shuffledSubarray(['repository', 'tag', 'digest', 'pullPolicy']),
    style: fc.constantFrom('block', 'flow', 'wide', 'lines', 'none', 'null', 'braces'),
    quote: fc.constantFrom('"', "'", ''),
    pad: fc.constantFrom(' ', '   ', '\t'),
    step: fc.constantFrom(' ', '  ', '    '),
  })
  .map(({ keys, style, quote, pad, step }) => {
    const values: Record<string, string> = {
      repository: `${quote}old/app${quote}`,
      tag: quote === '' ? 'abc' : `${quote}1.0${quote}`,
      digest: quote === '' ? '~' : `${quote}sha256:${'c'.repeat(64)}${quote}`,
      pullPolicy: 'Always',
    }
    const pairs = keys.map((key) => `${key}:${pad}${values[key]!}`)
    if (style === 'none') return (indent: string) => `${indent}# no image\n`
    if (style === 'null' || keys.length === 0)
      return (indent: string) => `${indent}image:${style === 'null' ? '' : ' {}'}${pad}# nothing\n`
    if (style === 'braces') return (indent: string) => `${indent}image:${pad}{}\n`
    if (style === 'flow') return (indent: string) => `${indent}image:${pad}{${pairs.join(', ')}} # flow\n`
    if (style === 'wide') return (indent: string) => `${indent}image: { ${pairs.join(' , ')}, } # wide\n`
    if (style === 'lines')
      return (indent: string) =>
        `${indent}image: {\n${pairs.map((pair) => `${indent}${step}${pair}, # lines\n`).join('')}${indent}}\n`
    return (indent: string) =>
      `${indent}image: # above\n${pairs.map((pair) => `${indent}${step}${pair} # of a line\n${indent}${step}# below\n`).join('')}`
  })

const OTHER = ['  create: true # switch\n', '  countries:\n  - it # Italy\n  - "no"\n', '  extraLabels:\n    note: |\n      long\n\n      text\n', "  env:   'staging'\n", '  # between\n\n'] // prettier-ignore

const app = (name: string) =>
  fc
    .record({
      style: fc.constantFrom('block', 'block', 'block', 'flow', 'json', 'empty'),
      before: fc.shuffledSubarray(OTHER),
      image,
      indent: fc.constantFrom('', '  '),
    })
    .map(({ style, before, image: written, indent }) => {
      if (style === 'empty') return `${name}: {} # empty\n`
      if (style === 'flow') return `${name}: {create: true,   countries: [it] , image } # ${name}\n`
      if (style === 'json') return `${name}: {"create": true, "image": {"tag":"x"}}\n`
      const half = Math.floor(before.length / 2)
      const lines = [...before.slice(0, half), written('  '), ...before.slice(half)].join('')
      const text = /^ +[a-zA-Z]/m.test(lines) ? lines : `  create: true\n${lines}`
      return `${name}: # here\n${text.replaceAll(/^(?=.)/gm, indent)}`
    })

const file = fc
  .record({
    both: fc.boolean(),
    parts: fc.shuffledSubarray([
      fc.constant('global: {a: 1}   # odd   spacing\n'),
      fc.constant('# a comment\n\n'),
      fc.constant('tests:\n    image:\n        tag: "1.0" # theirs\n'),
    ]),
    crlf: fc.boolean(),
    openEnd: fc.boolean(),
  })
  .chain(({ both, parts, crlf, openEnd }) => {
    const apps = both ? [app('firstApp'), app('secondApp')] : [app('secondApp')]
    return fc.tuple(...parts.slice(0, 1), ...apps, ...parts.slice(1)).map((texts) => {
      const text = texts.join('')
      const ended = openEnd ? text.replace(/\n+$/, '') : text
      return crlf ? ended.replaceAll('\n', '\r\n') : ended
    })
  })

const cases = file.chain((text) =>
  fc.tuple(fc.constant(text), fc.subarray(appsIn(meaning(text)), { minLength: 1 }).chain(pinsOf)),
)

function pinned(text: string, pins: Pins): string {
  const update = pinText(text, pins)
  if (update.kind === 'refused')
    throw new Error(`${update.line}:${update.column}: ${update.message}\n${text}`)
  return update.text
}

function meaning(text: string): Record<string, JsonValue> {
  return readHelmYaml(text).value ?? {}
}

function expected(text: string, pins: Pins): unknown {
  const values = meaning(text)
  for (const [name, wanted] of Object.entries(pins) as [App, Pin][]) {
    const section = values[APP_KEYS[name]] as Record<string, JsonValue>
    section['image'] = { ...(section['image'] as object | null), ...wanted }
  }
  return values
}

describe('pinning images in a values file', () => {
  it('changes exactly the three keys, whatever the file looks like', () => {
    fc.assert(
      fc.property(cases, ([text, pins]) => {
        expect(meaning(pinned(text, pins))).to.deep.equal(expected(text, pins))
      }),
      { numRuns: 500 },
    )
  })

  it('is idempotent: a second time it leaves the file byte for byte', () => {
    fc.assert(
      fc.property(cases, ([text, pins]) => {
        const once = pinned(text, pins)
        expect(pinned(once, pins)).to.equal(once)
      }),
      { numRuns: 200 },
    )
  })

  it('keeps every other line as it is and where it is, every comment, and the line ends', () => {
    const comments = (text: string) => [...text.matchAll(/#[^\r\n]*/g)].map(([comment]) => comment)
    fc.assert(
      fc.property(cases, ([text, pins]) => {
        const after = pinned(text, pins)
        expect(comments(after)).to.deep.equal(comments(text))
        const lines = after.split('\n')
        // The last line may get others behind it.
        for (const line of text.split('\n').slice(0, -1)) {
          if (/image|repository|tag:|digest|App:/.test(line)) continue
          expect(lines, text).to.include(line)
          lines.splice(0, lines.indexOf(line) + 1)
        }
        expect(after.endsWith('\n')).to.equal(text.endsWith('\n'))
        if (text.includes('\r\n')) expect(after).not.to.match(/[^\r]\n/)
        else expect(after).not.to.include('\r')
      }),
      { numRuns: 500 },
    )
  })

  it('writes what every reader of YAML, 1.1 and 1.2, takes for the same text', () => {
    fc.assert(
      fc.property(cases, ([text, pins]) => {
        const after = pinned(text, pins)
        for (const version of ['1.1', '1.2', 'next'] as const) {
          const values = parse(after, { version }) as Record<string, { image: Pin }>
          for (const [name, wanted] of Object.entries(pins) as [App, Pin][])
            expect(values[APP_KEYS[name]]?.image).to.include(wanted)
        }
      }),
      { numRuns: 300 },
    )
  })

  for (const trap of TRAPS)
    it(`quotes the tag ${trap}`, () => {
      const after = pinned('firstApp:\n  image:\n    tag: abc\n', { app1: { ...A, tag: trap } })
      expect(after).to.include(`    tag: "${trap}"\n`)
    })

  const exact: [name: string, before: string, after: string][] = [
    [
      'replaces values in the quotes they had',
      `firstApp:\n  image:\n    tag: '1.0' # t\n    repository: old/app1\n    digest: sha256:${'f'.repeat(64)}   # d\n    pullPolicy: Never\n`,
      `firstApp:\n  image:\n    tag: '1e3' # t\n    repository: hecha00/app1\n    digest: ${A.digest}   # d\n    pullPolicy: Never\n`,
    ],
    [
      'leaves another tag of the same image',
      `firstApp:\n  image: {repository: hecha00/app1, tag: v1, digest: "${A.digest}"}\n`,
      `firstApp:\n  image: {repository: hecha00/app1, tag: v1, digest: "${A.digest}"}\n`,
    ],
    [
      'replaces the tag of an image in another repository',
      `firstApp:\n  image: {repository: else/app1, tag: v1, digest: "${A.digest}"}\n`,
      `firstApp:\n  image: {repository: hecha00/app1, tag: "1e3", digest: "${A.digest}"}\n`,
    ],
    [
      'adds an image at the end of the app',
      'firstApp:\n    create: true\n    countries: [it]\n    # last\n\nglobal: {}\n',
      `firstApp:\n    create: true\n    countries: [it]\n    image:\n        repository: "hecha00/app1"\n        tag: "1e3"\n        digest: "${A.digest}"\n    # last\n\nglobal: {}\n`,
    ],
    [
      'fills an empty image',
      'firstApp:\n  image: {}  # none yet\n  create: true\n',
      `firstApp:\n  image:  # none yet\n    repository: "hecha00/app1"\n    tag: "1e3"\n    digest: "${A.digest}"\n  create: true\n`,
    ],
    [
      'adds what is missing in braces',
      'firstApp: {create: true, image: {pullPolicy: Never}} # c\n',
      `firstApp: {create: true, image: {repository: "hecha00/app1", tag: "1e3", digest: "${A.digest}", pullPolicy: Never}} # c\n`,
    ],
    [
      'leaves JSON JSON',
      '{"firstApp": {"create": true}}\n',
      `{"firstApp": {"create": true, "image": {"repository":"hecha00/app1","tag":"1e3","digest":"${A.digest}"}}}\n`,
    ],
    [
      'gives lines to entries that stand on lines',
      '{\n  "firstApp": {\n    "create": true\n  }\n}\n',
      `{\n  "firstApp": {\n    "create": true,\n    "image": {"repository":"hecha00/app1","tag":"1e3","digest":"${A.digest}"}\n  }\n}\n`,
    ],
    [
      'replaces text over several lines',
      'firstApp:\n  image:\n    tag: |-\n      1.0\n    digest: >\n      x\n    repository: a\n',
      `firstApp:\n  image:\n    tag: "1e3"\n    digest: "${A.digest}"\n    repository: hecha00/app1\n`,
    ],
    [
      'keeps an anchor that nothing refers to, and writes out an alias',
      'firstApp:\n  image:\n    repository: &r a\n    tag: *r\n    digest: ""\n',
      `firstApp:\n  image:\n    repository: &r hecha00/app1\n    tag: "1e3"\n    digest: "${A.digest}"\n`,
    ],
    [
      'stays before the end of the document',
      '---\nfirstApp:\n  create: true\n...\n',
      `---\nfirstApp:\n  create: true\n  image:\n    repository: "hecha00/app1"\n    tag: "1e3"\n    digest: "${A.digest}"\n...\n`,
    ],
  ]
  for (const [name, before, after] of exact)
    it(name, () => {
      expect(pinned(before, { app1: A })).to.equal(after)
    })

  it('pins every valid file of the corpus, but those it says it cannot', () => {
    const untouched: string[] = []
    for (const name of readdirSync(VALID)) {
      const text = readFileSync(join(VALID, name), 'utf8')
      const held = appsIn(meaning(text))
      for (const apps of [held, ...held.map((one) => [one])]) {
        const pins: Pins = Object.fromEntries(apps.map((one) => [one, one === 'app1' ? A : B]))
        const update = pinText(text, pins)
        if (update.kind === 'refused') untouched.push(`${name} ${apps.join()}`)
        else expect(meaning(update.text), name).to.deep.equal(expected(text, pins))
      }
    }
    expect(untouched).to.deep.equal([
      'merge-keys.yml app1',
      'several-documents.yml app1,app2',
      'several-documents.yml app1',
      'several-documents.yml app2',
    ])
  })

  it("writes out what an app shares with another one, such as the chart's own defaults", () => {
    const text =
      'firstApp: &app\n  image:\n    tag: ""\n    pullPolicy: Never\nsecondApp:\n  <<: *app\n  appName: app2\n'
    for (const pins of [{ app2: B }, { app1: A, app2: B }])
      expect(meaning(pinned(text, pins))).to.deep.equal(expected(text, pins))
    const alias = 'firstApp:\n  image: &i {pullPolicy: Never}\nsecondApp:\n  image: *i # shared\n'
    expect(pinned(alias, { app2: B })).to.equal(
      `firstApp:\n  image: &i {pullPolicy: Never}\nsecondApp:\n  image: # shared\n    pullPolicy: Never\n    repository: "127.0.0.1:5000/app2"\n    tag: "no"\n    digest: "${B.digest}"\n`,
    )
  })

  const refused: [name: string, text: string, message: RegExp, line: number][] = [
    ['broken YAML', 'firstApp:\n  image: {tag: [1\n', /flow/i, 3],
    ['a tab as indentation', 'firstApp:\n\timage: {}\n', /tabs are not allowed/, 2],
    ['an app that is not there', 'secondApp: {create: true}\n', /^it says nothing about app1$/, 1],
    ['an app without a section', 'firstApp:\n', /^it says nothing about app1$/, 1],
    ['text for the app', 'a: 1\nfirstApp: hello\n', /^firstApp must be a mapping, this is text$/, 2],
    [
      'text for the image',
      'firstApp:\n  image: a:1\n',
      /^firstApp\.image must be a mapping, this is text$/,
      2,
    ],
    [
      'a list for the tag',
      'firstApp:\n  image:\n    tag: [a]\n',
      /image\.tag must be text, this is a list/,
      3,
    ],
    ['several documents', 'firstApp: {}\n---\nsecondApp: {}\n', /second YAML document/, 2],
    ['an image that appears twice', '\nfirstApp:\n  image: {}\n  image: {}\n', /without changing other/, 2],
    [
      'a tag that appears twice',
      'firstApp:\n  image:\n    tag: a\n    tag: b\n',
      /without changing other/,
      1,
    ],
    ['an app that appears twice', 'firstApp: {}\nfirstApp: {}\n', /without changing other/, 2],
    ['an anchored app', 'firstApp: &a\n  create: true\nsecondApp: *a\n', /without changing other/, 1],
    ['a merged app', 'firstApp: &a\n  image: {}\nsecondApp:\n  <<: *a\n', /without changing other/, 1],
    [
      'an anchored image',
      'firstApp: {image: &i {tag: a}}\ntests: {image: *i}\n',
      /without changing other/,
      1,
    ],
    ['an anchored tag', 'firstApp: {image: {tag: &t a}}\nglobal: {tag: *t}\n', /without changing other/, 1],
    ['keys with question marks', 'firstApp:\n  ? create\n  : true\n', /without changing other/, 1],
    ['a comment inside an empty image', 'firstApp:\n  image: { # c\n  }\n', /without changing other/, 1],
  ]
  for (const [name, text, message, line] of refused)
    it(`refuses ${name} and says where`, () => {
      const result = pinText(text, { app1: A })
      expect(result).to.have.property('kind', 'refused')
      expect(result).to.have.property('message').that.matches(message)
      expect(result).to.have.property('line', line)
      expect(JSON.stringify(result)).not.to.include('-o')
    })

  it('changes nothing when there is nothing to pin', () => {
    expect(pinned('firstApp:   {}\n', {})).to.equal('firstApp:   {}\n')
  })

  it('knows the apps of a file', () => {
    expect(appsIn(meaning('firstApp: {}\nsecondApp: {create: true}\n'))).to.deep.equal([...APPS])
    expect(appsIn(meaning('firstApp:\nsecondApp: [1]\n'))).to.deep.equal([])
  })
})
