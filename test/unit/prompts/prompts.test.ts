import { expect } from 'chai'
import type Inquirer from 'inquirer'

import { InterruptedError, InvalidInputError } from '../../../src/errors.js'
import { askMissing } from '../../../src/prompts/ask-missing.js'
import { ask } from '../../../src/prompts/ask.js'
import { choose } from '../../../src/prompts/choose.js'
import { confirm } from '../../../src/prompts/confirm.js'
import { askCommand } from '../../../src/prompts/menu.js'

interface Question {
  message: string
  choices?: readonly (string | { name: string; value: unknown })[]
  validate?: (typed: string) => string | true
}

const terminal = { stdin: { isTTY: true }, stdout: { isTTY: true }, env: {} }

/** The very inquirer that src/prompts uses; the loader of the tests may hold another one for imports of theirs. */
let inquirer: typeof Inquirer

before(async () => {
  inquirer = await ask(async (own) => own)
})

/** Answers questions in this process, in order: a choice by its name or the start of it, anything else as it is. */
function answer(...answers: readonly unknown[]): { asked: string[] } {
  const left = [...answers]
  const asked: string[] = []
  const prompt = async (question: Question): Promise<unknown> => {
    asked.push(question.message)
    const next = left.shift()
    if (next instanceof Error) throw next
    if (typeof next !== 'string') return next
    const named = (question.choices ?? []).find((choice) =>
      (typeof choice === 'string' ? choice : choice.name).startsWith(next),
    )
    if (question.choices !== undefined && named === undefined) throw new Error(`There is no ${next}.`)
    return named === undefined || typeof named === 'string' ? next : named.value
  }
  for (const type of ['select', 'checkbox', 'input', 'confirm'])
    inquirer.registerPrompt(type, prompt as unknown as Parameters<typeof inquirer.registerPrompt>[1])
  return { asked }
}

const ctrlC = Object.assign(new Error('closed'), { name: 'ExitPromptError' })

describe('questions', () => {
  afterEach(() => inquirer.restoreDefaultPrompts())

  it('gives back yes and no', async () => {
    answer(true, false)
    expect(await confirm('Deploy?')).to.be.true
    expect(await confirm('Deploy?')).to.be.false
  })

  it('gives back the value of a choice', async () => {
    answer('second')
    const second: object = { any: 'value' }
    expect(
      await choose('Which?', [
        { name: 'first', value: {} },
        { name: 'second', value: second },
      ]),
    ).to.equal(second)
  })

  for (const [name, question] of [
    ['confirm', () => confirm('Deploy?')],
    ['choose', () => choose('Which?', [{ name: 'a', value: 1 }])],
    ['askMissing', () => askMissing({}, '', terminal)],
    ['askCommand', () => askCommand([])],
  ] as const)
    it(`${name} ends with 130 on Ctrl-C`, async () => {
      answer(ctrlC)
      let error: unknown
      await question().catch((caught: unknown) => (error = caught))
      expect(error).to.be.instanceOf(InterruptedError).and.have.property('exitCode', 130)
    })

  it('lets other errors through', async () => {
    answer(new Error('broken'))
    let error: Error | undefined
    await confirm('Deploy?').catch((caught: Error) => (error = caught))
    expect(error?.message).to.equal('broken')
  })
})

describe('asking for what is missing', () => {
  afterEach(() => inquirer.restoreDefaultPrompts())

  it('asks for the missing alone', async () => {
    const { asked } = answer('it es')
    const input = await askMissing({ project: ['app1'], environment: 'staging' }, '', terminal)
    expect(asked).to.have.lengthOf(1)
    expect(input).to.deep.include({ apps: ['app1'], environment: 'staging', countries: ['it', 'es'] })
  })

  it('asks nothing when all is given, and where nobody can answer', async () => {
    const { asked } = answer()
    await askMissing({ project: ['app1'], environment: 'staging', countries: ['it'] }, '', terminal)
    for (const conditions of [
      { ...terminal, stdin: {} },
      { ...terminal, json: true },
      { ...terminal, yes: true },
    ]) {
      let error: unknown
      await askMissing({}, 'k8sflow …', conditions).catch((caught: unknown) => (error = caught))
      expect(error)
        .to.be.instanceOf(InvalidInputError)
        .and.have.deep.property('suggestions', ['For example: k8sflow …'])
    }
    expect(asked).to.deep.equal([])
  })

  it('says what is wrong before it asks', async () => {
    const { asked } = answer()
    let error: Error | undefined
    await askMissing({ countries: ['ita'] }, '', terminal).catch((caught: Error) => (error = caught))
    expect(error?.message).to.match(/^--countries ita/)
    expect(asked).to.deep.equal([])
  })
})

describe('the menu', () => {
  afterEach(() => inquirer.restoreDefaultPrompts())

  const walks: [answers: unknown[], files: string[], expected: unknown][] = [
    [
      ['Generate', ['app1', 'app2'], 'staging', 'it,es'],
      [],
      ['values', '-c', 'it,es', '-p', 'app1,app2', '-e', 'staging'],
    ],
    [['Deploy', ['app1'], 'production', 'it'], [], ['deploy', '-c', 'it', '-p', 'app1', '-e', 'production']],
    [['Deploy', 'app2.yml'], ['app2.yml'], ['deploy', '-f', 'app2.yml']],
    [
      ['Deploy', 'app1-staging.yml and app2-staging.yml'],
      ['app1-staging.yml', 'app2-production.yml', 'app2-staging.yml'],
      ['deploy', '-f', 'app1-staging.yml', '-f', 'app2-staging.yml'],
    ],
    [
      ['Deploy', 'Something', ['app2'], 'staging', 'no'],
      ['app1.yml'],
      ['deploy', '-c', 'no', '-p', 'app2', '-e', 'staging'],
    ],
    [['Build', 'both', 'Into'], [], ['build', '--load']],
    [['Build', 'app2', 'To'], [], ['build', '-p', 'app2', '--push']],
    [['Scan'], [], ['scan']],
    [['See'], [], ['status']],
    [['Undo', 'The last', 'app1'], [], ['rollback', '-p', 'app1']],
    [['Undo', 'The app', 'app2'], [], ['uninstall', '-p', 'app2']],
    [['Nothing'], [], undefined],
  ]
  for (const [answers, files, expected] of walks)
    it(`leads ${JSON.stringify(answers)} to ${JSON.stringify(expected)}`, async () => {
      answer(...answers)
      const chosen = await askCommand(files)
      expect(chosen && [chosen.id, ...chosen.argv]).to.deep.equal(expected)
    })
})

describe('--no-color', () => {
  it('reaches the questions as NO_COLOR', async () => {
    const before = { argv: process.argv, noColor: process.env['NO_COLOR'] }
    delete process.env['NO_COLOR']
    try {
      process.argv = ['node', 'k8sflow', 'values']
      expect(await ask(async () => process.env['NO_COLOR'])).to.equal(undefined)
      process.argv = ['node', 'k8sflow', 'values', '--no-color']
      expect(await ask(async () => process.env['NO_COLOR'])).to.equal('1')
    } finally {
      process.argv = before.argv
      if (before.noColor === undefined) delete process.env['NO_COLOR']
      else process.env['NO_COLOR'] = before.noColor
    }
  })
})
