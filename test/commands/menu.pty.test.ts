import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { expect } from 'chai'

import { KEYS, startInTerminal, type Terminal } from './terminal.js'

const { ctrlC, down, enter, space, up } = KEYS

describe('k8sflow alone at a terminal', () => {
  let folder: string

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'k8sflow-menu-'))
  })

  afterEach(() => rm(folder, { recursive: true }))

  it('leads through generating values, and shows the command line for it', async () => {
    const terminal = startInTerminal([], folder)
    await terminal.until('What do you want to do?')
    terminal.press(enter)
    await terminal.until('Which app?')
    terminal.press(space, enter)
    await terminal.until('Which environment?')
    terminal.press(enter)
    await terminal.until('Which countries?')
    terminal.press('it es', enter)
    await terminal.until('$ k8sflow values -c it,es -p app1 -e staging')
    expect(await terminal.end()).to.deep.equal({ exitCode: 0, restored: true })
    expect(await readdir(folder)).to.deep.equal(['app1-staging.yml'])
  })

  it('leaves when there is nothing to do', async () => {
    const terminal = startInTerminal([], folder)
    await terminal.until('What do you want to do?')
    terminal.press(down, down, down, down, down, down, enter)
    expect(await terminal.end()).to.deep.equal({ exitCode: 0, restored: true })
    expect(terminal.text()).not.to.include('$ k8sflow')
  })

  it('does not go round the ends of a list', async () => {
    const terminal = startInTerminal([], folder)
    await terminal.until('What do you want to do?')
    terminal.press(up, enter)
    await terminal.until('Which app?')
    terminal.press(ctrlC)
    expect((await terminal.end()).exitCode).to.equal(130)
  })

  it('shows the error of the command it runs once, and ends as that does', async () => {
    const terminal = startInTerminal([], folder, {
      KUBECONFIG: join(folder, 'none'),
      K8SFLOW_HELM: join(folder, 'no-helm'),
    })
    await terminal.until('What do you want to do?')
    terminal.press(down, down, down, down, enter)
    await terminal.until('$ k8sflow status')
    const { exitCode, restored } = await terminal.end()
    expect([4, 5]).to.include(exitCode)
    expect(restored).to.be.true
    expect(terminal.text().match(/Error:/g)).to.have.lengthOf(1)
  })

  const open = async (terminal: Terminal, question: string, ...keys: string[]) => {
    await terminal.until(question)
    terminal.press(...keys)
  }
  const paths: [name: string, (terminal: Terminal) => Promise<void>][] = [
    ['the first question', (terminal) => open(terminal, 'What do you want to do?', ctrlC)],
    [
      'the question for a file',
      async (terminal) => {
        await open(terminal, 'What do you want to do?', down, enter)
        await open(terminal, 'What is to be deployed?')
        await open(terminal, 'app2-staging.yml', ctrlC)
      },
    ],
    [
      'the questions for a deployment without a file',
      async (terminal) => {
        await open(terminal, 'What do you want to do?', down, enter)
        await open(terminal, 'What is to be deployed?', down, enter)
        await open(terminal, 'Which app?', ctrlC)
      },
    ],
    [
      'the question for what to undo',
      async (terminal) => {
        await open(terminal, 'What do you want to do?', down, down, down, down, down, enter)
        await open(terminal, 'What is to be undone?', ctrlC)
      },
    ],
    [
      'the question for the app to undo',
      async (terminal) => {
        await open(terminal, 'What do you want to do?', down, down, down, down, down, enter)
        await open(terminal, 'What is to be undone?', down, enter)
        await open(terminal, 'Of which app?', ctrlC)
      },
    ],
  ]
  for (const [name, walk] of paths)
    it(`leaves cleanly on Ctrl-C at ${name}`, async () => {
      await writeFile(join(folder, 'app2-staging.yml'), '# mine\n')
      const terminal = startInTerminal([], folder)
      await walk(terminal)
      expect(await terminal.end()).to.deep.equal({ exitCode: 130, restored: true })
      expect(terminal.text()).to.include('Cancelled; nothing was changed.').and.not.to.include('$ k8sflow')
      expect(await readdir(folder)).to.deep.equal(['app2-staging.yml'])
    })
})
