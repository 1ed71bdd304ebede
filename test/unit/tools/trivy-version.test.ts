import { expect } from 'chai'

import { MissingProgramError } from '../../../src/errors.js'
import { readTrivyVersion } from '../../../src/tools/trivy-version.js'
import { type Answer, FakeRunner } from './fake-runner.js'

const said = (version: string): Answer => ({ stdout: `{"Version":"${version}"}\n` })

async function failure(answer: Answer | (() => never)): Promise<MissingProgramError> {
  const runner = new FakeRunner(() => (typeof answer === 'function' ? answer() : answer))
  try {
    await readTrivyVersion(runner, 'trivy')
  } catch (error) {
    return error as MissingProgramError
  }
  throw new Error('it was accepted')
}

describe('the version of trivy', () => {
  for (const version of ['0.55.0', '0.69.3', '0.70.0', '0.76.0', '1.0.0', 'dev'])
    it(`accepts ${version}`, async () => {
      expect(await readTrivyVersion(new FakeRunner(() => said(version)), 'trivy')).to.equal(version)
    })

  it('reads it beside what trivy knows of its database', async () => {
    const stdout = '{"Version":"0.74.0","VulnerabilityDB":{"Version":2,"NextUpdate":"2026-11-25T00:00:00Z"}}'
    expect(await readTrivyVersion(new FakeRunner(() => ({ stdout })), 'trivy')).to.equal('0.74.0')
  })

  for (const version of ['0.69.4', '0.69.5', '0.69.6', 'v0.69.4'])
    it(`refuses ${version} by name, and says why`, async () => {
      const error = await failure(said(version))
      expect(error).to.be.instanceOf(MissingProgramError)
      expect(error.code).to.equal('TRIVY_MALICIOUS')
      expect(error.message).to.match(/trivy 0\.69\.[456], which an attacker published/)
      expect(error.suggestions.join(' ')).to.match(/replace every secret/)
    })

  it('refuses one that is too old', async () => {
    const error = await failure(said('0.54.1'))
    expect(error.code).to.equal('TRIVY_TOO_OLD')
    expect(error.message).to.match(/is trivy 0\.54\.1; k8sflow needs 0\.55\.0/)
    expect(error.exitCode).to.equal(4)
  })

  const unusable: [string, Answer][] = [
    ['prints something else', { stdout: 'hello' }],
    ['prints other JSON', { stdout: '[]' }],
    ['has no version', { stdout: '{"Version":"latest"}' }],
    ['fails', { exitCode: 1, stdout: '{"Version":"0.74.0"}' }],
  ]
  for (const [what, answer] of unusable)
    it(`refuses a program that ${what}`, async () => {
      expect((await failure(answer)).code).to.equal('TRIVY_UNUSABLE')
    })

  it('says how to get trivy when there is none', async () => {
    const error = await failure(() => {
      throw new MissingProgramError('trivy was not found.', { code: 'PROGRAM_NOT_FOUND' })
    })
    expect(error.code).to.equal('TRIVY_NOT_FOUND')
    expect(error.suggestions.join(' ')).to.match(/Install trivy.*K8SFLOW_TRIVY/)
  })
})
