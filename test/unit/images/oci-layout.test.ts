import { expect } from 'chai'
import { execa } from 'execa'
import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { create } from 'tar'

import { archivePlatforms, layoutPlatforms } from '../../../src/images/oci-layout.js'

const OCI = 'application/vnd.oci.image'

describe('an OCI image layout', () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'k8sflow-layout-'))
    await mkdir(join(folder, 'layout', 'blobs', 'sha256'), { recursive: true })
    await writeFile(join(folder, 'layout', 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}')
  })
  afterEach(async () => rm(folder, { recursive: true }))

  const layout = () => join(folder, 'layout')
  const put = async (content: Buffer | object) => {
    const bytes = Buffer.isBuffer(content) ? content : Buffer.from(JSON.stringify(content))
    const hex = createHash('sha256').update(bytes).digest('hex')
    await writeFile(join(layout(), 'blobs', 'sha256', hex), bytes)
    return { digest: `sha256:${hex}`, size: bytes.length }
  }
  /** An image of one platform with a layer of so many bytes. */
  const image = async (os: string, architecture: string, bytes: number, variant?: string) => {
    const config = await put({ os, architecture, variant })
    const layers = [await put(Buffer.alloc(bytes, architecture))]
    const manifest = await put({ mediaType: `${OCI}.manifest.v1+json`, config, layers })
    return { manifest, size: config.size + bytes, platform: { os, architecture, variant } }
  }
  const archive = async () => {
    const file = join(folder, 'image.tar')
    await create({ file, cwd: layout() }, ['oci-layout', 'blobs'])
    return file
  }

  it('tells the platforms of an index, folder or archive', async () => {
    const amd64 = await image('linux', 'amd64', 2_000_000)
    const arm = await image('linux', 'arm', 10, 'v7')
    const attestation = await put({ layers: [] })
    const index = await put({
      mediaType: `${OCI}.index.v1+json`,
      manifests: [
        { ...amd64.manifest, platform: amd64.platform },
        { ...arm.manifest, platform: arm.platform },
        {
          ...attestation,
          platform: { os: 'unknown', architecture: 'unknown' },
          annotations: { 'vnd.docker.reference.type': 'attestation-manifest' },
        },
      ],
    })
    const expected = [
      { platform: 'linux/amd64', digest: amd64.manifest.digest, size: amd64.size },
      { platform: 'linux/arm/v7', digest: arm.manifest.digest, size: arm.size },
    ]
    expect(await layoutPlatforms(layout(), index.digest)).to.deep.equal(expected)
    expect(await archivePlatforms(await archive(), index.digest)).to.deep.equal(expected)
    const dotted = join(folder, 'dotted.tar')
    await execa('tar', ['-cf', dotted, '-C', layout(), '.'])
    expect(await archivePlatforms(dotted, index.digest)).to.deep.equal(expected)
  })

  it('tells the platform of a single image, which its config has', async () => {
    const { manifest, size } = await image('linux', 'arm64', 10, 'v8')
    const expected = [{ platform: 'linux/arm64', digest: manifest.digest, size }]
    expect(await layoutPlatforms(layout(), manifest.digest)).to.deep.equal(expected)
    expect(await archivePlatforms(await archive(), manifest.digest)).to.deep.equal(expected)
  })

  it('tells none for what is no image', async () => {
    const { digest } = await put({ hello: 'world' })
    expect(await layoutPlatforms(layout(), digest)).to.deep.equal([])
  })
})
