import { expect } from 'chai'

import { canPrompt } from '../../../src/prompts/terminal.js'

const terminal = { stdin: { isTTY: true }, stdout: { isTTY: true }, env: {} }

describe('canPrompt', () => {
  it('holds when stdin and stdout are terminals', () => {
    expect(canPrompt(terminal)).to.be.true
    expect(canPrompt({ ...terminal, stdin: {} })).to.be.false
    expect(canPrompt({ ...terminal, stdout: {} })).to.be.false
  })

  it('does not hold with --json, --yes or in CI', () => {
    expect(canPrompt({ ...terminal, json: true })).to.be.false
    expect(canPrompt({ ...terminal, yes: true })).to.be.false
    for (const CI of ['true', '1', 'woodpecker']) expect(canPrompt({ ...terminal, env: { CI } })).to.be.false
    for (const CI of ['', 'false', '0']) expect(canPrompt({ ...terminal, env: { CI } })).to.be.true
  })
})
