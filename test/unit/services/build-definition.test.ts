import { expect } from 'chai'

import {
  bakeFile,
  type BuildSettings,
  type BuildTarget,
  csvField,
} from '../../../src/services/build-definition.js'

const TARGETS: BuildTarget[] = (['app1', 'app2'] as const).map((app, index) => ({
  app,
  context: `/src/${app}`,
  references: [`hecha00/${app}:abc`],
  epoch: 1_750_000_000 + index,
  labels: { 'org.opencontainers.image.revision': app },
}))
const SETTINGS: BuildSettings = {
  platforms: ['linux/amd64', 'linux/arm64'],
  buildArgs: { NGINX_IMAGE: 'nginx:1' },
  cacheFrom: [],
  cacheTo: [],
  provenance: false,
  sbom: false,
  noCache: false,
}
const bake = (settings: Partial<BuildSettings> = {}, targets = TARGETS) =>
  bakeFile(targets, { ...SETTINGS, ...settings }, (app) => `type=oci,dest=/tmp/${app}.tar`).target

describe('the bake file', () => {
  it('has a target for each app, without attestations, whose times would differ from build to build', () => {
    expect(bake()).to.deep.equal({
      app1: {
        context: '/src/app1',
        platforms: ['linux/amd64', 'linux/arm64'],
        tags: ['hecha00/app1:abc'],
        args: { SOURCE_DATE_EPOCH: '1750000000', NGINX_IMAGE: 'nginx:1' },
        labels: { 'org.opencontainers.image.revision': 'app1' },
        output: ['type=oci,dest=/tmp/app1.tar'],
        attest: ['type=provenance,disabled=true', 'type=sbom,disabled=true'],
      },
      app2: {
        context: '/src/app2',
        platforms: ['linux/amd64', 'linux/arm64'],
        tags: ['hecha00/app2:abc'],
        args: { SOURCE_DATE_EPOCH: '1750000001', NGINX_IMAGE: 'nginx:1' },
        labels: { 'org.opencontainers.image.revision': 'app2' },
        output: ['type=oci,dest=/tmp/app2.tar'],
        attest: ['type=provenance,disabled=true', 'type=sbom,disabled=true'],
      },
    })
  })

  it('attests what is asked for', () => {
    expect(bake({ provenance: true }).app1!.attest).to.deep.equal([
      'type=provenance,mode=max',
      'type=sbom,disabled=true',
    ])
    expect(bake({ sbom: true }).app1!.attest).to.deep.equal(['type=provenance,disabled=true', 'type=sbom'])
  })

  it('has a cache of its own for each app', () => {
    const { app1, app2 } = bake({
      cacheFrom: ['type=registry,ref=r/{app}:cache', 'type=gha,scope={app}-{app}'],
      cacheTo: ['type=registry,ref=r/{app}:cache,mode=max'],
    })
    expect(app1!['cache-from']).to.deep.equal(['type=registry,ref=r/app1:cache', 'type=gha,scope=app1-app1'])
    expect(app2!['cache-to']).to.deep.equal(['type=registry,ref=r/app2:cache,mode=max'])
  })

  it('leaves the cache alone when told to', () => {
    expect([bake({ noCache: true }).app1!['no-cache'], bake().app1]).to.deep.include(true)
    expect(bake().app1).to.not.have.any.keys('no-cache', 'cache-from', 'cache-to')
  })

  it('takes the real time where none is known, and any that is given as an argument', () => {
    const timeless = TARGETS.map((target) => ({ ...target, epoch: undefined }))
    expect(bake({}, timeless).app1!.args).to.deep.equal({ NGINX_IMAGE: 'nginx:1' })
    expect(bake({ buildArgs: { SOURCE_DATE_EPOCH: '0' } }).app1!.args).to.deep.equal({
      SOURCE_DATE_EPOCH: '0',
    })
  })

  it('has nothing in it that HCL would evaluate', () => {
    const [target] = TARGETS
    const { app1 } = bake(
      { buildArgs: { A: '${HOME} $B $${C} %{if} 5%' }, cacheFrom: ['type=local,src=${x}'] },
      [{ ...target!, context: '/src/${x}/app1' }],
    )
    expect(app1!.context).to.equal('/src/$${x}/app1')
    expect(app1!.args['A']).to.equal('$${HOME} $B $$${C} %%{if} 5%')
    expect(app1!['cache-from']).to.deep.equal(['type=local,src=$${x}'])
  })

  it('quotes what an exporter would take apart', () => {
    expect(['dest=/tmp/a b', 'dest=/a,b', 'dest=/a"b'].map((text) => csvField(text))).to.deep.equal([
      'dest=/tmp/a b',
      '"dest=/a,b"',
      '"dest=/a""b"',
    ])
  })
})
