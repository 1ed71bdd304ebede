import { expect } from 'chai'

import { deployText } from '../../../src/output/deploy-table.js'
import { rollbackText, uninstallText } from '../../../src/output/undo-text.js'
import type { DeployedApp, DeployResult } from '../../../src/services/deploy-result.js'
import type { RolledBackRelease, RollbackResult } from '../../../src/services/rollback.js'
import type { UninstallResult } from '../../../src/services/uninstall.js'

const ping = (ok: boolean, answer: string) => ({ ok, expected: 'hello', answer, status: 200 })
const common = { ok: true, dryRun: false, context: 'pi', notes: [] }

describe('a deployment as text', () => {
  const app = (more: Partial<DeployedApp>): DeployedApp => ({
    app: 'app1',
    country: 'it',
    environment: 'staging',
    namespace: 'we-road-it',
    release: 'app1',
    revision: 2,
    ready: 1,
    desired: 1,
    image: 'hecha00/app1:1.0.0',
    url: 'http://app1-it.info',
    ping: ping(true, 'hello from app1-staging-it'),
    ...more,
  })
  const rows = async (...apps: DeployedApp[]) =>
    (await deployText({ ...common, releases: [], apps })).split('\n').slice(1)

  it('is one line per app and country, with its address and answer', async () => {
    expect((await rows(app({})))[0]).to.match(
      /^app1 +it +2 +1\/1 +hecha00\/app1:1\.0\.0 +http:\/\/app1-it\.info +hello from app1-staging-it$/,
    )
  })

  it('marks wrong answers and silence, and says who was not asked', async () => {
    const answers = await rows(
      app({ ping: ping(false, '<html>'.repeat(100)) }),
      app({ ping: ping(false, '') }),
      app({ ping: null }),
    )
    expect(answers[0]).to.match(/ ✗ (<html>)+<h$/)
    expect(answers[1]).to.match(/ ✗ no answer$/)
    expect(answers[2]).to.match(/ not asked$/)
  })

  it('has a dash for what is not known, and only the start of a digest', async () => {
    const digest = `hecha00/app1@sha256:${'0123456789ab'.repeat(5)}cdef`
    const [unknown, pinned] = await rows(app({ revision: null, image: '', url: '' }), app({ image: digest }))
    expect(unknown).to.match(/^app1 +it +- +1\/1 +- +- /)
    expect(pinned).to.include(' hecha00/app1@sha256:0123456789ab… ')
  })

  it('is nothing but the commands of a dry run', async () => {
    const result: DeployResult = { ...common, dryRun: true, releases: [], apps: [], commands: ['a', 'b'] }
    expect(await deployText(result)).to.equal('a\nb')
  })
})

describe('a rollback as text', () => {
  const release = (name: string, more: Partial<RolledBackRelease> = {}): RolledBackRelease => ({
    release: name,
    namespace: 'we-road',
    from: 2,
    to: 1,
    outcome: 'rolled-back',
    revision: 3,
    status: 'deployed',
    changes: [
      {
        app: name,
        country: 'it',
        change: 'stays',
        environment: { from: 'staging', to: 'staging' },
        image: { from: 'a', to: 'a' },
      },
    ],
    summary: `${name} is at revision 3.`,
    ...more,
  })
  const asked = (app: 'app1' | 'app2', ok: boolean, answer: string) => ({
    app,
    country: 'it',
    environment: 'staging',
    namespace: 'we-road-it',
    ping: ping(ok, answer),
  })

  it('shows every answer beside the revision of its own release', async () => {
    const result: RollbackResult = {
      ...common,
      releases: [release('app1'), release('app2', { revision: 8 })],
      apps: [asked('app1', true, 'hello 1'), asked('app2', true, 'hello 2')],
    }
    const [head, ...rows] = (await rollbackText(result)).split('\n')
    expect(head).to.match(/^APP +COUNTRY +ENVIRONMENT +REV +PING$/)
    expect(rows[0]).to.match(/^app1 +it +staging +3 +hello 1$/)
    expect(rows[1]).to.match(/^app2 +it +staging +8 +hello 2$/)
  })

  it('is a sentence per release where nobody was asked, and the commands of a dry run', async () => {
    const result = { ...common, releases: [release('app1'), release('app2')], apps: [] }
    expect(await rollbackText(result)).to.equal('app1 is at revision 3.\napp2 is at revision 3.')
    expect(await rollbackText({ ...result, dryRun: true, commands: ['helm rollback app1 1'] })).to.equal(
      'helm rollback app1 1',
    )
  })
})

describe('an uninstallation as text', () => {
  const result: UninstallResult = {
    ...common,
    releases: [
      {
        release: 'app1',
        namespace: 'we-road',
        outcome: 'uninstalled',
        objects: [],
        status: null,
        summary: 'app1 is gone.',
      },
    ],
    namespaces: { kept: [], deleted: [], remaining: [] },
  }

  it('says what is gone, and which namespaces went or stay', () => {
    expect(uninstallText(result)).to.equal('app1 is gone.')
    const namespaces = { kept: ['we-road-it', 'we-road-es'], deleted: ['we-road-fr'], remaining: [] }
    expect(uninstallText({ ...result, namespaces })).to.equal(
      'app1 is gone.\nNamespaces kept: we-road-it, we-road-es.\nNamespaces deleted: we-road-fr.',
    )
  })

  it('is nothing but the commands of a dry run', () => {
    expect(uninstallText({ ...result, dryRun: true, commands: ['helm uninstall app1'] })).to.equal(
      'helm uninstall app1',
    )
  })
})
