import { expect } from 'chai'

import type { ProgressEvent } from '../../../src/progress.js'
import { onlyOnce } from '../../../src/services/deploy-build.js'
import { keptNowhere, pinFiles, surprises, withImages, withTags } from '../../../src/services/deploy-pins.js'
import { planFromInput, planReleases, type ValuesFile } from '../../../src/services/deploy-plan.js'

const NEW = { repository: 'lan:5000/app1', tag: 'abc', digest: `sha256:${'1'.repeat(64)}` }
const section = (app: string, more: object = {}) => ({
  create: true,
  appName: app,
  env: 'staging',
  countries: ['it', 'es'],
  ...more,
})
const app1 = (path: string, more: object = {}): ValuesFile => ({
  path,
  values: { firstApp: section('app1', more) },
})
const pinned = (path: string) => app1(path, { image: { repository: 'hecha00/app1', tag: '1' } })
const both: ValuesFile = {
  path: 'both.yml',
  values: { firstApp: section('app1'), secondApp: section('app2') },
}
const releasesOf = (...files: ValuesFile[]) => planReleases(files).releases

describe('the file an image is pinned in', () => {
  it('is the one that holds the app, for each app its own', () => {
    const app2: ValuesFile = { path: 'app2.yml', values: { secondApp: section('app2') } }
    expect(pinFiles(releasesOf(app1('app1.yml'), app2))).to.deep.equal({ app1: 'app1.yml', app2: 'app2.yml' })
    expect(pinFiles(releasesOf(both))).to.deep.equal({ app1: 'both.yml', app2: 'both.yml' })
  })

  it('is the last of several, but one that names an image wins', () => {
    expect(pinFiles(releasesOf(app1('base.yml'), app1('over.yml')))).to.deep.equal({ app1: 'over.yml' })
    expect(pinFiles(releasesOf(pinned('pins.yml'), app1('over.yml')))).to.deep.equal({ app1: 'pins.yml' })
    expect(pinFiles(releasesOf(pinned('pins.yml'), pinned('over.yml')))).to.deep.equal({ app1: 'over.yml' })
    const empty = app1('over.yml', { image: { tag: '', pullPolicy: 'Always' } })
    expect(pinFiles(releasesOf(pinned('pins.yml'), empty))).to.deep.equal({ app1: 'pins.yml' })
  })

  it('holds none but the apps that are deployed', () => {
    const off = app1('app1.yml', { create: false })
    const app2: ValuesFile = { path: 'app2.yml', values: { secondApp: section('app2') } }
    expect(pinFiles(releasesOf(off, app2))).to.deep.equal({ app2: 'app2.yml' })
    expect(pinFiles(planReleases([both], { apps: ['app2'] }).releases)).to.deep.equal({ app2: 'both.yml' })
    expect(pinFiles(planReleases([off, app2], {}, 'all').releases)).to.deep.equal({ app2: 'app2.yml' })
  })

  it('is none where flags or standard input say it last, and that is told', () => {
    const input = { apps: ['app1'], countries: ['it'], environment: 'staging', notes: [], warnings: [] }
    const flags = planFromInput(input as unknown as Parameters<typeof planFromInput>[0]).releases
    expect(pinFiles(flags)).to.deep.equal({})
    expect(keptNowhere(flags, {}).join()).to.match(/^app1 gets its new image in this .* from the flags/)
    const stdin = releasesOf(app1('app1.yml'), pinned('-'))
    expect(pinFiles(stdin)).to.deep.equal({})
    expect(keptNowhere(releasesOf({ ...both, path: '-' }), {}).join(' ')).to.include('from standard input')
    expect(pinFiles(releasesOf(app1('app1.yml'), app1('-')))).to.deep.equal({ app1: 'app1.yml' })
    expect(keptNowhere(stdin, { app1: 'app1.yml' })).to.deep.equal([])
  })
})

describe('releases with other images', () => {
  it('have them in what is compared, and in what helm reads from standard input', () => {
    const old = app1('app1.yml', { image: { digest: 'sha256:0', pullPolicy: 'Always' } })
    const [file] = withImages(releasesOf(old), { app1: NEW })
    expect(file!.values).to.deep.equal({
      firstApp: section('app1', { image: { ...NEW, pullPolicy: 'Always' } }),
    })
    expect([file!.files, file!.stdin]).to.deep.equal([['app1.yml'], undefined])
    const narrowed = planReleases([old], { countries: ['it'] }).releases
    const [passed] = withImages(narrowed, { app1: NEW })
    expect(JSON.parse(passed!.stdin!)).to.deep.equal(passed!.values).and.to.have.nested.include({
      'firstApp.image.digest': NEW.digest,
      'firstApp.countries[0]': 'it',
    })
  })

  it('have one tag in all countries, since those of single ones do not count beside a digest', () => {
    const perCountry = {
      it: { image: { tag: 'own', digest: 'sha256:0' } },
      es: { replicas: 2, image: { tag: 'own' } },
    }
    const [tagged] = withTags(releasesOf(app1('app1.yml', { perCountry })), { app1: { ...NEW, digest: '' } })
    expect(tagged!.values).to.deep.equal({
      firstApp: section('app1', {
        image: { ...NEW, digest: '' },
        perCountry: {
          it: { image: { tag: NEW.tag, digest: 'sha256:0' } },
          es: { replicas: 2, image: { tag: NEW.tag } },
        },
      }),
    })
  })

  it('leave other apps and the plan itself as they are', () => {
    const before = planReleases([both], {}, 'all').releases
    const [after] = withImages(before, { app1: NEW })
    expect(after!.values['secondApp']).to.deep.equal(section('app2'))
    expect(before[0]!.values['firstApp']).to.deep.equal(section('app1'))
  })
})

describe('what surprises in values whose images are built', () => {
  const built = [{ app: 'app1' as const, image: 'hecha00/app1' }]

  it('is another repository, and images of single countries', () => {
    const moved = app1('app1.yml', { image: { repository: 'lan:5000/app1' } })
    expect(surprises(releasesOf(moved), built).join()).to.match(/lan:5000\/app1 .* gets hecha00\/app1 now/)
    const own = app1('app1.yml', { perCountry: { es: { image: { tag: '2' } }, fr: { image: { tag: '2' } } } })
    expect(surprises(releasesOf(own), built).join()).to.include('an image of its own in es (perCountry)')
  })

  it('is nothing in usual ones', () => {
    const policy = { perCountry: { es: { image: { pullPolicy: 'Always' } } } }
    expect(surprises(releasesOf(pinned('app1.yml')), built)).to.deep.equal([])
    expect(surprises(releasesOf(app1('app1.yml', policy)), built)).to.deep.equal([])
  })
})

describe('a deployment that is compared twice', () => {
  const signal = new AbortController().signal

  it('says each note and warning once, and every step', () => {
    const events: ProgressEvent[] = []
    const { progress } = onlyOnce({ progress: (event) => events.push(event), signal })
    for (let round = 0; round < 2; round++)
      for (const state of ['note', 'warning', 'start'] as const) progress({ kind: 'step', state, text: 'x' })
    expect(events.map((event) => 'state' in event && event.state)).to.deep.equal([
      'note',
      'warning',
      'start',
      'start',
    ])
  })

  it('asks again only what is new, or was not agreed to', async () => {
    const asked: string[] = []
    const answers = [true, false, true]
    const { confirm } = onlyOnce({
      progress: () => undefined,
      signal,
      confirm: async (question) => {
        asked.push(question)
        return answers.shift()!
      },
    })
    for (const question of ['a', 'a', 'b', 'b', 'b']) await confirm!(question)
    expect(asked).to.deep.equal(['a', 'b', 'b'])
    expect(onlyOnce({ progress: () => undefined, signal }).confirm).to.equal(undefined)
  })
})
