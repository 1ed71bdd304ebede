import { expect } from 'chai'

import { chooseTargets, type TargetChoice } from '../../../src/services/scan-targets.js'
import { inFolder } from './in-folder.js'
import { layoutFiles } from './oci-layout-files.js'

const DIGEST = `sha256:${'a'.repeat(64)}`
const OTHER = `sha256:${'b'.repeat(64)}`
const values = (app: 'first' | 'second', more = '', env = 'production') =>
  `${app}App:\n  create: true\n  env: ${env}\n  countries: [it, es]\n${more}`
const pinned = (digest: string) => `  image:\n    digest: ${digest}\n`

const choose = (files: Record<string, string>, choice: Partial<TargetChoice>) =>
  inFolder(files, async () => chooseTargets({ images: [], ...choice }))
const images = async (files: Record<string, string>, choice: Partial<TargetChoice> = {}) =>
  (await choose(files, choice)).targets.map(({ image }) => image)
const refusal = async (files: Record<string, string>, choice: Partial<TargetChoice>) =>
  choose(files, choice).then(
    () => '',
    (error: Error) => error.message,
  )

describe('what to scan', () => {
  it('is the images of the values files that deploy would find', async () => {
    const found = await choose(
      { 'app1-production.yml': values('first', pinned(DIGEST)), 'app2.yml': values('second') },
      {},
    )
    expect(found.targets).to.deep.equal([
      {
        image: `hecha00/app1@${DIGEST}`,
        source: {
          kind: 'reference',
          reference: { registry: 'docker.io', repository: 'hecha00/app1', digest: DIGEST },
        },
        apps: ['app1'],
        files: ['app1-production.yml'],
      },
      {
        image: 'hecha00/app2:1.0.0',
        source: {
          kind: 'reference',
          reference: { registry: 'docker.io', repository: 'hecha00/app2', tag: '1.0.0' },
        },
        apps: ['app2'],
        files: ['app2.yml'],
      },
    ])
    expect(found.notes).to.deep.equal(['Found app1-production.yml and app2.yml in this folder.'])
  })

  it('is the images of both environments, each once', async () => {
    const both = {
      'app1-production.yml': values('first', pinned(DIGEST)),
      'app1-staging.yml': values('first', pinned(OTHER), 'staging'),
    }
    expect(await images(both)).to.deep.equal([`hecha00/app1@${DIGEST}`, `hecha00/app1@${OTHER}`])
    const same = await choose({ ...both, 'app1-staging.yml': values('first', pinned(DIGEST), 'staging') }, {})
    expect(same.targets).to.have.lengthOf(1)
    expect(same.targets[0]?.files).to.deep.equal(['app1-production.yml', 'app1-staging.yml'])
  })

  it('follows -p', async () => {
    const files = { 'app1.yml': values('first'), 'app2.yml': values('second') }
    expect(await images(files, { project: ['app2'] })).to.deep.equal(['hecha00/app2:1.0.0'])
    expect(await refusal({ 'app1.yml': values('first') }, { project: ['app2'] })).to.match(
      /no values file names an image for app2/,
    )
    expect(await refusal(files, { project: ['app3'] })).to.match(/app3/)
  })

  it('follows -f, later files over earlier ones', async () => {
    const files = {
      'a.yml': values('first', '  image:\n    repository: example.com/x/app1\n    tag: "2.0"\n'),
      'b.yml': `firstApp:\n${pinned(DIGEST)}`,
      'app2.yml': values('second'),
    }
    expect(await images(files, { files: ['a.yml'] })).to.deep.equal(['example.com/x/app1:2.0'])
    expect(await images(files, { files: ['a.yml', 'b.yml'] })).to.deep.equal([`example.com/x/app1@${DIGEST}`])
    expect(await refusal(files, { files: ['missing.yml'] })).to.match(/missing\.yml/)
  })

  it('is the image of every country that has its own', async () => {
    const own = values('first', '  perCountry:\n    es:\n      image:\n        tag: "9"\n')
    expect(await images({ 'app1.yml': own })).to.deep.equal(['hecha00/app1:1.0.0', 'hecha00/app1:9'])
  })

  it('takes the defaults of another chart', async () => {
    const files = {
      'app1.yml': values('first'),
      'chart/Chart.yaml': 'name: x\nappVersion: "7.1"\n',
      'chart/values.yaml': 'firstApp:\n  appName: app1\n  image:\n    repository: example.com/base/app1\n',
    }
    expect(await images(files, { chart: 'chart' })).to.deep.equal(['example.com/base/app1:7.1'])
  })

  it('is nothing without values, or where they create nothing', async () => {
    expect(await refusal({}, {})).to.match(/There is nothing to scan/)
    const off = values('first').replace('true', 'false')
    expect(await refusal({ 'app1.yml': off }, {})).to.match(/There is nothing to scan/)
  })

  it('is the images that are named, each once', async () => {
    const { targets, notes } = await choose(
      { 'app1.yml': values('first') },
      { images: ['docker.io/hecha00/app1:1', 'nginx', 'hecha00/app1:1'], project: ['app1'] },
    )
    expect(targets.map(({ image, apps }) => [image, apps])).to.deep.equal([
      ['hecha00/app1:1', ['app1']],
      ['nginx', []],
    ])
    expect(notes).to.deep.equal(['Apps and values files are not looked at, since images are named.'])
  })

  it('is the layouts in a folder that is named', async () => {
    const files = { ...layoutFiles('out/app1', ['linux/amd64']), ...layoutFiles('out/app2', ['linux/amd64']) }
    const { targets } = await choose(files, { images: ['./out'] })
    expect(targets.map(({ image, apps, source }) => [image, apps, source.kind])).to.deep.equal([
      ['out/app1', ['app1'], 'layout'],
      ['out/app2', ['app2'], 'layout'],
    ])
    // A layout goes before an app's name, and before an image of the same name.
    expect(await images(layoutFiles('app1', ['linux/amd64']), { images: ['app1'] })).to.deep.equal(['app1'])
  })

  it('is no folder that happens to have an image’s name', async () => {
    expect(await images({ 'nginx/conf': '' }, { images: ['nginx'] })).to.deep.equal(['nginx'])
  })

  it('names everything that is wrong at once', async () => {
    const message = await refusal(
      { 'empty/x': '' },
      { images: ['app2', './empty', '../none', 'Upper', 'nginx'] },
    )
    expect(message).to.match(
      /^4 problems:\n {2}app2 is an app, not an image\.\n {2}\.\/empty holds no OCI image layout .*\n {2}There is no folder \.\.\/none\.\n {2}"Upper"/,
    )
  })
})
