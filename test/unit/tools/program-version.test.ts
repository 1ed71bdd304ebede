import { expect } from 'chai'

import { MissingProgramError } from '../../../src/errors.js'
import { checkVersion, type KnownProgram } from '../../../src/tools/program-version.js'

const LOCUST: KnownProgram = { name: 'Locust', oldest: '2.20.0', advice: ['Install Locust.'] }

describe("a program's version", () => {
  const refused = (said: string | undefined, answer: object = {}, known = LOCUST) => {
    const given = { exitCode: 0, stdout: '', stderr: '', ...answer }
    try {
      checkVersion('uvx', given, said, known)
    } catch (error) {
      expect(error).to.be.instanceOf(MissingProgramError).and.deep.include({ suggestions: known.advice })
      return error as MissingProgramError
    }
    throw new Error('it was accepted')
  }

  it('will do from the oldest one on', () => {
    const answer = { exitCode: 0, stdout: '', stderr: '' }
    for (const version of ['2.20.0', '2.47.1', '10.0.0'])
      expect(checkVersion('uvx', answer, version, LOCUST).version).to.equal(version)
  })

  it('is too old below that, which says what will do', () => {
    const error = refused('2.19.9', {}, { ...LOCUST, orElse: ', or any Locust 4' })
    expect(error.code).to.equal('LOCUST_TOO_OLD')
    expect(error.message).to.equal('"uvx" is Locust 2.19.9; k8sflow needs 2.20.0 or newer, or any Locust 4.')
    expect(error.data).to.deep.equal({ program: 'uvx', version: '2.19.9', oldest: '2.20.0' })
  })

  it('is none where the program failed or said something else, and its last words are told', () => {
    const begin = '"uvx" did not say a version of Locust, so k8sflow cannot use it; it printed'
    const message = (...args: Parameters<typeof refused>) => {
      const error = refused(...args)
      expect(error.code).to.equal('LOCUST_UNUSABLE')
      return error.message
    }
    expect(message(undefined)).to.equal(`${begin} nothing.`)
    expect(message('latest', { stdout: 'one\nlatest\n' })).to.equal(`${begin}: latest`)
    const failed = { exitCode: 2, stdout: 'locust 2.47.0', stderr: 'cause\nno network\u001b[2J\n' }
    expect(message('2.47.0', failed)).to.equal(`${begin}: no network�[2J`)
  })
})
