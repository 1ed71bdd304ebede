import { expect } from 'chai'

import { releaseContents } from '../../../src/services/release-contents.js'
import { describeRollback, planRollback, targetRevision } from '../../../src/services/rollback-plan.js'
import type { ReleaseRevision, ReleaseState, ReleaseSummary } from '../../../src/tools/helm-output.js'

const release: ReleaseSummary = {
  name: 'app1',
  namespace: 'we-road',
  revision: 3,
  status: 'deployed',
  updated: '2026-11-24T08:00:00.000Z',
  chart: 'k8sflow-1.0.0',
  appVersion: '1.0.0',
}
const revisions = (...states: ReleaseState[]): ReleaseRevision[] =>
  states.map((status, index) => ({
    revision: index + 1,
    status,
    updated: '',
    chart: '',
    appVersion: '',
    description: '',
  }))
const deployment = (country: string, environment: string, tag: string) => `---
# Source: k8sflow/templates/deployment.yaml
apiVersion: apps/v1
kind: Deployment
metadata:
  name: app1-${country}
  namespace: we-road-${country}
spec:
  template:
    spec:
      containers:
        - image: "hecha00/app1:${tag}"
          env:
            - name: APP_NAME
              value: "app1-${environment}"
`
const namespace = (name: string, annotations = '') => `---
apiVersion: v1
kind: Namespace
metadata:
  name: ${name}
${annotations}`

describe('the revision to go back to', () => {
  const target = (history: ReleaseRevision[], wanted?: number) =>
    targetRevision(release, history, wanted).revision

  it('is the last good one before the newest', () => {
    expect(target(revisions('superseded', 'superseded', 'deployed'))).to.equal(2)
    expect(target(revisions('superseded', 'failed', 'deployed'))).to.equal(1)
    expect(target(revisions('superseded', 'deployed', 'failed'))).to.equal(2)
    expect(target(revisions('superseded', 'deployed', 'failed', 'pending-upgrade'))).to.equal(2)
  })

  it('is the one asked for, a failed one too', () => {
    expect(target(revisions('failed', 'superseded', 'deployed'), 1)).to.equal(1)
  })

  it('is refused when it is not there, or is what runs', () => {
    expect(() => target(revisions('deployed'))).to.throw(/no earlier good revision/)
    expect(() => target(revisions('failed', 'failed'))).to.throw(/no earlier good revision.*1, 2/)
    expect(() => target(revisions('superseded', 'deployed'), 9)).to.throw(/no revision 9: helm keeps 1, 2/)
    expect(() => target(revisions('superseded', 'deployed'), 2)).to.throw(/is what runs now/)
  })
})

describe('the plan of a rollback', () => {
  it('shows environments, images and countries that change, and what must be kept and made', async () => {
    const current = await releaseContents(
      deployment('it', 'staging', '1.1.0') + deployment('uk', 'staging', '1.1.0'),
    )
    const wanted = await releaseContents(
      namespace('we-road-it') +
        deployment('it', 'production', '1.0.0') +
        deployment('es', 'production', '1.0.0'),
    )
    const [first, second] = revisions('superseded', 'superseded', 'deployed')
    const plan = planRollback(release, second ?? first!, { current, target: wanted })
    expect(describeRollback(plan)).to.deep.equal([
      'app1/es comes back: production hecha00/app1:1.0.0',
      'app1/it staging → production, hecha00/app1:1.1.0 → hecha00/app1:1.0.0',
      'app1/uk goes; its namespace stays',
    ])
    // The revision brings we-road-it itself.
    expect(plan.needed).to.deep.equal(['we-road-es'])
    expect(plan.keep).to.have.members(['we-road-it', 'we-road-es', 'we-road-uk'])
  })

  it('says when nothing of that changes, and when the release is locked or the revision failed', async () => {
    const same = await releaseContents(deployment('it', 'staging', '1.0.0'))
    const [failed] = revisions('failed')
    const plan = planRollback({ ...release, status: 'pending-upgrade' }, failed!, {
      current: same,
      target: same,
    })
    expect(describeRollback(plan)).to.deep.equal([
      'images, environments and countries stay as they are; other settings may change',
      'the release is pending-upgrade: if another run is still at work on it, wait for that instead',
      'revision 1 failed when it was deployed',
    ])
  })
})

describe('the contents of a release', () => {
  it('are its apps, its objects, and the namespaces that helm would delete with it', async () => {
    const keep = '  annotations:\n    helm.sh/resource-policy: keep\n'
    const contents = await releaseContents(
      namespace('we-road-it') + namespace('we-road-es', keep) + deployment('it', 'staging', '1.0.0'),
    )
    expect(contents.instances).to.deep.equal([
      {
        app: 'app1',
        country: 'it',
        namespace: 'we-road-it',
        environment: 'staging',
        image: 'hecha00/app1:1.0.0',
      },
    ])
    expect(contents.doomedNamespaces).to.deep.equal(['we-road-it'])
    expect(contents.objects).to.have.length(3)
  })

  it('are empty for an empty manifest', async () => {
    expect(await releaseContents('')).to.deep.equal({ instances: [], objects: [], doomedNamespaces: [] })
  })
})
