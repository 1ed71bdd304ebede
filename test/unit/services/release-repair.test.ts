import { expect } from 'chai'

import { decideRepair, lastGoodRevision } from '../../../src/services/release-repair.js'
import type { ReleaseRevision, ReleaseState, ReleaseStatus } from '../../../src/tools/helm-output.js'

const NOW = Date.parse('2026-11-24T10:00:00Z')

function status(state: ReleaseState, secondsAgo: number): ReleaseStatus {
  const at = new Date(NOW - secondsAgo * 1000).toISOString()
  return {
    name: 'app1',
    namespace: 'we-road',
    revision: 3,
    status: state,
    description: '',
    firstDeployed: at,
    lastDeployed: at,
  }
}
function history(...states: ReleaseState[]): ReleaseRevision[] {
  return states.map((state, index) => ({
    revision: index + 1,
    updated: '',
    status: state,
    chart: '',
    appVersion: '',
    description: '',
  }))
}
const options = { now: NOW, timeoutMs: 300_000, force: false }

describe('the repair of a release', () => {
  it('has nothing to do where nothing is pending', () => {
    expect(decideRepair(undefined, [], options)).to.deep.equal({ kind: 'none' })
    expect(decideRepair(status('failed', 9999), history('failed'), options).kind).to.equal('none')
    expect(decideRepair(status('deployed', 1), [], options).kind).to.equal('none')
  })

  it('touches nothing that may be running, up to the timeout and a minute', () => {
    expect(decideRepair(status('pending-upgrade', 359), history('deployed'), options).kind).to.equal('busy')
    expect(decideRepair(status('pending-upgrade', 361), history('deployed'), options).kind).to.equal(
      'rollback',
    )
    expect(
      decideRepair(status('pending-upgrade', 5), history('deployed'), { ...options, force: true }).kind,
    ).to.equal('rollback')
  })

  it('goes back to the last good revision, and starts over where there is none', () => {
    const rollback = decideRepair(
      status('pending-upgrade', 999),
      history('superseded', 'deployed', 'pending-upgrade'),
      options,
    )
    expect(rollback).to.include({ kind: 'rollback', revision: 2 })
    expect(decideRepair(status('pending-install', 999), history('pending-install'), options).kind).to.equal(
      'forget',
    )
  })

  it('never brings back what was being uninstalled', () => {
    expect(
      decideRepair(status('uninstalling', 999), history('superseded', 'uninstalling'), options).kind,
    ).to.equal('forget')
  })

  it('treats a time it cannot read as recent', () => {
    const unreadable = { ...status('pending-upgrade', 0), lastDeployed: 'once' }
    expect(decideRepair(unreadable, history('deployed'), options).kind).to.equal('busy')
  })
})

describe('the last good revision', () => {
  it('is the deployed one, else the newest that was replaced', () => {
    expect(lastGoodRevision(history('superseded', 'deployed', 'failed'))?.revision).to.equal(2)
    expect(lastGoodRevision(history('superseded', 'superseded', 'failed'))?.revision).to.equal(2)
    expect(lastGoodRevision(history('failed', 'failed'))).to.equal(undefined)
    expect(lastGoodRevision(history('superseded', 'deployed'), 2)?.revision).to.equal(1)
  })
})
