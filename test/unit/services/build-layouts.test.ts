import { expect } from 'chai'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

import type { InvalidInputError } from '../../../src/errors.js'
import { finishLayouts, prepareLayouts } from '../../../src/services/build-layouts.js'

const APPS = ['app1', 'app2'] as const

describe('folders of OCI layouts', () => {
  let folder: string
  beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), 'k8sflow-layouts-'))))
  afterEach(async () => rm(folder, { recursive: true }))

  const out = (...parts: string[]) => join(folder, 'out', ...parts)
  const file = async (path: string, text = '') => {
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, text)
  }
  const refusal = async (place: string) =>
    prepareLayouts(place, APPS).then(
      () => expect.fail('it was accepted'),
      (error: unknown) => error as InvalidInputError,
    )

  it('are made, and may be there already, empty or with older layouts', async () => {
    await prepareLayouts(out('deep', 'er'), APPS)
    await prepareLayouts(out('deep', 'er'), APPS)
    await mkdir(out('app1'), { recursive: true })
    await file(out('app2', 'oci-layout'))
    await prepareLayouts(out(), APPS)
    expect((await readdir(out())).sort()).to.deep.equal(['app1', 'app2', 'deep'])
  })

  it('hold nothing else that would be lost', async () => {
    await file(out('app2', 'thesis.odt'))
    const error = await refusal(out())
    expect(error).to.include({ code: 'NOT_A_LAYOUT', exitCode: 2 })
    expect(error.message).to.include(out('app2'))
    await rm(out('app2'), { recursive: true })
    await file(out('app1'))
    expect((await refusal(out())).code).to.equal('NOT_A_LAYOUT')
    expect(await readdir(out())).to.deep.equal(['app1'])
  })

  it('cannot be where a file is', async () => {
    await file(out())
    for (const place of [out(), out('below')]) {
      const error = await refusal(place)
      expect(error).to.include({ code: 'NOT_WRITABLE', exitCode: 2 })
      expect(error.message).to.include(place)
    }
  })

  it('get the new layouts and keep nothing of older ones', async () => {
    const scratch = join(folder, 'scratch')
    for (const app of APPS) {
      await file(join(scratch, app, 'oci-layout'), 'new')
      await mkdir(join(scratch, app, 'ingest'))
    }
    await file(out('app1', 'oci-layout'), 'old')
    await file(out('app1', 'blobs', 'sha256', 'old'))
    await file(out('other'), 'stays')
    await finishLayouts(out(), APPS, scratch)
    expect((await readdir(out(), { recursive: true })).sort()).to.deep.equal([
      'app1',
      'app1/oci-layout',
      'app2',
      'app2/oci-layout',
      'other',
    ])
    expect(await readFile(out('app1', 'oci-layout'), 'utf8')).to.equal('new')
  })
})
