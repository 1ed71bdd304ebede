import { readdirSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { expect } from 'chai'

import { validate } from '../../src/services/validate.js'
import { CHART, FIXTURES, helm } from './chart-render.js'
import { helmBinaries } from './helm-binaries.js'

/*
 * `k8sflow validate` and `helm lint` say the same of every file of the corpus. That helm's own verdict is the one the
 * folder promises is for chart-corpus.test.ts.
 */

const schemaFile = join(CHART, 'values.schema.json')
const files = ['valid', 'invalid'].flatMap((folder) =>
  readdirSync(join(FIXTURES, folder)).map((name) => join(folder, name)),
)

describe('validate and helm lint', () => {
  it('have a corpus to agree on', () => {
    expect(files.length).to.be.greaterThan(80)
  })

  for (const name of files) {
    it(`agree on ${name}`, async () => {
      const path = join(FIXTURES, name)
      const {
        valid,
        files: [file],
      } = await validate({ files: [path], schemaFile })
      const verdicts = await Promise.all(
        (await helmBinaries()).map(async ({ version, path: program }) => {
          const { code, stdout, stderr } = await helm(program, ['lint', CHART, '-f', path])
          return { version, accepted: code === 0, text: stdout + stderr }
        }),
      )
      for (const { version, accepted, text } of verdicts)
        expect(valid, `helm ${version} says: ${text}`).to.equal(accepted)
      for (const problem of file!.problems) {
        expect(problem.line, problem.message).to.be.greaterThan(0)
        expect(problem.column, problem.message).to.be.greaterThan(0)
      }
    })
  }

  for (const name of files.filter((file) => file.startsWith('invalid'))) {
    it(`${name}: the place named is the one its first line expects`, async () => {
      const path = join(FIXTURES, name)
      const expected = /^# expect: (\S+)/.exec(await readFile(path, 'utf8'))?.[1]
      const {
        files: [file],
      } = await validate({ files: [path], schemaFile })
      if (expected?.startsWith('/') === true)
        expect(file!.problems.map(({ path: pointer }) => pointer).join(' ')).to.include(expected)
      else expect(file!.problems).not.to.be.empty
    })
  }
})
