import { expect } from 'chai'

import { FailedError, InvalidInputError } from '../../../src/errors.js'
import { agree } from '../../../src/services/agreement.js'
import { chooseReleases, listReleases } from '../../../src/services/releases.js'
import { statusOf } from '../../../src/services/status.js'
import { fakeSession, listed } from './fake-session.js'

const SHARED = `---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: app2-it
  namespace: we-road-it
`
const lists =
  (ours: object[], others: object[] = []) =>
  (args: string) => {
    if (args.startsWith('list'))
      return { stdout: JSON.stringify(args.includes('--namespace we-road') ? ours : others) }
    return args.startsWith('get manifest') ? { stdout: SHARED } : undefined
  }
const caught = async (work: Promise<unknown>) => work.then(() => undefined).catch((error: unknown) => error)

describe('choosing releases', () => {
  const none = () => undefined

  it('takes the apps named, and says which are missing', async () => {
    const session = await fakeSession(
      (args) => (args.includes('manifest') ? {} : lists([listed('app1', 'we-road')])(args)),
      none,
    )
    const chosen = await chooseReleases(session, { apps: ['app1', 'app2'] })
    expect(chosen.found.map(({ name }) => name)).to.deep.equal(['app1'])
    expect(chosen.missing).to.deep.equal(['app2'])
  })

  it('says where a release was found when that is the old tool’s place', async () => {
    const session = await fakeSession(
      lists([], [listed('release', 'default', { chart: 'helm-0.1.0' })]),
      none,
    )
    const chosen = await chooseReleases(session, { release: 'release' })
    expect(chosen.notes.join()).to.include('found in namespace default')
  })

  it('refuses an app that is part of a bigger release', async () => {
    const session = await fakeSession(
      lists([], [listed('release', 'default', { chart: 'helm-0.1.0' })]),
      none,
    )
    const error = await caught(chooseReleases(session, { apps: ['app2'] }))
    expect(error).to.be.instanceOf(FailedError).with.property('code', 'RELEASE_SHARED')
  })

  it('needs a name, except where one is enough and there is only one', async () => {
    const session = await fakeSession(lists([listed('app1', 'we-road')]), none)
    expect(await caught(chooseReleases(session, {}))).to.be.instanceOf(InvalidInputError)
    expect((await chooseReleases(session, { onlyOne: true })).found).to.have.length(1)
    const two = await fakeSession(lists([listed('app1', 'we-road'), listed('app2', 'we-road')]), none)
    expect(await caught(chooseReleases(two, { onlyOne: true }))).to.be.instanceOf(InvalidInputError)
  })

  it('does without the old tool’s place where it may not be looked into, but not without its own', async () => {
    const forbidden = { exitCode: 1, stderr: 'Error: list: failed to list: secrets is forbidden: no' }
    const helm = (where: string) => (args: string) =>
      args.includes(`--namespace ${where}`)
        ? forbidden
        : { stdout: JSON.stringify([listed('app1', 'we-road')]) }
    expect(await listReleases(await fakeSession(helm('default'), none))).to.have.length(1)
    expect(await caught(listReleases(await fakeSession(helm('we-road'), none)))).to.have.property(
      'kind',
      'forbidden',
    )
  })
})

describe('agreement', () => {
  it('comes from --yes or a person, and is never assumed', async () => {
    await agree({ yes: true }, {}, 'Go on?')
    await agree({ yes: false }, { confirm: async () => true }, 'Go on?')
    expect(await caught(agree({ yes: false }, { confirm: async () => false }, '?'))).to.have.property(
      'code',
      'DECLINED',
    )
    expect(await caught(agree({ yes: false }, {}, '?'))).to.include({ code: 'NOT_CONFIRMED', exitCode: 2 })
  })
})

describe('status', () => {
  const empty = { items: [] }

  it('calls an app missing that its release has and the cluster does not', async () => {
    const session = await fakeSession(lists([listed('app2', 'we-road')]), () => empty)
    const { apps, healthy } = await statusOf(session, {})
    expect(apps.map(({ app, country, state }) => [app, country, state])).to.deep.equal([
      ['app1', null, 'not deployed'],
      ['app2', 'it', 'missing'],
    ])
    expect(healthy).to.equal(false)
  })

  it('shows the owner that lives in a namespace it did not look in', async () => {
    const deployment = {
      metadata: {
        name: 'app2-it',
        namespace: 'we-road-it',
        annotations: { 'meta.helm.sh/release-name': 'mine', 'meta.helm.sh/release-namespace': 'elsewhere' },
      },
      spec: { replicas: 1, template: { spec: { containers: [{ image: 'i' }] } } },
      status: { readyReplicas: 1, replicas: 1, updatedReplicas: 1 },
    }
    const api = (path: string) => (path.endsWith('/deployments') ? { items: [deployment] } : empty)
    const helm = (args: string) => {
      if (args.startsWith('list'))
        return { stdout: JSON.stringify(args.includes('elsewhere') ? [listed('mine', 'elsewhere')] : []) }
      return { stdout: SHARED }
    }
    const found = await statusOf(await fakeSession(helm, api), { apps: ['app2'] })
    expect(found.apps[0]).to.deep.include({
      state: 'deployed',
      healthy: true,
      release: { name: 'mine', namespace: 'elsewhere', revision: 2 },
    })
    const gone = await statusOf(await fakeSession(lists([]), api), { apps: ['app2'] })
    expect(gone.apps[0]).to.include({ state: 'unmanaged', healthy: false })
    expect(gone.apps[0]?.problem?.reason).to.equal('ReleaseGone')
  })
})
