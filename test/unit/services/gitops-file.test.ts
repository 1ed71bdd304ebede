import { expect } from 'chai'
import { parse } from 'yaml'

import type { K8sflowError } from '../../../src/errors.js'
import { manifestText } from '../../../src/services/gitops-file.js'
import type { ArgoObject } from '../../../src/services/gitops-manifests.js'

const wanted = (values: object = {}, more: object = {}): ArgoObject => ({
  apiVersion: 'argoproj.io/v1alpha1',
  kind: 'Application',
  metadata: { name: 'we-road-app1', namespace: 'argocd', labels: { 'app.kubernetes.io/part-of': 'we-road' } },
  spec: {
    project: 'we-road',
    source: { targetRevision: 'main', helm: { valuesObject: { namespaces: { create: false }, ...values } } },
    syncPolicy: {
      automated: { prune: true },
      syncOptions: ['CreateNamespace=true', 'ServerSideApply=true'],
    },
    ...more,
  },
})
const IGNORED = { group: 'apps', kind: 'Deployment', jsonPointers: ['/spec/replicas'] }
const text = async (before: string | undefined, object: ArgoObject) =>
  manifestText('argocd/app1.yaml', before, object)

describe('the file of a manifest', () => {
  it('is left exactly as it is where it says the same, however it says it', async () => {
    const fresh = await text(undefined, wanted())
    expect(parse(fresh)).to.deep.equal(wanted())
    expect(await text(fresh, wanted())).to.equal(fresh)
    const own = fresh
      .replace('targetRevision: main', "targetRevision:   'main'   # mine")
      .replace(
        /- CreateNamespace=true\n( +)- ServerSideApply=true/,
        '- ServerSideApply=true\n$1- CreateNamespace=true',
      )
    expect(own).not.to.equal(fresh)
    expect(await text(own, wanted())).to.equal(own)
  })

  it('keeps comments, keys, sync options and ignored differences of others', async () => {
    const fresh = await text(undefined, wanted({}, { ignoreDifferences: [IGNORED] }))
    const own = `# our own\n${fresh}  info: [{name: owner, value: me}]\n`
      .replace('targetRevision: main', 'targetRevision: main # moved soon')
      .replace('    - CreateNamespace=true', '    - PruneLast=true\n      - CreateNamespace=false')
      .replace('ignoreDifferences:', 'ignoreDifferences:\n    - {kind: Service, jsonPointers: [/spec/x]}')
    const object = wanted({}, { ignoreDifferences: [{ ...IGNORED, name: 'app1-it' }] })
    const updated = await text(own, object)
    expect(updated).to.include('# our own').and.include('# moved soon')
    const { spec } = parse(updated) as ArgoObject
    expect(spec['info']).to.deep.equal([{ name: 'owner', value: 'me' }])
    expect((spec['syncPolicy'] as { syncOptions: string[] }).syncOptions).to.have.members([
      'PruneLast=true',
      'CreateNamespace=true',
      'ServerSideApply=true',
    ])
    expect(spec['ignoreDifferences']).to.deep.equal([
      { kind: 'Service', jsonPointers: ['/spec/x'] },
      { ...IGNORED, name: 'app1-it' },
    ])
    expect(await text(updated, object)).to.equal(updated)
  })

  it('takes back what an earlier run wrote and this one does not want', async () => {
    const before = await text(
      undefined,
      wanted({ secondApp: { create: false } }, { ignoreDifferences: [IGNORED] }),
    )
    const after = parse(await text(before, wanted())) as { spec: Record<string, unknown> }
    expect(after.spec).to.deep.equal({ ...wanted().spec, ignoreDifferences: [] })
    const own = before.replace('secondApp:', 'secondApp:\n          replicas: 3')
    const kept = parse(await text(own, wanted())) as ReturnType<typeof wanted>
    expect(kept.spec['source']).to.deep.include({
      helm: { valuesObject: { namespaces: { create: false }, secondApp: { replicas: 3 } } },
    })
  })

  it('refuses a file that holds something else', async () => {
    for (const before of ['kind: Application\nmetadata: {name: other}\n', 'a: [', 'hello', '- 1\n']) {
      const error = await text(before, wanted()).catch((caught: unknown) => caught as K8sflowError)
      expect(error, before).to.include({ code: 'UNUSABLE_MANIFEST', exitCode: 2 })
    }
    const empty = await text('spec:\nkind: Application\nmetadata: {name: we-road-app1}\n', wanted())
    expect(parse(empty)).to.deep.include({ spec: wanted().spec })
  })
})
