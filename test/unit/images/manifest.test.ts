import { expect } from 'chai'

import {
  configDigest,
  configPlatform,
  imagePlatforms,
  layersSize,
  manifestKind,
} from '../../../src/images/manifest.js'

const OCI = 'application/vnd.oci.image'
const DOCKER = 'application/vnd.docker.distribution.manifest'
const digest = (digit: string) => `sha256:${digit.repeat(64)}`

/** As buildx pushes it: two platforms and their attestations. */
const INDEX = {
  schemaVersion: 2,
  mediaType: `${OCI}.index.v1+json`,
  manifests: [
    { digest: digest('1'), size: 900, platform: { architecture: 'amd64', os: 'linux' } },
    { digest: digest('2'), size: 901, platform: { architecture: 'arm64', os: 'linux', variant: 'v8' } },
    {
      digest: digest('3'),
      size: 500,
      annotations: {
        'vnd.docker.reference.digest': digest('1'),
        'vnd.docker.reference.type': 'attestation-manifest',
      },
      platform: { architecture: 'unknown', os: 'unknown' },
    },
  ],
}
const MANIFEST = {
  schemaVersion: 2,
  mediaType: `${OCI}.manifest.v1+json`,
  config: { digest: digest('c'), size: 1000 },
  layers: [
    { digest: digest('a'), size: 3_600_000 },
    { digest: digest('b'), size: 234 },
  ],
}

describe('image manifests', () => {
  it('names the platforms of an index without its attestations', () => {
    expect(imagePlatforms(INDEX)).to.deep.equal([
      { platform: 'linux/amd64', digest: digest('1') },
      { platform: 'linux/arm64', digest: digest('2') },
    ])
    const annotated = { ...INDEX.manifests[2], platform: { architecture: 'amd64', os: 'linux' } }
    expect(imagePlatforms({ manifests: [annotated] })).to.deep.equal([])
  })

  it('reads docker’s manifest list, and finds no platform in anything else', () => {
    const list = {
      mediaType: `${DOCKER}.list.v2+json`,
      manifests: [
        { platform: { architecture: 'arm', os: 'linux', variant: 'v7' } },
        { platform: { architecture: 'amd64', os: 'windows', 'os.version': '10.0' } },
        { digest: digest('4') },
      ],
    }
    expect(imagePlatforms(list)).to.deep.equal([{ platform: 'linux/arm/v7' }, { platform: 'windows/amd64' }])
    for (const other of [MANIFEST, {}, undefined, null, [], 'x', { manifests: {} }, { manifests: [null, 1] }])
      expect(imagePlatforms(other)).to.deep.equal([])
  })

  it('reads the platform of a single image from its config', () => {
    expect(configDigest(MANIFEST)).to.equal(digest('c'))
    expect(configDigest(INDEX)).to.equal(undefined)
    expect(configPlatform({ architecture: 'arm64', os: 'linux', rootfs: {} })).to.equal('linux/arm64')
    expect(configPlatform({})).to.equal(undefined)
  })

  it('adds up config and layers', () => {
    expect(layersSize(MANIFEST)).to.equal(3_601_234)
    expect(layersSize({ layers: [{ size: 'big' }, {}, null] })).to.equal(0)
  })

  it('tells what a manifest is, with and without its media type', () => {
    expect([INDEX, MANIFEST, {}].map(manifestKind)).to.deep.equal(['index', 'manifest', 'unknown'])
    const bare = ({ mediaType: _, ...rest }: Record<string, unknown>) => manifestKind(rest)
    expect([bare(INDEX), bare(MANIFEST)]).to.deep.equal(['index', 'manifest'])
    expect(manifestKind({ ...MANIFEST, mediaType: `${DOCKER}.v1+prettyjws` })).to.equal('unknown')
  })
})
