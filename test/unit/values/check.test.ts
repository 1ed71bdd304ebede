import { expect } from 'chai'
import fc from 'fast-check'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

import { buildValues, newFile } from '../../../src/values/build.js'
import { checkText, type Problem } from '../../../src/values/check.js'
import { APPS, ENVIRONMENTS } from '../../../src/values/contract.js'
import { schemaCheck } from '../../../src/values/schema.js'

const SCHEMA = fileURLToPath(new URL('../../../helm/values.schema.json', import.meta.url))
const check = schemaCheck(JSON.parse(readFileSync(SCHEMA, 'utf8')) as object)

const problems = async (text: string): Promise<Problem[]> => (await checkText(text, check)).problems

/** The one problem of a text; a second one would be noise. */
async function only(text: string): Promise<Problem> {
  const found = await problems(text)
  expect(found, JSON.stringify(found, undefined, 2)).to.have.lengthOf(1)
  return found[0]!
}

describe('checking values', () => {
  it('accepts whatever k8sflow writes', async () => {
    const input = fc.record({
      apps: fc.uniqueArray(fc.constantFrom(...APPS), { minLength: 1 }),
      environment: fc.constantFrom(...ENVIRONMENTS),
      countries: fc.uniqueArray(fc.stringMatching(/^[a-z]{2}$/), { minLength: 1 }),
    })
    await fc.assert(
      fc.asyncProperty(input, async (wanted) => {
        expect(await problems(newFile(buildValues(wanted)))).to.deep.equal([])
      }),
    )
  })

  it('refuses any country that is not two lower-case letters, at its place', async () => {
    const wrong = fc.string().filter((text) => !/^[a-z]{2}$/.test(text))
    await fc.assert(
      fc.asyncProperty(wrong, fc.nat({ max: 3 }), async (country, before) => {
        const list = ['it', 'es', 'fr'].slice(0, before)
        const text = `secondApp:\n  create: true\n  countries: ${JSON.stringify([...list, country])}\n`
        expect(await only(text)).to.include({ path: `/secondApp/countries/${before}`, line: 3 })
      }),
    )
  })

  it('explains Norway', async () => {
    expect(await only('firstApp:\n  create: true\n  countries:\n    - it\n    - no\n')).to.deep.equal({
      path: '/firstApp/countries/1',
      line: 5,
      column: 7,
      length: 2,
      message: 'countries[1] must be text, this is a boolean',
      hint: 'YAML reads a bare no as false; write "no" in quotes.',
    })
  })

  it('points at an unknown key and suggests the nearest one', async () => {
    const text = 'firstApp:\n  create: true\n  countries: [it]\n  replicass: 2\n'
    expect(await only(text)).to.deep.equal({
      path: '/firstApp/replicass',
      line: 4,
      column: 3,
      length: 9,
      message: 'unknown key replicass',
      hint: 'Did you mean replicas?',
    })
  })

  const cases: [text: string, path: string, message: RegExp, hint: RegExp | undefined, line: number][] = [
    ['firstApp: {create: true}\n', '/firstApp', /countries is missing in firstApp/, undefined, 1],
    ['firstApp: {create: true, countries: []}\n', '/firstApp/countries', /at least one entry/, undefined, 1],
    ['firstApp: {create: true, countries: [it, it]}\n', '/firstApp/countries/1', /repeats "it"/, /once/, 1],
    [
      'firstApp: {create: "true"}\n',
      '/firstApp/create',
      /true or false, this is text/,
      /Remove the quotes/,
      1,
    ],
    [
      'firstApp:\n  env: prod\n',
      '/firstApp/env',
      /production or staging, this is "prod"/,
      /mean production/,
      2,
    ],
    ['firstApp:\n  replicas: 1.5\n', '/firstApp/replicas', /whole number, this is 1\.5/, undefined, 2],
    ['firstApp:\n  replicas: -1\n', '/firstApp/replicas', /at least 0, this is -1/, undefined, 2],
    ['firstApp:\n  image: {tag: 1.0}\n', '/firstApp/image/tag', /must be text, this is 1/, /quotes/, 2],
    ['firstApp:\n  countries: it,es\n', '/firstApp/countries', /must be a list/, /\[it, es\]/, 2],
    ['firstApp:\n  perCountry: {IT: {}}\n', '/firstApp/perCountry/IT', /key "IT"/, /two lower-case/, 2],
    [
      'firstApp:\n  perCountry: {no: {}}\n',
      '/firstApp/perCountry/false',
      /key "false"/,
      /write "no" in quotes/,
      2,
    ],
    ['[1]\n', '', /must be a mapping.*this is a list/, /firstApp/, 1],
    ['a: [1\n', '', /flow sequence/i, undefined, 2],
    ['a: .inf\n', '', /infinity/, undefined, 1],
  ]
  for (const [text, path, message, hint, line] of cases)
    it(`says of ${JSON.stringify(text)} what is wrong, once`, async () => {
      const problem = await only(text)
      expect(problem.path).to.equal(path)
      expect(problem.message).to.match(message)
      if (hint === undefined) expect(problem.hint).to.equal(undefined)
      else expect(problem.hint).to.match(hint)
      expect(problem.line).to.equal(line)
    })

  it('names every problem, in the order of the file', async () => {
    const found = await problems('secondApp:\n  env: x\n  replicas: no\nthird: 1\nfirstApp: 3\n')
    expect(found.map(({ line }) => line)).to.deep.equal([2, 3, 4, 5])
  })

  it('finds the place of what a merge brought in', async () => {
    const text = 'global: &base\n  env: prod\nfirstApp:\n  <<: *base\n  create: false\n'
    expect(await only(text)).to.include({ path: '/firstApp/env', line: 2, column: 8 })
  })

  it('warns of what helm takes silently', async () => {
    const { problems: none, warnings } = await checkText(
      'firstApp: {env: staging, env: production}\n---\nsecondApp: {}\n',
      check,
    )
    expect(none).to.deep.equal([])
    expect(warnings.map(({ line, column }) => [line, column])).to.deep.equal([
      [1, 26],
      [2, 1],
    ])
  })

  it('never throws, and always finds a place inside the file', async () => {
    const token = fc.constantFrom(
      'firstApp:',
      '\n  ',
      '\n',
      '- ',
      ': ',
      '[',
      ']',
      '{',
      '}',
      '&a ',
      '*a',
      'no',
      '"',
      '#',
      '|',
      '<<: ',
      '!t ',
      '\t',
      '---\n',
      '%Y',
      '\u0000',
      '? ',
      '~',
      ',',
    )
    await fc.assert(
      fc.asyncProperty(
        fc.array(token).map((tokens) => tokens.join('')),
        async (text) => {
          const lines = text.split('\n').length
          for (const problem of await problems(text)) {
            expect(problem.line).to.be.within(1, lines)
            expect(problem.column).to.be.greaterThan(0)
            expect(problem.message).not.to.equal('')
          }
        },
      ),
      { numRuns: 500 },
    )
  })

  it('gives up on aliases that multiply without end', async () => {
    const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]']
    for (let level = 1; level < 9; level++)
      lines.push(
        `a${level}: &a${level} [${Array(10)
          .fill(`*a${level - 1}`)
          .join(', ')}]`,
      )
    expect((await problems(lines.join('\n'))).map(({ message }) => message).join()).to.match(/too large/)
  })
})
