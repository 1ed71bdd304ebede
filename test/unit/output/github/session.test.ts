import { captureOutput } from '@oclif/test'
import { expect } from 'chai'

import { FailedError } from '../../../../src/errors.js'
import type { Progress } from '../../../../src/progress.js'
import { GithubSession } from '../../../../src/output/github/session.js'
import { commandsIn } from './runner.js'

describe('a run in GitHub Actions', () => {
  const during = async (work: (session: GithubSession) => Promise<void>) => {
    const { stderr, error } = await captureOutput(async () => work(new GithubSession('k8sflow test')))
    if (error) throw error
    return commandsIn(stderr).map(({ name, data }) => `${name}: ${data}`)
  }
  const failure = new FailedError('It failed.', { code: 'FAILED' })

  it('says once why it failed: in the report, or else as the error that ended it', async () => {
    const annotations = (level: 'error' | 'warning') => [{ level, message: 'seen' }]
    expect(
      await during(async (session) => {
        await session.report(() => ({ annotations: annotations('error') }))
        await session.fail(failure)
      }),
    ).to.deep.equal(['error: seen'])
    expect(
      await during(async (session) => {
        await session.report(() => ({ annotations: annotations('warning') }))
        await session.fail(failure)
      }),
    ).to.deep.equal(['warning: seen', 'error: It failed.'])
  })

  it('reports warnings among the steps, once, and passes every step on', async () => {
    let passed = 0
    const progress: Progress = () => (passed += 1)
    expect(
      await during(async (session) => {
        const watched = session.watch(progress)
        watched({ kind: 'step', state: 'warning', subject: 'app1/it', text: 'is slow' })
        watched({ kind: 'step', state: 'note', text: 'no matter' })
        await session.report(() => ({ annotations: [] }))
        await session.report(() => ({ annotations: [] }))
      }),
    ).to.deep.equal(['warning: app1/it is slow'])
    expect(passed).to.equal(2)
  })

  it('goes on where a report cannot be made', async () => {
    expect(
      await during(async (session) => session.report(async () => Promise.reject(new Error('broken')))),
    ).to.deep.equal(['warning: No report for GitHub: broken'])
  })
})
