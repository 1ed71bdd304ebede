import type { Config } from '@oclif/core'
import { captureOutput } from '@oclif/test'
import { expect } from 'chai'

import hook from '../../../src/hooks/command-not-found.js'

const config = {
  bin: 'k8sflow',
  commands: [{ id: 'deploy' }, { id: 'status' }, { id: 'menu', hidden: true }],
} as unknown as Config
const call = async (id: string, argv: string[] = []) =>
  captureOutput(async () => hook.call({} as never, { id, argv, config, context: {} as never }))

describe('an unknown command', () => {
  it('names the nearest one, runs nothing, and exits with 2', async () => {
    const { stderr, stdout, error } = await call('depoly')
    expect(stderr).to.include('There is no command "depoly".').and.include('Did you mean: k8sflow deploy')
    expect(stdout).to.equal('')
    expect(error).to.have.nested.property('oclif.exit', 2)
  })

  it('lists the commands when none is near, without the hidden ones', async () => {
    const { stderr } = await call('xyzzy:it', [])
    expect(stderr)
      .to.include('"xyzzy"')
      .and.include('Commands are: deploy, status.')
      .and.not.include('Did you mean')
  })

  it('is an object with --json', async () => {
    const { stdout, stderr } = await call('statsu', ['--json'])
    expect(stderr).to.equal('')
    const { error } = JSON.parse(stdout) as {
      error: { code: string; exit: number; data: { nearest: string } }
    }
    expect(error).to.deep.include({ code: 'UNKNOWN_COMMAND', exit: 2 })
    expect(error.data.nearest).to.equal('status')
  })

  it('is a stray argument where the command itself is known', async () => {
    const { stderr, error } = await call('status:it:es')
    expect(stderr)
      .to.include('k8sflow status takes no argument: it es')
      .and.include('k8sflow status --help')
      .and.not.include('Did you mean')
    expect(error).to.include({ code: 'UNEXPECTED_ARGUMENT' }).and.have.nested.property('oclif.exit', 2)
  })

  it('is looked for among the commands of its topic', async () => {
    const commands = ['gitops', 'gitops:open', 'gitops:status', 'status', 'vpn:add', 'vpn:init']
    const withTopics = { bin: 'k8sflow', commands: commands.map((id) => ({ id })) } as unknown as Config
    const said = async (id: string) =>
      (
        await captureOutput(async () =>
          hook.call({} as never, { id, config: withTopics, context: {} as never }),
        )
      ).stderr
    expect(await said('vpn:ad:anna'))
      .to.include('There is no command "vpn ad"')
      .and.include('Did you mean: k8sflow vpn add')
    expect(await said('gitops:statsu'))
      .to.include('Did you mean: k8sflow gitops status')
      .and.include('Commands are: gitops open, gitops status.')
    expect(await said('vpm')).to.include('Did you mean: k8sflow vpn\n')
    expect(await said('gitops:open:now')).to.include('k8sflow gitops open takes no argument: now')
    expect(await said('status:now')).to.include('k8sflow status takes no argument: now')
  })
})
