import { expect } from 'chai'

import { clusterNodes, couldRun, type ClusterNode } from '../../../src/cluster/nodes.js'
import { ApiStatusError } from '../../../src/cluster/cluster.js'
import { fakeCluster, type Reply } from './fake-cluster.js'

const NODE: ClusterNode = {
  name: 'pi',
  platform: 'linux/arm64',
  labels: { 'kubernetes.io/arch': 'arm64', disk: 'ssd', cores: '4' },
  taints: [],
  available: true,
}
const tainted = (key: string, effect: string, value?: string): ClusterNode => ({
  ...NODE,
  taints: [{ key, effect, ...(value === undefined ? {} : { value }) }],
})
const requiring = (...terms: object[]) => ({
  affinity: {
    nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: terms } },
  },
})
const expressions = (...all: [key: string, operator: string, ...values: unknown[]][]) => ({
  matchExpressions: all.map(([key, operator, ...values]) => ({ key, operator, values })),
})

describe('nodes', () => {
  const nodeObject = (
    name: string,
    more: { status?: string; spec?: object; architecture?: string } = {},
  ) => ({
    metadata: { name, labels: { a: 'b' } },
    spec: more.spec ?? {},
    status: {
      nodeInfo: { operatingSystem: 'linux', architecture: more.architecture ?? 'arm64' },
      conditions: [
        { type: 'MemoryPressure', status: 'False' },
        { type: 'Ready', status: more.status ?? 'True' },
      ],
    },
  })
  const answering = (reply: Reply) => fakeCluster(() => reply)

  it('lists what they run and whether they take pods', async () => {
    const items = [
      nodeObject('pi2', { spec: { unschedulable: true } }),
      nodeObject('pi1', { spec: { taints: [{ key: 'k', effect: 'NoSchedule' }] } }),
      nodeObject('pi3', { status: 'Unknown', architecture: 'amd64' }),
      { metadata: { name: 'pi4' } },
    ]
    expect(await clusterNodes(answering({ items }))).to.deep.equal([
      {
        name: 'pi1',
        platform: 'linux/arm64',
        labels: { a: 'b' },
        taints: [{ key: 'k', effect: 'NoSchedule' }],
        available: true,
      },
      { name: 'pi2', platform: 'linux/arm64', labels: { a: 'b' }, taints: [], available: false },
      { name: 'pi3', platform: 'linux/amd64', labels: { a: 'b' }, taints: [], available: false },
      { name: 'pi4', platform: 'unknown', labels: {}, taints: [], available: false },
    ])
  })

  it('gives nothing to a user who may not list them, and throws what else goes wrong', async () => {
    const text = '{"kind":"Status","reason":"Forbidden","message":"nodes is forbidden"}'
    expect(await clusterNodes(answering({ status: 403, text }))).to.equal(undefined)
    const error: unknown = await clusterNodes(answering({ status: 500, text: '{}' })).catch(
      (thrown: unknown) => thrown,
    )
    expect(error).to.be.instanceOf(ApiStatusError)
  })

  it('goes by availability and nodeSelector', () => {
    expect(couldRun({}, NODE)).to.equal(true)
    expect(couldRun({}, { ...NODE, available: false })).to.equal(false)
    expect(couldRun({ nodeSelector: { disk: 'ssd', cores: 4, gone: null } }, NODE)).to.equal(true)
    expect(couldRun({ nodeSelector: { disk: 'ssd', 'kubernetes.io/arch': 'amd64' } }, NODE)).to.equal(false)
    expect(couldRun({ nodeSelector: null, affinity: 'x', tolerations: {} }, NODE)).to.equal(true)
  })

  it('goes by taints and tolerations', () => {
    const control = tainted('control-plane', 'NoSchedule')
    expect(couldRun({}, control)).to.equal(false)
    expect(couldRun({}, tainted('slow', 'PreferNoSchedule'))).to.equal(true)
    const tolerated: [object, boolean][] = [
      [{ key: 'control-plane' }, true],
      [{ key: 'control-plane', operator: 'Exists', effect: 'NoSchedule' }, true],
      [{ key: 'control-plane', effect: 'NoExecute' }, false],
      [{ key: 'control-plane', value: 'yes' }, false],
      [{ key: 'control-plane', operator: '', value: 'yes', effect: '' }, false],
      [{ key: 'control-plane', operator: null, value: null, effect: null }, true],
      [{ key: 'control-plane', operator: 'Unheard', value: 'yes' }, true],
      [{ key: 'other', operator: 'Exists' }, false],
      [{ operator: 'Exists' }, true],
      [{}, false],
    ]
    for (const [toleration, runs] of tolerated)
      expect(couldRun({ tolerations: [toleration] }, control), JSON.stringify(toleration)).to.equal(runs)
    const valued = tainted('use', 'NoExecute', 'web')
    expect(couldRun({ tolerations: [{ key: 'use', value: 'web' }] }, valued)).to.equal(true)
    expect(couldRun({ tolerations: [{ key: 'use', value: 'db' }] }, valued)).to.equal(false)
  })

  it('goes by required node affinity', () => {
    const fits: [object, boolean][] = [
      [requiring(expressions(['kubernetes.io/arch', 'In', 'amd64', 'arm64'])), true],
      [requiring(expressions(['kubernetes.io/arch', 'In', 'amd64'])), false],
      [requiring(expressions(['kubernetes.io/arch', 'NotIn', 'arm64'])), false],
      [requiring(expressions(['gpu', 'NotIn', 'x'])), true],
      [requiring(expressions(['disk', 'Exists'], ['gpu', 'DoesNotExist'])), true],
      [requiring(expressions(['disk', 'Exists'], ['gpu', 'Exists'])), false],
      [requiring(expressions(['disk', 'DoesNotExist']), expressions(['disk', 'Exists'])), true],
      [requiring(expressions(['cores', 'Gt', '3'])), true],
      [requiring(expressions(['cores', 'Lt', '4'])), false],
      [requiring(expressions(['gpu', 'Gt', '0'])), false],
      [requiring(expressions(['disk', 'Unheard'])), true],
      [requiring({ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['pi'] }] }), true],
      [requiring({ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['x'] }] }), false],
      [requiring({}), false],
      [{ affinity: { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{}] } } }, true],
    ]
    for (const [placement, runs] of fits)
      expect(couldRun(placement, NODE), JSON.stringify(placement)).to.equal(runs)
  })
})
