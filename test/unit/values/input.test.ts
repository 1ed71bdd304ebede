import { expect } from 'chai'
import fc from 'fast-check'

import { InvalidInputError } from '../../../src/errors.js'
import {
  checkGiven,
  checkInput,
  countriesProblem,
  type InputProblem,
  type RawInput,
} from '../../../src/values/input.js'

const fine: RawInput = { countries: ['it'], project: ['app1'], environment: 'staging' }

async function refusal(raw: RawInput, example?: string): Promise<InvalidInputError> {
  try {
    await checkInput(raw, example)
  } catch (error) {
    if (error instanceof InvalidInputError) return error
    throw error
  }
  throw new Error('it was accepted')
}

const problemsOf = (error: InvalidInputError) => error.data['problems'] as InputProblem[]

describe('checking input', () => {
  it('takes lists with commas, repetition or both, and keeps the order', async () => {
    const checked = await checkInput({ ...fine, countries: ['it,es', 'fr'], project: ['app2', 'app1'] })
    expect(checked).to.deep.equal({
      apps: ['app2', 'app1'],
      environment: 'staging',
      countries: ['it', 'es', 'fr'],
      notes: [],
      warnings: [],
    })
  })

  it('writes codes in lower case and drops repetitions, and says both', async () => {
    const { countries, apps, notes } = await checkInput({
      ...fine,
      countries: ['IT,es,it,Es'],
      project: ['app1,app1'],
    })
    expect(countries).to.deep.equal(['it', 'es'])
    expect(apps).to.deep.equal(['app1'])
    expect(notes).to.have.lengthOf(5)
    expect(notes.join())
      .to.match(/IT is written it/)
      .and.match(/app1 is named more than once/)
  })

  it('warns of codes that ISO 3166 does not assign, and accepts them', async () => {
    const { countries, warnings } = await checkInput({ ...fine, countries: ['it,uk,zz'] })
    expect(countries).to.deep.equal(['it', 'uk', 'zz'])
    expect(warnings).to.have.lengthOf(2)
    expect(warnings[0]).to.match(/^uk .* GB/)
    expect(warnings[1]).to.match(/^zz /)
  })

  for (const countries of [' it', '', 'it,,es', 'ita', 'i1', 'i', 'it ', 'ìt', 'it;es', 'it\n'])
    it(`refuses the country ${JSON.stringify(countries)}`, async () => {
      const error = await refusal({ ...fine, countries: [countries] })
      expect(error.exitCode).to.equal(2)
      expect(error.message).to.match(/^--countries .*two letters/)
    })

  it('refuses every word that is not two letters, whatever stands around it', async () => {
    const wrong = fc
      .string({ maxLength: 6 })
      .filter((text) => !/^[a-z]{2}$/i.test(text) && !text.includes(','))
    await fc.assert(
      fc.asyncProperty(wrong, fc.boolean(), async (text, first) => {
        const error = await refusal({ ...fine, countries: first ? [text, 'it'] : ['it', text] })
        expect(problemsOf(error)).to.have.lengthOf(1)
        expect(problemsOf(error)[0]).to.include({ flag: '--countries', value: text })
        expect(countriesProblem(text)).to.be.a('string')
      }),
    )
  })

  it('names everything that is wrong or missing in one error', async () => {
    const error = await refusal({ countries: ['ita,i1'], project: ['app3,app1'] }, 'k8sflow values …')
    expect(problemsOf(error).map(({ flag, value }) => [flag, value])).to.deep.equal([
      ['--countries', 'ita'],
      ['--countries', 'i1'],
      ['--project', 'app3'],
      ['--environment', undefined],
    ])
    expect(error.message).to.match(/^4 problems:/)
    expect(error.suggestions).to.deep.equal(['For example: k8sflow values …'])
  })

  it('tells missing input from wrong input by its code', async () => {
    expect((await refusal({})).code).to.equal('MISSING_INPUT')
    expect((await refusal({ ...fine, environment: 'prod' })).code).to.equal('INVALID_INPUT')
    expect((await refusal({ ...fine, countries: [] })).code).to.equal('MISSING_INPUT')
  })

  const nearest: [flag: keyof RawInput, value: string, expected: string | undefined][] = [
    ['environment', 'prod', 'production'],
    ['environment', 'Staging', 'staging'],
    ['environment', 'stagin', 'staging'],
    ['environment', 'development', undefined],
    ['environment', '', undefined],
    ['project', 'App1', 'app1'],
    ['project', 'app22', 'app2'],
    ['project', 'app3', undefined],
    ['countries', 'ita', 'it'],
    ['countries', 'spain', 'es'],
    ['countries', 'swe', 'se'],
    ['countries', ' it', 'it'],
    ['countries', 'i1', undefined],
    ['countries', 'xyz', undefined],
  ]
  for (const [flag, value, expected] of nearest)
    it(`takes ${flag} ${JSON.stringify(value)} for ${expected ?? 'nothing'}`, async () => {
      const error = await refusal({ ...fine, [flag]: flag === 'environment' ? value : [value] })
      expect(problemsOf(error)[0]?.nearest).to.equal(expected)
      if (expected !== undefined) expect(error.message).to.include(`did you mean ${expected}`)
    })

  it('checks only what was given when the rest is still to be asked for', async () => {
    await checkGiven({ project: ['app1'] })
    let message = ''
    await checkGiven({ project: ['app1'], environment: 'x' }).catch(
      (error: Error) => (message = error.message),
    )
    expect(message).to.match(/^--environment x/)
  })
})
