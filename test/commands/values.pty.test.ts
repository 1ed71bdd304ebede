import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { expect } from 'chai'

import { KEYS, startInTerminal } from './terminal.js'

const { ctrlC, down, enter, space } = KEYS

describe('k8sflow values at a terminal', () => {
  let folder: string

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'k8sflow-pty-'))
  })

  afterEach(() => rm(folder, { recursive: true }))

  it('asks for everything, in order, and writes the file', async () => {
    const terminal = startInTerminal(['values'], folder)
    await terminal.until('Which app?')
    terminal.press(down, space, enter)
    await terminal.until('Which environment?')
    terminal.press(enter)
    await terminal.until('Which countries?')
    terminal.press('it, NO', enter)
    expect(await terminal.end()).to.deep.equal({ exitCode: 0, restored: true })
    expect(terminal.text()).to.include('app2-staging.yml created')
    expect(await readFile(join(folder, 'app2-staging.yml'), 'utf8')).to.equal(
      'secondApp:\n  create: true\n  appName: app2\n  env: staging\n  countries:\n    - it\n    - "no"\n',
    )
  })

  it('asks only for what was left out', async () => {
    const terminal = startInTerminal(['values', '-c', 'it', '-p', 'app1'], folder)
    await terminal.until('Which environment?')
    terminal.press(down, enter)
    expect(await terminal.end()).to.deep.equal({ exitCode: 0, restored: true })
    expect(terminal.text()).not.to.match(/Which app|Which countries/)
    expect(existsSync(join(folder, 'app1-production.yml'))).to.be.true
  })

  it('takes both apps, and says why countries are wrong until they are right', async () => {
    const terminal = startInTerminal(['values', '-e', 'staging'], folder)
    await terminal.until('Which app?')
    terminal.press(enter)
    await terminal.until('At least one')
    terminal.press(space, down, space, enter)
    await terminal.until('Which countries?')
    terminal.press('ita', enter)
    await terminal.until('a country is two letters')
    terminal.press('\u007f', enter)
    expect(await terminal.end()).to.deep.equal({ exitCode: 0, restored: true })
    expect((await readdir(folder)).sort()).to.deep.equal(['app1-staging.yml', 'app2-staging.yml'])
  })

  it('says what is wrong before it asks anything', async () => {
    const terminal = startInTerminal(['values', '-c', 'ita'], folder)
    expect(await terminal.end()).to.deep.equal({ exitCode: 2, restored: true })
    expect(terminal.text()).to.include('--countries ita').and.not.to.include('Which app?')
  })

  const prompts: [name: string, argv: string[], until: string][] = [
    ['the app', ['values'], 'Which app?'],
    ['the environment', ['values', '-p', 'app1'], 'Which environment?'],
    ['the countries', ['values', '-p', 'app1', '-e', 'staging'], 'Which countries?'],
  ]
  for (const [name, argv, until] of prompts)
    it(`leaves cleanly on Ctrl-C at the question for ${name}`, async () => {
      const terminal = startInTerminal(argv, folder)
      await terminal.until(until)
      terminal.press(ctrlC)
      expect(await terminal.end()).to.deep.equal({ exitCode: 130, restored: true })
      expect(terminal.text())
        .to.include('Cancelled; nothing was changed.')
        .and.not.to.match(/ at .*\.js/)
      expect(await readdir(folder)).to.deep.equal([])
    })

  for (const [name, argv, env] of [
    ['with --yes', ['values', '--yes'], {}],
    ['with --json', ['values', '--json'], {}],
    ['in CI', ['values'], { CI: 'true' }],
  ] as const)
    it(`never asks ${name}`, async () => {
      const terminal = startInTerminal(argv, folder, env)
      expect(await terminal.end()).to.deep.equal({ exitCode: 2, restored: true })
      expect(terminal.text())
        .to.match(/--countries is missing/)
        .and.not.to.include('Which')
    })
})
