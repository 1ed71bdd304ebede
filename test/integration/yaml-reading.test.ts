import { execFile } from 'node:child_process'
import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { expect } from 'chai'

import { readHelmYaml } from '../../src/values/helm-yaml.js'
import { helmBinaries } from './helm-binaries.js'

/*
 * readHelmYaml claims to see what Helm sees. Here both read the same texts: Helm through a chart that prints its
 * values as JSON.
 */

const run = promisify(execFile)

const WORDS = `
  y Y n N yes Yes YES yES no No NO on On ON oN off Off OFF oFF true True TRUE tRUE false False FALSE
  ~ null Null NULL nULL 0 -0 +0 0755 0o755 08 09 010 -010 0_7 0o_7 0o8 0xFF 0XFF 0x_F -0xF +0xF
  0b101 0b2 0B11 0b 0x -0b11 1_000 1_ _1 +_1 1__0 1:30 190:20:30 12:30 1e3 1E3 1e+3 1e_3 .5 -.5 +.5 5. 1.0
  1.5_5 1_0.5 .e3 ._5 . .1.2 1.2.3 1e400 1.5e3.2 nan inf Infinity 0x1p4 2001-12-14 2001-12-14t21:59:43.10-05:00
  +12 + 1,000 12345678901234 = << ?x -x b#c it's`

const SCALARS = [
  ...WORDS.trim().split(/\s+/),
  ...[
    "'it''s'",
    '"no"',
    "'on'",
    '"\\x41\\u00e9"',
    '!!str no',
    '!!str 12',
    '!!int "12"',
    '!!bool yes',
    '!!bool n',
  ],
  ...[
    '!!float 3',
    '!!float 1_0',
    '!foo bar',
    '!foo no',
    '! 12',
    '!!binary aGVsbG8=',
    '!!timestamp 2001-01-01',
  ],
  ...[
    '[y, 1, "no", a b, 0x1]',
    '{a: no, b, no: 1, 1: x, 1.5: x, "2": y}',
    '{a: 1, a: 2}',
    '{b:1}',
    '{"b":1}',
    '[b:1]',
  ],
  ...['{<<: {a: 1}, a: 2}', '{a: 2, <<: {a: 1}}', '{<<: [{q: 1}, {q: 2, w: 3}], e: 4}', '{"<<": {a: 1}}'],
  ...['{<<: {a: 1}, <<: {b: 2}}', '{? b}', '{a: 1,}', '[]', '!!set {a, b}', '!!omap [a: 1]'],
  ...['&x 1', '*x', '&m {a: &n [1]}', '{<<: *m, b: *n}', '{x: *m}'],
]

const DOCUMENTS = [
  '',
  '# only a comment\n',
  'null\n',
  '---\na: 1\n...\n',
  'a: 1\n---\n',
  '---\n---\na: 1\n',
  '\ufeffa: no\r\nb:\r\n  - y\r\n',
  'a: |\n  x\n  y\nb: >-\n  x\n  y\nc: |+\n  x\n\nd: "x\n  y"\n',
  'a:\tb\n',
  'a: b # c\n',
  'a:\n- x\n- y\n',
  'no: 1\n0x10: 2\n1.5: 3\n010: 4\ny: 5\n',
  '{"a": {"b": [1, 2.5, true, null, "x"]}}',
  'a: {b: [1\n  , 2]}\n',
  '? a\n: b\n',
]

const REFUSED = [
  '- a\n',
  'text\n',
  "''\n",
  'a: .inf\n',
  'a: -.Inf\n',
  'a: .NaN\n',
  'a: !!int abc\n',
  'a: !!null x\n',
  '~: a\n',
  'null: a\n',
  '? [a]\n: b\n',
  '? {a: 1}\n: b\n',
  'a: *nope\n',
  'a: &x [*x]\n',
  '<<: 3\n',
  '<<: null\n',
  'a: "x\n',
  'a: [1,2\n',
  'a: [1,,2]\n',
  'a: b: c\n',
  'a: 1\n b: 2\n',
  'a:\n  - b\n - c\n',
  'a: `x\n',
  'a: @x\n',
  'a: %x\n',
  '\ta: 1\n',
  'a:\n\t- x\n',
  'a:\n  -\tx\n',
  'a: ? x\n',
  'a: ""b\n',
  'a: [b] c\n',
  'a: "\\z"\n',
  'a: b\u0001c\n',
  'a: b\u007fc\n',
  '%YAML 1.2\n---\na: 1\n',
  '%FOO\n---\na: 1\n',
  'a: >x\n  y\n',
]

describe('reading YAML as Helm does', () => {
  let folder: string

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'k8sflow-yaml-'))
    await mkdir(join(folder, 'probe', 'templates'), { recursive: true })
    await writeFile(join(folder, 'probe', 'Chart.yaml'), 'apiVersion: v2\nname: probe\nversion: 0.1.0\n')
    await writeFile(
      join(folder, 'probe', 'templates', 'values.yaml'),
      'read: {{ .Values | toJson | b64enc | quote }}\n',
    )
  })

  after(() => rm(folder, { recursive: true }))

  /** What a helm makes of a values file, or why it refuses it. */
  async function helmReads(program: string, text: string): Promise<{ value: unknown } | { refusal: string }> {
    const file = join(folder, `values-${Math.random().toString(36).slice(2)}.yaml`)
    await writeFile(file, text)
    try {
      const { stdout } = await run(program, ['template', 'x', join(folder, 'probe'), '-f', file])
      const encoded = /read: "([^"]*)"/.exec(stdout)?.[1] ?? ''
      return { value: JSON.parse(Buffer.from(encoded, 'base64').toString('utf8')) }
    } catch (error) {
      return { refusal: (error as { stderr: string }).stderr }
    }
  }

  /** Helm drops what is null on its way to the templates. */
  function withoutNulls(value: unknown): unknown {
    if (Array.isArray(value)) return value.map(withoutNulls)
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(
      Object.entries(value)
        .filter(([, inner]) => inner !== null)
        .map(([key, inner]) => [key, withoutNulls(inner)]),
    )
  }

  it('sees the same scalars, collections, merges and aliases', async () => {
    const text = SCALARS.map((scalar, index) => `k${index}: ${scalar}\n`).join('')
    const { value, errors } = readHelmYaml(text)
    expect(errors).to.deep.equal([])
    for (const { path, version } of await helmBinaries()) {
      const helm = await helmReads(path, text)
      if ('refusal' in helm) throw new Error(helm.refusal)
      const name = (key: string) => `${SCALARS[Number(key.slice(1))] ?? ''} (helm ${version})`
      const read = withoutNulls(value) as Record<string, unknown>
      const expected = withoutNulls(helm.value) as Record<string, unknown>
      for (const key of new Set([...Object.keys(read), ...Object.keys(expected)]))
        expect(read[key], name(key)).to.deep.equal(expected[key])
    }
  })

  for (const text of DOCUMENTS)
    it(`reads ${JSON.stringify(text)} alike`, async () => {
      const { value, errors } = readHelmYaml(text)
      expect(errors).to.deep.equal([])
      for (const { path, version } of await helmBinaries()) {
        const helm = await helmReads(path, text)
        // helm 3 takes the first document for the whole file.
        if (version === 3 && text.startsWith('---\n---')) continue
        expect(helm, `helm ${version}`).to.have.deep.property('value', withoutNulls(value))
      }
    })

  for (const text of REFUSED)
    it(`refuses ${JSON.stringify(text)} alike`, async () => {
      const { errors } = readHelmYaml(text)
      expect(errors).not.to.be.empty
      for (const { path, version } of await helmBinaries())
        expect(await helmReads(path, text), `helm ${version}`).to.have.property('refusal')
    })
})
