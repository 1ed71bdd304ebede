import { expect } from 'chai'

import {
  mergeValues,
  planFromInput,
  planReleases,
  type ValuesFile,
} from '../../../src/services/deploy-plan.js'

const section = (app: string, countries: string[], more: object = {}) => ({
  create: true,
  appName: app,
  env: 'staging',
  countries,
  ...more,
})
const app1: ValuesFile = { path: 'app1.yml', values: { firstApp: section('app1', ['it', 'es']) } }
const app2: ValuesFile = { path: 'app2.yml', values: { secondApp: section('app2', ['it']) } }
const both: ValuesFile = {
  path: 'both.yml',
  values: {
    firstApp: section('app1', ['it'], { image: { tag: '2' } }),
    secondApp: section('app2', ['es']),
    global: { team: 'x' },
    namespaces: { podSecurity: {} },
  },
}

describe('the plan of a deployment', () => {
  it('hands a file that is one app to helm untouched', () => {
    const { releases } = planReleases([app1, app2])
    expect(releases.map(({ release, files, stdin }) => [release, files, stdin])).to.deep.equal([
      ['app1', ['app1.yml'], undefined],
      ['app2', ['app2.yml'], undefined],
    ])
    expect(releases[0]!.instances).to.deep.equal([
      { app: 'app1', country: 'it', environment: 'staging', tls: false },
      { app: 'app1', country: 'es', environment: 'staging', tls: false },
    ])
  })

  it('splits a file of both apps: each release gets its own app, and what is shared', () => {
    const { releases } = planReleases([both])
    expect(releases.map(({ release, files }) => [release, files])).to.deep.equal([
      ['app1', ['-']],
      ['app2', ['-']],
    ])
    const { secondApp, ...first } = both.values
    const { firstApp, ...second } = both.values
    expect(JSON.parse(releases[0]!.stdin!)).to.deep.equal(first)
    expect(JSON.parse(releases[1]!.stdin!)).to.deep.equal(second)
    expect([firstApp, secondApp]).to.not.include(undefined)
  })

  it('keeps a file as it is for one release with a name', () => {
    const { releases } = planReleases([both], {}, 'shop')
    expect(releases).to.have.length(1)
    expect(releases[0]).to.deep.include({ release: 'shop', apps: ['app1', 'app2'], files: ['both.yml'] })
    expect(releases[0]!.instances.map(({ app, country }) => `${app}-${country}`)).to.deep.equal([
      'app1-it',
      'app2-es',
    ])
  })

  it('adds files without an app to every release, in their order', () => {
    const shared: ValuesFile = { path: 'shared.yml', values: { global: { a: 1 } } }
    const { releases } = planReleases([shared, app1, app2])
    expect(releases.map(({ files }) => files)).to.deep.equal([
      ['shared.yml', 'app1.yml'],
      ['shared.yml', 'app2.yml'],
    ])
  })

  it('lets flags win over the file, which stays as it is', () => {
    const { releases } = planReleases([app1], { countries: ['no'], environment: 'production' })
    expect(releases[0]!.files).to.deep.equal(['-'])
    expect(JSON.parse(releases[0]!.stdin!)).to.deep.equal({
      firstApp: { create: true, appName: 'app1', env: 'production', countries: ['no'] },
    })
    expect(app1.values).to.deep.equal({ firstApp: section('app1', ['it', 'es']) })
  })

  it('never lets helm read standard input that has been read already', () => {
    const { releases } = planReleases([{ ...app1, path: '-' }])
    expect(JSON.parse(releases[0]!.stdin!)).to.deep.equal(app1.values)
  })

  it('picks apps, and says so when one is not there', () => {
    expect(planReleases([both], { apps: ['app2'] }).releases.map(({ release }) => release)).to.deep.equal([
      'app2',
    ])
    expect(() => planReleases([app1], { apps: ['app2'] })).to.throw('app1.yml says nothing about app2')
    expect(() => planReleases([{ ...app1, path: '-' }], { apps: ['app2'] })).to.throw(
      'standard input says nothing about app2',
    )
  })

  it('leaves an app alone that is not to be created, and says so', () => {
    const off: ValuesFile = { path: 'off.yml', values: { ...both.values, secondApp: { create: false } } }
    const { releases, notes } = planReleases([off])
    expect(releases.map(({ release }) => release)).to.deep.equal(['app1'])
    expect(notes.join()).to.include('app2 is left alone')
    expect(() => planReleases([{ path: 'f', values: { firstApp: { create: false } } }])).to.throw(
      'no app to deploy',
    )
    expect(() => planReleases([{ path: 'f', values: {} }])).to.throw('no app to deploy')
  })

  it('refuses two environments for one app', () => {
    const other: ValuesFile = { path: 'b.yml', values: { firstApp: { env: 'production' } } }
    expect(() => planReleases([app1, other])).to.throw('app1.yml says staging, b.yml says production')
  })

  it('takes production for an environment that is left out, countries once, and TLS per country', () => {
    const ingress = { tls: { enabled: true } }
    const values = {
      firstApp: { create: true, countries: ['it', 'es', 'it'], perCountry: { es: { ingress } } },
    }
    expect(planReleases([{ path: 'f', values }]).releases[0]!.instances).to.deep.equal([
      { app: 'app1', country: 'it', environment: 'production', tls: false },
      { app: 'app1', country: 'es', environment: 'production', tls: true },
    ])
  })

  it('makes values of flags alone, as JSON that no reader of YAML can misread', () => {
    const input = {
      apps: ['app2' as const],
      environment: 'staging' as const,
      countries: ['no'],
      notes: [],
      warnings: [],
    }
    const { releases } = planFromInput(input)
    expect(releases[0]).to.deep.include({ release: 'app2', files: ['-'], origin: 'the flags' })
    expect(JSON.parse(releases[0]!.stdin!)).to.deep.equal({ secondApp: section('app2', ['no']) })
  })
})

describe('merged values', () => {
  it('merge mappings, and replace everything else', () => {
    expect(mergeValues({ a: { b: 1, c: [1] }, d: 1 }, { a: { c: [2] }, d: null })).to.deep.equal({
      a: { b: 1, c: [2] },
      d: null,
    })
  })
})
