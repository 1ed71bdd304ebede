import { expect } from 'chai'
import { readFile } from 'node:fs/promises'

import { lookUp } from '../../../src/tools/host-lookup.js'
import { systemHostsFile } from '../../../src/tools/hosts-path.js'

describe('looking up a name', () => {
  it('says where the hosts file of this machine has it', async function () {
    const file = systemHostsFile()
    const lines = (await readFile(file, 'latin1')).split('\n')
    const line = 1 + lines.findIndex((text) => /^127\.0\.0\.1\s(.*\s)?localhost(\s|$)/.test(text))
    if (line === 0) this.skip()
    const found = await lookUp('localhost', { timeoutMs: 15_000, alsoDns: false })
    expect(found.addresses).to.include('127.0.0.1')
    expect(found.hostsFile).to.deep.include({ file, line, address: '127.0.0.1' })
    expect(found).not.to.have.property('problem')
  })

  it('says why there is no address, without throwing', async () => {
    const found = await lookUp('a..b', { timeoutMs: 15_000, alsoDns: true })
    expect(found).to.deep.include({ addresses: [], hostsFile: [] })
    expect(found.problem).to.match(/^E/)
  })
})
