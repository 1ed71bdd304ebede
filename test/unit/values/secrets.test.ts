import { expect } from 'chai'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import { checkText } from '../../../src/values/check.js'
import { readHelmYaml } from '../../../src/values/helm-yaml.js'
import { schemaCheck } from '../../../src/values/schema.js'
import { ROOT } from '../../commands/harness.js'

const check = schemaCheck(
  JSON.parse(readFileSync(join(ROOT, 'helm', 'values.schema.json'), 'utf8')) as object,
)

/** What a frame of the whole file would show. */
function masked(text: string): string {
  let shown = ''
  let from = 0
  for (const { start, end } of readHelmYaml(text).secrets) {
    expect(text.slice(start, end)).to.not.include('\n')
    shown += `${text.slice(from, start)}***`
    from = end
  }
  return shown + text.slice(from)
}

async function said(text: string): Promise<string[]> {
  const { problems, warnings } = await checkText(text, check)
  return [...problems, ...warnings].map(({ path, message, hint = '' }) => `${path} ${message} ${hint}`)
}

/** Files in which every secret is called hush, with what may be seen of them. */
const FILES: Record<string, [text: string, shown: string]> = {
  'a list, with comments, block scalars, anchors and tags': [
    `firstApp:
  extraEnv: # hush
    # - {name: OLD, value: hush}
    - name: A # hush
      value: hush
    - name: "B"
      value: |
        hush

        hush
    - name: C
      value: &c !!str hush
        hush
    - name: D
      value: >-
        hush
  # - name: OLD
  #   value: hush
  env: staging # seen
  tolerations: [{key: a, value: b}]
`,
    `firstApp:
  extraEnv: ***
    ***
    - name: A ***
      value: ***
    - name: "B"
      value: ***
        ***

        ***
    - name: C
      value: ***
        ***
    - name: D
      value: ***
        ***
  ***
  ***
  env: staging # seen
  tolerations: [{key: a, value: b}]
`,
  ],
  'flow style, unknown keys, and where values come from': [
    `firstApp: {extraEnv: [{name: A, value: "hush", vale: 'hush'}, {name: B, valueFrom: {secretKeyRef: {name: s}}}], tag: x}\n`,
    `firstApp: {extraEnv: [{name: A, value: ***, vale: ***}, {name: B, valueFrom: {secretKeyRef: {name: s}}}], tag: x}\n`,
  ],
  'JSON with Windows line ends': [
    '{"firstApp": {"extraEnv": [\r\n  {"name": "A",\r\n   "value": "hush"}]}}\r\n',
    '{"firstApp": {"extraEnv": [\r\n  {"name": "A",\r\n   "value": ***}]}}\r\n',
  ],
  'what an alias stands for, where it stands': [
    `global:
  list: &list
    - name: A
      value: hush
  one: &one hush
  env: &env staging
firstApp:
  extraEnv: *list
  env: *env
secondApp: {extraEnv: [{name: A, value: *one}]}
`,
    `global:
  list: &list
    - name: A
      value: ***
  one: &one ***
  env: &env staging
firstApp:
  extraEnv: ***
  env: *env
secondApp: {extraEnv: [{name: A, value: ***}]}
`,
  ],
  'every document, and settings of one country': [
    `firstApp: {tag: x}
---
firstApp:
  perCountry:
    it: {extraEnv: [{name: A, value: hush}]}
`,
    `firstApp: {tag: x}
---
firstApp:
  perCountry:
    it: {extraEnv: [{name: A, value: ***}]}
`,
  ],
  'what is no list of variables, but meant as one': [
    `firstApp:
  extraEnv:
    A: hush
    B=hush: 1
    C: [hush]
  extraEnvs: [A=hush]
  env: {A: hush}
  value: hush
  sidecars:
    - {name: A, value: hush}
  password: hush
`,
    `firstApp:
  extraEnv:
    A: ***
    ***: ***
    C: [***]
  extraEnvs: [***]
  env: {A: ***}
  value: ***
  sidecars:
    - {name: A, value: ***}
  password: ***
`,
  ],
  'a name that holds a value': [
    'firstApp: {extraEnv: [{name: A=hush, value: hush}, {name: A-B, value: hush}]}\n',
    'firstApp: {extraEnv: [{name: ***, value: ***}, {name: A-B, value: ***}]}\n',
  ],
  'an end quote that is missing': [
    `firstApp:
  extraEnv:
    - name: A
      value: "hush
    - name: B
      value: hush
`,
    `firstApp:
  extraEnv:
    - name: A
      value: ***
    ***
      ***
`,
  ],
  'a missing quote before the variables': [
    `firstApp:
  image: "x
  extraEnv:
  - name: A
    value: hush
  # value: hush
  tag: x
`,
    `firstApp:
  image: "x
  extraEnv:
  - name: A
    value: ***
  ***
  tag: x
`,
  ],
  'wrong indents, a bracket and a colon that are missing': [
    `firstApp:
  extraEnv:
    - name: A
     value: @hush
    - name: B value: hush
    - value:hush
    - {name: D, value: hush
  env: staging
`,
    `firstApp:
  extraEnv:
    - name: A
     value: ***
    - name: ***
    - ***
    - {name: ***
  env: ***
`,
  ],
  'a pasted key that is not indented': [
    `firstApp:
  extraEnv:
  - name: A
    value: -----BEGIN
hush
hush=
  env: staging
`,
    `firstApp:
  extraEnv:
  - name: A
    value: ***
***
***
  env: staging
`,
  ],
  'broken JSON': [
    '{"firstApp": {"extraEnv": [\n{"name": "A" "value": "hush"},\n{"name": "B", "value": "hush"}]}}\n',
    '{"firstApp": {"extraEnv": [\n{"name": ***\n{"name": ***\n',
  ],
}

describe('secrets in values files', () => {
  for (const [name, [text, shown]] of Object.entries(FILES)) {
    it(`are found in ${name}`, async () => {
      expect(masked(text)).to.equal(shown)
      expect((await said(text)).join('\n')).to.not.include('hush')
    })
  }

  it('leave every valid file without variables as it is', () => {
    const text = readFileSync(join(ROOT, 'helm', 'values.yaml'), 'utf8').replaceAll(/^.*extraEnv.*$/gm, '')
    expect(readHelmYaml(text).secrets).to.deep.equal([])
  })

  it('are quoted by no message, which still says what is wrong', async () => {
    const messages = async (lines: string) =>
      said(`firstApp:\n  create: true\n  countries: [it]\n  extraEnv:\n${lines}`)
    const cases: [lines: string, message: RegExp][] = [
      ['    - {name: A, value: 123456}', /value must be text, this is a number Put it in quotes/],
      ['    - {name: A, value: no}', /value must be text, this is a boolean Put it in quotes/],
      ['    - {name: A, value: *hush}', /unknown anchor \*\*\*/],
      ['    - {name: A, value: !<hush> 1}', /^$/],
      ['    - {name: A, value: "hu\\sh"}', /invalid escape sequence $/],
      ['    - {name: A, value: @hush}', /cannot start like this/],
      ['    - name: A\n      value: |hush\n        x', /block scalar header includes extra characters/],
      ['    - name: A\n      value: "x" hush', /unexpected scalar at node end/],
      ['    - {name: A=hush}', /name cannot be "\*\*\*"/],
      ['    - {name: MY-VAR}', /name cannot be "MY-VAR"/],
      ['    - {A=hush: x}', /\/extraEnv\/0\/\*\*\* unknown key \*\*\*/],
      ['    - {A=hush: x, A=hush: y}', /\*\*\* stands here a second time/],
    ]
    for (const [lines, expected] of cases) {
      const found = (await messages(lines)).join('\n')
      expect(found, lines).to.match(expected)
      expect(found, lines).to.not.match(/hush|123456|\bsh\b|@/)
    }
    const list = await said('firstApp: {create: true, countries: [it], extraEnv: "A=hush,B=hush"}')
    expect(list.join('\n'))
      .to.match(/extraEnv must be a list, this is text/)
      .and.not.include('hush')
  })
})
