import { expect } from 'chai'

import { errorText } from '../../../src/output/error-text.js'
import { stepReporter } from '../../../src/output/steps.js'
import { table } from '../../../src/output/table.js'
import type { ProgressEvent, StepState } from '../../../src/progress.js'

describe('progress on stderr', () => {
  const shown = (showCommands: boolean, ...events: ProgressEvent[]) => {
    let text = ''
    const report = stepReporter({ write: (more) => (text += more), showCommands })
    for (const event of events) report(event)
    return text
  }

  it('is one line per change, each state with a sign of its own', () => {
    const states: StepState[] = ['start', 'progress', 'done', 'failed', 'warning', 'note']
    const lines = states
      .map((state) => shown(false, { kind: 'step', state, text: 'x' }))
      .map((line) => /^(\S) x\n$/.exec(line)?.[1])
    expect(new Set(lines).size).to.equal(states.length)
    expect(lines).to.not.include(undefined)
  })

  it('names the subject before the text', () => {
    expect(shown(false, { kind: 'step', state: 'done', subject: 'app1/it', text: 'is up' })).to.equal(
      '✔ app1/it is up\n',
    )
  })

  it('shows commands only when asked', () => {
    const event: ProgressEvent = { kind: 'command', line: 'helm list' }
    expect(shown(true, event)).to.equal('$ helm list\n')
    expect(shown(false, event)).to.equal('')
  })

  it('indents lines under their title', () => {
    expect(shown(false, { kind: 'lines', title: 'Log:', lines: ['a', '', 'b'] })).to.equal(
      'Log:\n  a\n  \n  b\n',
    )
  })
})

describe('an error as text', () => {
  const context = { bin: 'k8sflow', command: 'deploy' }

  it('says what happened and what to do next', () => {
    const error = { message: 'No.', suggestions: ['Do this.', 'Or that.'] }
    expect(errorText(error, context)).to.equal('Error: No.\n→ Do this.\n→ Or that.\n')
    expect(errorText({ message: 'No.', suggestions: [] }, context)).to.equal('Error: No.\n')
  })

  it('points to help where nothing better is known', () => {
    expect(errorText({ message: 'No.' }, context)).to.include('→ Run k8sflow deploy --help')
    expect(errorText({ message: 'No.' }, { bin: 'k8sflow', command: undefined })).to.include(
      '→ Run k8sflow --help',
    )
  })

  it('does not call it an error when somebody interrupted the run', () => {
    const error = { message: 'Interrupted.', suggestions: [], exitCode: 130 }
    expect(errorText(error, context)).to.equal('Interrupted.\n')
  })
})

describe('a table', () => {
  it('has columns two spaces apart, as wide as what is in them, and no blanks at line ends', async () => {
    const text = await table(
      ['APP', 'COUNTRY'],
      [
        ['application', 'it'],
        ['b', 'è'],
      ],
    )
    expect(text).to.equal('APP          COUNTRY\napplication  it\nb            è')
  })

  it('is its headings where there are no rows', async () => {
    expect(await table(['APP', 'COUNTRY'], [])).to.equal('APP  COUNTRY')
  })
})
