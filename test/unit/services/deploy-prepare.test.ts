import { expect } from 'chai'

import type { K8sflowError } from '../../../src/errors.js'
import {
  leftoverNote,
  planAdoptions,
  removeRecords,
  removeRecordsCommand,
} from '../../../src/services/adopt.js'
import { upgradeCommand } from '../../../src/services/deploy-dry-run.js'
import type { GuardFindings } from '../../../src/services/deploy-guard.js'
import type { PlannedRelease } from '../../../src/services/deploy-plan.js'
import {
  agreeToChanges,
  type DeployMode,
  namespaceNeeds,
  type PreparedRelease,
  prepareRelease,
  releaseTask,
} from '../../../src/services/deploy-prepare.js'
import type { LiveRelease } from '../../../src/services/live-release.js'
import { createHelm } from '../../../src/tools/helm.js'
import { fakeCluster } from '../cluster/fake-cluster.js'
import { type Answer, fakeHelm } from '../tools/fake-runner.js'

const PLANNED: PlannedRelease = {
  release: 'app1',
  apps: ['app1'],
  instances: [{ app: 'app1', country: 'it', environment: 'staging', tls: false }],
  files: ['app1.yml'],
  values: {},
  sources: [],
  origin: 'app1.yml',
}
const OPTIONS = {
  chart: '/chart',
  timeout: '5m',
  timeoutMs: 300_000,
  wait: true,
  adopt: false,
  repair: false,
}
const live = (status?: string, at = '2026-01-01T00:00:00Z'): LiveRelease =>
  ({
    name: 'app1',
    namespace: 'we-road',
    objects: [],
    history: [],
    ...(status === undefined
      ? {}
      : { status: { name: 'app1', namespace: 'we-road', revision: 2, status, lastDeployed: at } }),
  }) as unknown as LiveRelease
const helmWith = async (answer: (args: string) => Answer | undefined = () => undefined) =>
  createHelm(fakeHelm('v4.3.1', answer), { program: 'helm', namespace: 'we-road' })

describe('a release before it is deployed', () => {
  const prepared = async (mode: DeployMode, release: LiveRelease) => {
    const options = { ...OPTIONS, mode }
    return prepareRelease(releaseTask(PLANNED, release, await helmWith(), options), release, [], options)
  }
  const refused = async (mode: DeployMode, release: LiveRelease) =>
    prepared(mode, release).then(
      () => expect.fail('it was accepted'),
      (error: unknown) => error as K8sflowError,
    )

  it('is made or upgraded, or only the one of both that was asked for', async () => {
    for (const [mode, state, asked] of [
      ['deploy', undefined, 'upgrade-install'],
      ['deploy', 'deployed', 'upgrade-install'],
      ['install', undefined, 'install'],
      ['install', 'uninstalled', 'install'],
      ['upgrade', 'deployed', 'upgrade'],
      ['upgrade', 'failed', 'upgrade'],
    ] as const)
      expect((await prepared(mode, live(state))).task.request.mode).to.equal(asked)
    expect(await refused('install', live('deployed'))).to.include({ code: 'RELEASE_EXISTS', exitCode: 2 })
    expect(await refused('install', live('failed'))).to.include({ code: 'RELEASE_EXISTS' })
    expect(await refused('upgrade', live())).to.include({ code: 'RELEASE_MISSING', exitCode: 2 })
    expect(await refused('upgrade', live('uninstalled'))).to.include({ code: 'RELEASE_MISSING' })
  })

  it('is not touched while another run may be at work on it', async () => {
    const error = await refused('deploy', live('pending-upgrade', new Date().toISOString()))
    expect(error).to.include({ code: 'RELEASE_BUSY', exitCode: 6 })
    expect(error.message).to.include('pending-upgrade').and.include('Nothing was changed')
    expect(error.suggestions.join()).to.include('--repair').and.include('5m')
  })

  it('never makes namespaces through helm', async () => {
    expect((await prepared('deploy', live())).task.request.set).to.deep.equal(['namespaces.create=false'])
  })
})

describe('the namespaces a deployment needs', () => {
  it('are those of its countries; kept are also those that releases own or leave', () => {
    const objects = [
      { kind: 'Namespace', name: 'we-road-es', namespace: '' },
      { kind: 'Deployment', name: 'app1-es', namespace: 'we-road-es' },
    ]
    const one = {
      task: { planned: PLANNED },
      live: { ...live('deployed'), objects },
    } as unknown as PreparedRelease
    const adoption = {
      from: { name: 'old', namespace: 'default' },
      by: ['app1'],
      leftovers: [],
      namespaces: ['we-road-fr', 'we-road-it'],
    }
    expect(namespaceNeeds([one, one], [adoption])).to.deep.equal({
      apply: ['we-road-it'],
      keep: ['we-road-it', 'we-road-es', 'we-road-fr'],
    })
  })
})

describe('a yes for changes', () => {
  const changed = (changes: Partial<GuardFindings>) =>
    [{ changes: { environmentChanges: [], removals: [], ...changes } }] as unknown as PreparedRelease[]
  const both = changed({
    environmentChanges: [
      { release: 'app1', app: 'app1', country: 'it', from: 'production', environment: 'staging' },
    ],
    removals: [{ release: 'app1', name: 'app1-es', namespace: 'we-road-es' }],
  })
  const none = { environmentChange: false, removal: false }
  const failure = async (work: Promise<void>) =>
    work.then(
      () => undefined,
      (error: unknown) => error as K8sflowError,
    )

  it('is not asked for where nothing goes', async () => {
    await agreeToChanges(changed({}), none, () => expect.fail('it was asked for'))
  })

  it('is one question for all that is not allowed by flag', async () => {
    const questions: string[] = []
    const yes = async (question: string) => questions.push(question) > 0
    await agreeToChanges(both, none, yes)
    await agreeToChanges(both, { environmentChange: true, removal: false }, yes)
    await agreeToChanges(both, { environmentChange: true, removal: true }, yes)
    expect(questions).to.have.lengthOf(2)
    expect(questions[0]).to.include('production').and.include('app1-es')
    expect(questions[1]).to.include('app1-es').and.not.include('production')
  })

  it('must be given: no is no, and nobody there is no, and the flags for it are named', async () => {
    for (const confirm of [undefined, async () => Promise.resolve(false)])
      expect(await failure(agreeToChanges(both, none, confirm))).to.include({ exitCode: 2 })
    const error = await failure(agreeToChanges(both, { environmentChange: true, removal: false }, undefined))
    expect(error?.suggestions.join())
      .to.include('--allow-removal')
      .and.not.include('--allow-environment-change')
  })
})

describe('taking over objects', () => {
  const object = (kind: string, name: string, namespace = 'we-road-it') =>
    `---\nkind: ${kind}\nmetadata:\n  name: ${name}\n${kind === 'Namespace' ? '' : `  namespace: ${namespace}\n`}`
  const owners = [
    { release: { name: 'old', namespace: 'default' } },
    // Objects that no release owns have no records to remove.
    {},
  ]
  const planned = async (old: string | undefined) => {
    const helm = await helmWith((args) => {
      if (args.startsWith('template')) return { stdout: object('Deployment', 'app1-it') }
      if (old === undefined) return { exitCode: 1, stderr: 'Error: release: not found' }
      if (args.startsWith('status'))
        return {
          stdout: JSON.stringify({
            name: 'old',
            namespace: 'default',
            version: 1,
            info: { status: 'deployed' },
          }),
        }
      return args.startsWith('get manifest') ? { stdout: old } : undefined
    })
    return planAdoptions(helm, { chart: '/chart', set: [], kubeVersion: undefined }, [
      { planned: PLANNED, owners: owners as never },
    ])
  }

  it('finds what is left behind, and which namespaces must outlive the old release', async () => {
    const manifest =
      object('Namespace', 'we-road-it') + object('Deployment', 'app1-it') + object('ConfigMap', 'mine')
    const [adoption, ...more] = await planned(manifest)
    expect(more).to.deep.equal([])
    expect(adoption).to.deep.include({ by: ['app1'], namespaces: ['we-road-it'] })
    expect(leftoverNote(adoption!)).to.include('we-road-it/ConfigMap mine').and.not.include('Deployment')
    expect(removeRecordsCommand(adoption!)).to.equal(
      'kubectl delete secret,configmap -n default -l owner=helm,name=old',
    )
  })

  it('has nothing to tell where all is taken, and where the old records are gone already', async () => {
    for (const manifest of [object('Deployment', 'app1-it'), undefined]) {
      const [adoption] = await planned(manifest)
      expect(leftoverNote(adoption!)).to.equal(undefined)
    }
  })

  it('names a dozen of what is left behind and counts the rest', async () => {
    const many = Array.from({ length: 20 }, (_, index) => object('ConfigMap', `c${String(index)}`))
    const [adoption] = await planned(many.join(''))
    expect(leftoverNote(adoption!)).to.include('ConfigMap c11 and 8 more').and.not.include('c12')
  })

  describe('removes the records', () => {
    const before = process.env['HELM_DRIVER']
    afterEach(() => {
      if (before === undefined) delete process.env['HELM_DRIVER']
      else process.env['HELM_DRIVER'] = before
    })
    const removed = async () => {
      const cluster = fakeCluster(({ method = 'GET', path }) => {
        if (method === 'DELETE') return {}
        const name = path.endsWith('/secrets') ? 'sh.helm.release.v1.old.v1' : 'sh.helm.release.v1.old.v2'
        return { items: [{ metadata: { name } }] }
      })
      const count = await removeRecords(cluster, { name: 'old', namespace: 'default' })
      const queries = cluster.requests.filter(({ method = 'GET' }) => method === 'GET')
      for (const { query } of queries)
        expect(query?.['labelSelector']).to.include('owner=helm').and.include('name=old')
      return {
        count,
        deleted: cluster.requests.filter(({ method }) => method === 'DELETE').map(({ path }) => path),
      }
    }

    it('in Secrets', async () => {
      delete process.env['HELM_DRIVER']
      expect(await removed()).to.deep.equal({
        count: 1,
        deleted: ['/api/v1/namespaces/default/secrets/sh.helm.release.v1.old.v1'],
      })
    })

    it('and in ConfigMaps where helm is told to use those', async () => {
      process.env['HELM_DRIVER'] = 'configmap'
      expect((await removed()).deleted).to.deep.equal([
        '/api/v1/namespaces/default/secrets/sh.helm.release.v1.old.v1',
        '/api/v1/namespaces/default/configmaps/sh.helm.release.v1.old.v2',
      ])
    })
  })
})

describe('the command of a dry run', () => {
  it('is one line, and with values from nowhere a here-document', async () => {
    const helm = await helmWith()
    const request = { release: 'app1', chart: '/my chart', files: ['-'], set: [], wait: true, timeout: '5m' }
    const ask = { ...request, mode: 'upgrade-install' } as const
    expect(upgradeCommand(helm, { ...ask, files: ['a.yml'] }, undefined)).to.match(
      /^helm upgrade --install app1 '\/my chart' -f a\.yml .*$/,
    )
    const lines = upgradeCommand(helm, ask, '{"firstApp":{"env":"staging"}}').split('\n')
    expect(lines[0]).to.match(/ -f - .* <<'EOF'$/)
    expect(lines.at(-1)).to.equal('EOF')
    expect(JSON.parse(lines.slice(1, -1).join('\n'))).to.deep.equal({ firstApp: { env: 'staging' } })
  })
})
