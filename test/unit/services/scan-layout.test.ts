import { readFileSync } from 'node:fs'
import { readFile, readlink } from 'node:fs/promises'
import { join } from 'node:path'

import { expect } from 'chai'

import { layoutsIn, readLayout, writeSingleImageLayout } from '../../../src/services/scan-layout.js'
import { inFolder } from './in-folder.js'
import { layoutFiles } from './oci-layout-files.js'

const BOTH = ['linux/amd64', 'linux/arm64/v8']

describe('OCI layout folders', () => {
  it('are found by themselves, or one for each app', async () => {
    const files = {
      ...layoutFiles('out/app1', BOTH),
      ...layoutFiles('out/app2', BOTH),
      'out/readme': '',
      'empty/x': '',
    }
    await inFolder(files, async () => {
      expect(await layoutsIn('out/app1')).to.deep.equal(['out/app1'])
      expect(await layoutsIn('out')).to.deep.equal([join('out', 'app1'), join('out', 'app2')])
      for (const path of ['empty', 'missing', 'out/readme']) expect(await layoutsIn(path)).to.equal(undefined)
    })
  })

  it('give the digest of the image, and each platform but the attestations', async () => {
    await inFolder(layoutFiles('app1', BOTH), async () => {
      const { digest, images } = await readLayout('app1')
      const [top] = (
        JSON.parse(readFileSync('app1/index.json', 'utf8')) as { manifests: { digest: string }[] }
      ).manifests
      expect(digest).to.equal(top?.digest)
      expect(images.map(({ platform }) => platform)).to.deep.equal(['linux/amd64', 'linux/arm64'])
      expect(new Set([digest, ...images.map((image) => image.digest)])).to.have.lengthOf(3)
    })
  })

  it('become one that holds a single image, without copying blobs', async () => {
    await inFolder(layoutFiles('app1', BOTH), async (folder) => {
      const { images } = await readLayout('app1')
      const digest = images[1]?.digest ?? ''
      await writeSingleImageLayout('app1', digest, 'single')
      expect(await readlink('single/blobs')).to.equal(join(folder, 'app1', 'blobs'))
      const single = await readLayout('single')
      expect(single).to.deep.equal({ digest, images: [{ platform: 'linux/arm64', digest }] })
      expect(JSON.parse(await readFile('single/index.json', 'utf8'))).to.have.nested.property(
        'manifests[0].mediaType',
        'application/vnd.oci.image.manifest.v1+json',
      )
    })
  })

  const bad: [what: string, change: (files: Record<string, string>) => void, message: RegExp][] = [
    ['hold no image', (files) => (files['app1/index.json'] = '{"manifests":[]}'), /holds no image/],
    ['have no list of images', (files) => (files['app1/index.json'] = '{}'), /holds no image/],
    [
      'hold two images',
      (files) => (files['app1/index.json'] = '{"manifests":[{"digest":"sha256:a"},{"digest":"sha256:b"}]}'),
      /holds 2 images/,
    ],
    ['are no JSON', (files) => (files['app1/index.json'] = '{'), /cannot be scanned as an OCI layout/],
    [
      'lack a blob',
      (files) => (files['app1/index.json'] = '{"manifests":[{"digest":"sha256:a"}]}'),
      /cannot be scanned/,
    ],
  ]
  for (const [what, change, message] of bad)
    it(`are refused when they ${what}`, async () => {
      const files = layoutFiles('app1', BOTH)
      change(files)
      await inFolder(files, async () => {
        const error = await readLayout('app1').catch((thrown: unknown) => thrown)
        expect((error as Error).message).to.match(message)
      })
    })
})
