import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { expect } from 'chai'

import { valuesFilesIn } from '../../../src/services/menu.js'

describe('the values files of a folder', () => {
  it('are those k8sflow and the tool before it write', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'k8sflow-menu-'))
    const names = [
      'app2-staging.yml',
      'app1-production.yaml',
      'app1.yml',
      'app3.yml',
      'app1-test.yml',
      'x.yml',
    ]
    for (const name of names) await writeFile(join(folder, name), '')
    expect(await valuesFilesIn(folder)).to.deep.equal([
      'app1-production.yaml',
      'app1.yml',
      'app2-staging.yml',
    ])
    await rm(folder, { recursive: true })
    expect(await valuesFilesIn(folder)).to.deep.equal([])
  })
})
