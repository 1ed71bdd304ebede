import { expect } from 'chai'
import fc from 'fast-check'
import { parse } from 'yaml'

import { buildValues, newFile, yamlString } from '../../../src/values/build.js'
import { readHelmYaml } from '../../../src/values/helm-yaml.js'

/** The readers of YAML a values file may meet. */
const READERS: readonly (readonly [string, (text: string) => unknown])[] = [
  ['YAML 1.2', (text) => parse(text, { version: '1.2' })],
  ['YAML 1.1', (text) => parse(text, { version: '1.1' })],
  ['Helm', (text) => readHelmYaml(text).value],
]

const ALL_CODES = [...'abcdefghijklmnopqrstuvwxyz'].flatMap((first) =>
  [...'abcdefghijklmnopqrstuvwxyz'].map((second) => first + second),
)

describe('a new values file', () => {
  it('means exactly what was asked for', () => {
    const values = buildValues({ apps: ['app2'], environment: 'staging', countries: ['it', 'is'] })
    expect(values).to.deep.equal({
      secondApp: { create: true, appName: 'app2', env: 'staging', countries: ['it', 'is'] },
    })
    expect(buildValues({ apps: ['app1'], environment: 'production', countries: ['no'] })).to.have.all.keys(
      'firstApp',
    )
  })

  for (const [name, read] of READERS)
    it(`survives a reader of ${name} with all 676 codes`, () => {
      const values = buildValues({ apps: ['app1', 'app2'], environment: 'production', countries: ALL_CODES })
      expect(read(newFile(values))).to.deep.equal(values)
    })

  it('quotes no and on, and leaves other codes bare', () => {
    const text = newFile(
      buildValues({ apps: ['app1'], environment: 'staging', countries: ['it', 'no', 'on'] }),
    )
    expect(text).to.include('- it\n').and.include('- "no"\n').and.include('- "on"\n')
  })
})

describe('a string in YAML', () => {
  const words =
    'y Y n N yes Yes YES no No NO on On ON off Off OFF true True false null Null ~ nan inf 0x1 1e3 e3 E-3 1:30 .5 = <<'
  it('is read as that string by every reader', () => {
    const risky = fc.constantFrom(
      ...words.split(' '),
      '',
      ' ',
      '- a',
      'a: b',
      '#',
      'a #b',
      "'",
      '"',
      '\\',
      '\t',
      '\n',
      'é',
      '&a',
      '*a',
    )
    fc.assert(
      fc.property(
        fc.oneof(risky, fc.string({ unit: 'grapheme' }), fc.stringMatching(/^[a-z0-9-]{1,6}$/)),
        (text) => {
          for (const read of READERS)
            expect(read[1](`key: ${yamlString(text)}\n`), read[0]).to.deep.equal({ key: text })
        },
      ),
      { numRuns: 1000 },
    )
  })
})
