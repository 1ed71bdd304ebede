import { expect } from 'chai'

import { buildText } from '../../../src/output/build-text.js'
import { buildReport } from '../../../src/output/github/build.js'
import type { BuildResult, BuiltImage } from '../../../src/services/build.js'

const DIGEST = `sha256:${'0123456789abcdef'.repeat(4)}`
const image = (app: 'app1' | 'app2', more: Partial<BuiltImage> = {}): BuiltImage => ({
  app,
  image: `hecha00/${app}`,
  tag: '1.0.0',
  reference: `hecha00/${app}:1.0.0@${DIGEST}`,
  digest: DIGEST,
  platforms: [
    { platform: 'linux/amd64', digest: DIGEST, size: 5_670_723 },
    { platform: 'linux/arm64', digest: DIGEST },
  ],
  revision: null,
  dirty: false,
  ...more,
})
const result = (more: Partial<BuildResult> = {}): BuildResult => ({
  builder: 'default',
  output: 'push',
  images: [image('app1'), image('app2', { platforms: [] })],
  written: [],
  ...more,
})
const lines = async (built: BuildResult) => (await buildText(built)).split('\n').map((line) => line.trimEnd())

describe('the end of a build as text', () => {
  it('has a line for each platform', async () => {
    expect(await lines(result())).to.deep.equal([
      'APP   IMAGE               DIGEST                PLATFORM     SIZE',
      'app1  hecha00/app1:1.0.0  sha256:0123456789ab…  linux/amd64  5.67 MB',
      '                                                linux/arm64  -',
      'app2  hecha00/app2:1.0.0  sha256:0123456789ab…  -            -',
      '',
    ])
  })

  it('says where layouts are, and what was pinned', async () => {
    const oci = result({ output: 'oci', images: [image('app1', { ociLayout: 'oci/app1' })] })
    expect(await lines(oci)).to.include('oci/app1: image of app1, as OCI layout')
    const written = [{ file: 'app1.yml', app: 'app1' as const, digest: DIGEST }]
    expect((await lines(result({ written }))).slice(-2)).to.deep.equal([
      `app1.yml: app1 pinned to ${DIGEST}`,
      '',
    ])
  })

  it('has only the commands of a dry run', async () => {
    const dry = result({ images: [], commands: ['docker a', 'docker b'] })
    expect(await buildText(dry)).to.equal('docker a\ndocker b\n')
  })
})

describe('the end of a build for GitHub', () => {
  it('has a summary', () => {
    const { summary, annotations } = buildReport(
      result({ written: [{ file: 'deploy/app1.yml', app: 'app1', digest: DIGEST }] }),
    )
    expect(annotations).to.deep.equal([])
    expect(summary).to.match(/^## Images pushed$/m)
    expect(summary).to.match(
      /^\| app1 \|.*hecha00\/app1:1\.0\.0.*\|.*sha256:0123.*\| linux\/amd64 \| \S+\.67 MB \|$/m,
    )
    expect(summary).to.match(/^\| {1,2}\| {1,2}\| {1,2}\| linux\/arm64 \|/m)
    expect(summary).to.match(/^\| app1 \|.*deploy\/app1\.yml.*\|$/m)
  })

  it('names an image also where its platforms are not known', () => {
    expect(buildReport(result()).summary).to.include('hecha00/app2:1.0.0')
  })

  it('has outputs for later steps', () => {
    const { outputs } = buildReport(result())
    expect(outputs).to.include({
      'app1-digest': DIGEST,
      'app1-tag': '1.0.0',
      'app1-image': `hecha00/app1@${DIGEST}`,
      'app2-digest': DIGEST,
    })
    expect(JSON.parse(outputs!['images']!)).to.deep.equal(result().images)
  })

  it('is nothing for a dry run', () => {
    expect(buildReport(result({ commands: ['docker a'] }))).to.deep.equal({ annotations: [] })
  })
})
