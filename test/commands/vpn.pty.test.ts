import { expect } from 'chai'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { KEYS, startInTerminal } from './terminal.js'

const { ctrlC, enter } = KEYS
const BACKSPACE = '\u007f'

describe('k8sflow vpn at a terminal', () => {
  let folder: string
  let dir: string
  const start = (...argv: string[]) =>
    startInTerminal(['vpn', ...argv, '--dir', dir], folder, { GIT_CEILING_DIRECTORIES: folder })
  const init = () =>
    start('init', '--server', 'home.example.org', '--route', '192.168.1.10/32', '--passphrase')

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'k8sflow-pty-'))
    dir = join(folder, 'vpn')
  })
  afterEach(() => rm(folder, { recursive: true }))

  it('asks for a new passphrase twice and for a known one once, and never shows it', async () => {
    const made = init()
    await made.until('New passphrase')
    made.press(enter)
    await made.until('at least one character')
    made.press('horse', enter)
    await made.until('The same again')
    made.press('horsf', enter)
    await made.until('not the same')
    made.press(BACKSPACE, 'e', enter)
    expect(await made.end()).to.deep.equal({ exitCode: 0, restored: true })
    expect(made.text()).to.include('with a passphrase').and.not.include('hors')
    expect(await readFile(join(dir, 'ca.key'), 'utf8')).to.include('ENCRYPTED')

    const added = start('add', 'ann')
    await added.until("Passphrase of the authority's key")
    added.press('horse', enter)
    expect(await added.end()).to.deep.equal({ exitCode: 0, restored: true })
    expect(await readdir(join(dir, 'users'))).to.deep.equal(['ann.ovpn'])
  })

  it('makes nothing when it is left at the question', async () => {
    const terminal = init()
    await terminal.until('New passphrase')
    terminal.press(ctrlC)
    expect(await terminal.end()).to.deep.equal({ exitCode: 130, restored: true })
    expect(existsSync(dir)).to.equal(false)
  })
})
