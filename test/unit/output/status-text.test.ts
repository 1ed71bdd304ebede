import { expect } from 'chai'

import { age } from '../../../src/output/age.js'
import { historyText } from '../../../src/output/history-text.js'
import { statusText } from '../../../src/output/status-text.js'
import { uninstallText } from '../../../src/output/undo-text.js'
import type { InstanceStatus, StatusResult } from '../../../src/services/status.js'

const NOW = Date.parse('2026-11-24T10:00:00Z')
const row = (more: Partial<InstanceStatus>): InstanceStatus => ({
  app: 'app1',
  country: 'it',
  namespace: 'we-road-it',
  state: 'deployed',
  healthy: true,
  release: { name: 'app1', namespace: 'we-road', revision: 3 },
  application: null,
  managedBy: null,
  environment: 'staging',
  ready: 1,
  desired: 1,
  upToDate: true,
  autoscaling: { minReplicas: 1, maxReplicas: 10, currentReplicas: 1, targetCpu: 80, currentCpu: 12 },
  image: 'hecha00/app1:1.0.0',
  hosts: ['app1-it.info'],
  createdAt: '2026-11-24T08:00:00Z',
  problem: null,
  ...more,
})
const text = async (...apps: InstanceStatus[]) =>
  statusText(
    {
      apps,
      releases: [],
      notes: [],
      healthy: true,
      context: '',
      server: '',
      serverVersion: '',
    } satisfies StatusResult,
    NOW,
  )

describe('status as text', () => {
  it('is one line per app and country', async () => {
    const [head, line, ...rest] = (await text(row({}))).split('\n')
    expect(head).to.match(/^APP +COUNTRY +RELEASE +REV +STATUS +READY +CPU +IMAGE +HOST +AGE$/)
    expect(line).to.match(
      /^app1 +it +app1 +3 +deployed +1\/1 +12%\/80% 1\.\.10 +hecha00\/app1:1\.0\.0 +app1-it\.info +2h$/,
    )
    expect(rest).to.deep.equal([])
  })

  it('names a cause once, with everything it keeps from running', async () => {
    const problem = { reason: 'ImagePullBackOff', message: 'no such image' }
    const shown = await text(
      ...['it', 'es'].map((country) => row({ country, healthy: false, ready: 0, problem })),
    )
    expect(shown).to.include('✗ app1/it, app1/es ImagePullBackOff: no such image')
  })

  it('says why the CPU is unknown, and that a release is pending', async () => {
    const problem =
      'FailedGetResourceMetric: unable to get metrics: the server is currently unable to handle the request'
    const autoscaling = { minReplicas: 1, maxReplicas: 10, currentReplicas: 1, targetCpu: 80, problem }
    const shown = await text(row({ autoscaling, state: 'pending-upgrade' }))
    expect(shown)
      .to.include('unknown/80%')
      .and.include('⚠ app1/it CPU unknown: the server is currently unable')
    expect(shown).to.include('release app1 is pending-upgrade')
  })

  it('shortens digests, and shows who deployed what no release did', async () => {
    const image = `hecha00/app1@sha256:${'ab'.repeat(32)}`
    const shown = await text(
      row({ image, state: 'unmanaged', release: null, managedBy: 'Argo CD', autoscaling: null }),
    )
    expect(shown).to.include('@sha256:abababababab… ').and.include('no release (Argo CD)')
  })
})

describe('ages', () => {
  for (const [since, expected] of [
    ['2026-11-24T09:59:15Z', '45s'],
    ['2026-11-24T09:58:01Z', '119s'],
    ['2026-11-24T09:48:00Z', '12m'],
    ['2026-11-23T13:00:00Z', '21h'],
    ['2026-11-15T10:00:00Z', '9d'],
    ['2026-11-24T10:00:05Z', '0s'],
    [null, '-'],
    ['', '-'],
  ] as const)
    it(`${since ?? 'nothing'} is ${expected}`, () => expect(age(since, NOW)).to.equal(expected))
})

describe('history and uninstall as text', () => {
  it('cuts helm’s long descriptions', async () => {
    const revision = {
      revision: 1,
      updated: '2026-11-24T08:00:00.000Z',
      status: 'failed' as const,
      chart: 'k8sflow-1.0.0',
      appVersion: '',
      description: 'x '.repeat(200),
    }
    const shown = await historyText(
      {
        context: '',
        notes: [],
        releases: [{ release: 'app1', namespace: 'we-road', revisions: [revision] }],
      },
      NOW,
    )
    expect(shown).to.match(/app1 +1 +2026-11-24 08:00:00Z +2h +failed +k8sflow-1\.0\.0 +(x )+x?…$/m)
    expect(await historyText({ context: '', notes: [], releases: [] })).to.include('no release')
  })

  it('says what stays', () => {
    const release = {
      release: 'app1',
      namespace: 'we-road',
      outcome: 'uninstalled' as const,
      objects: [],
      status: null,
      summary: 'app1 is gone.',
    }
    const result = {
      ok: true,
      dryRun: false,
      context: '',
      notes: [],
      releases: [release],
      namespaces: { kept: ['we-road-it'], deleted: [], remaining: [] },
    }
    expect(uninstallText(result)).to.equal('app1 is gone.\nNamespaces kept: we-road-it.')
    expect(uninstallText({ ...result, dryRun: true, commands: ['helm uninstall app1'] })).to.equal(
      'helm uninstall app1',
    )
  })
})
