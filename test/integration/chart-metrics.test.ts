import { expect } from 'chai'
import { readFile } from 'node:fs/promises'
import path from 'node:path'

import { CHART, type Manifest, ofKind, one, render } from './chart-render.js'

const italy = { create: true, appName: 'app1', env: 'staging', countries: ['it'] }
const withMetrics = (metrics: object = {}, more: object = {}) => ({
  firstApp: { ...italy, ...more, metrics: { enabled: true, ...metrics } },
})
const kinds = (objects: Manifest[]) => new Set(objects.map(({ kind }) => kind))

describe('the chart: metrics', () => {
  it('adds nothing while they are off', async () => {
    const objects = await render({ firstApp: italy })
    expect(kinds(objects)).not.to.include.any.keys('PodMonitor', 'PrometheusRule', 'ConfigMap')
    expect(one(objects, 'Deployment').spec.template.spec).not.to.have.property('initContainers')
  })

  it('adds a small exporter that reads a page of nginx which only this pod reaches', async () => {
    const objects = await render(withMetrics())
    const [exporter, ...others] = one(objects, 'Deployment').spec.template.spec.initContainers
    expect(others).to.deep.equal([])
    expect(exporter).to.deep.include({
      name: 'metrics',
      image: 'nginx/nginx-prometheus-exporter:1.5.3',
      restartPolicy: 'Always',
      args: ['--nginx.scrape-uri=http://127.0.0.1:8082/stub_status', '--web.listen-address=:9113'],
      ports: [{ name: 'metrics', containerPort: 9113, protocol: 'TCP' }],
    })
    expect(exporter.securityContext).to.include({ runAsUser: 10101, readOnlyRootFilesystem: true })
    expect(exporter.resources.requests).to.include({ cpu: '5m', memory: '16Mi' })
    expect(exporter.resources.limits).to.include({ cpu: '20m', memory: '32Mi' })
    const nginx = one(objects, 'ConfigMap').data['metrics.http.conf']
    expect(nginx).to.match(/^ *listen 127\.0\.0\.1:8082;$/m)
    expect(nginx.match(/listen /g)).to.have.lengthOf(1)
    expect(one(objects, 'Service').spec.ports).to.have.lengthOf(1)
  })

  it('shows a pod no files of nginx but those of its own revision', async () => {
    const files = async (more: object) => {
      const objects = await render(withMetrics({}, more))
      const { volumes } = one(objects, 'Deployment').spec.template.spec as {
        volumes: { configMap?: { items: { key: string; path: string }[] } }[]
      }
      const [items] = volumes.flatMap(({ configMap }) => (configMap === undefined ? [] : [configMap.items]))
      expect(items?.map(({ key }) => key)).to.have.members(
        Object.keys(one(objects, 'ConfigMap').data as object),
      )
      return items?.map(({ path }) => path)
    }
    expect(await files({})).to.deep.equal(['metrics.http.conf'])
    const logs = { enabled: true, public: true }
    expect(await files({ logs })).to.deep.equal(['logs.http.conf', 'logs.server.conf', 'metrics.http.conf'])
  })

  it('lets pods of the cluster, and only them, through to the exporter', async () => {
    const { ingress } = one(await render(withMetrics()), 'NetworkPolicy').spec
    expect(ingress).to.deep.include({
      ports: [{ port: 9113, protocol: 'TCP' }],
      from: [{ namespaceSelector: {} }],
    })
  })

  it('has a PodMonitor for the port, with app and country as labels, and the labels asked for', async () => {
    const objects = await render(
      withMetrics({ podMonitor: { interval: '15s', labels: { release: 'prometheus' } } }),
    )
    const monitor = one(objects, 'PodMonitor')
    expect(monitor.metadata.labels).to.include({ release: 'prometheus', app: 'app1-it' })
    expect(monitor.spec).to.deep.equal({
      selector: { matchLabels: { app: 'app1-it' } },
      podMetricsEndpoints: [
        {
          port: 'metrics',
          interval: '15s',
          relabelings: [
            { action: 'replace', targetLabel: 'app', replacement: 'app1' },
            { action: 'replace', targetLabel: 'country', replacement: 'it' },
          ],
        },
      ],
    })
  })

  it('leaves out what a cluster without the operator has no kind for', async () => {
    const objects = await render(withMetrics({ podMonitor: { enabled: false }, rules: { enabled: false } }))
    expect(kinds(objects)).not.to.include.any.keys('PodMonitor', 'PrometheusRule')
    expect(one(objects, 'Deployment').spec.template.spec.initContainers).to.have.lengthOf(1)
  })

  it('survives sections that are null, and labels that the app has already', async () => {
    const nulls = await render(withMetrics({ image: null, resources: null, podMonitor: null, rules: null }))
    expect(one(nulls, 'PodMonitor').spec.podMetricsEndpoints[0].interval).to.equal('30s')
    expect(ofKind(nulls, 'PrometheusRule')).to.have.lengthOf(1)
    const labels = { team: 'other', release: 'x' }
    const objects = await render(withMetrics({ rules: { labels } }, { extraLabels: { team: 'web' } }))
    expect(one(objects, 'PrometheusRule').metadata.labels).to.include({ team: 'web', release: 'x' })
  })

  it('watches the autoscaler only where there is one, and names app and country in every alert', async () => {
    const alerts = async (more: object) => {
      const [group] = one(await render(withMetrics({}, more)), 'PrometheusRule').spec.groups
      return group.rules as { alert: string; labels: Record<string, string> }[]
    }
    const all = await alerts({})
    expect(all.map(({ alert }) => alert)).to.deep.equal([
      'K8sflowAppDown',
      'K8sflowErrorRatio',
      'K8sflowConnectionsDropped',
      'K8sflowAutoscalerAtMaximum',
      'K8sflowRestarts',
      'K8sflowThrottled',
    ])
    for (const { alert, labels } of all) expect(labels, alert).to.include({ app: 'app1', country: 'it' })
    const without = await alerts({ autoscaling: { enabled: false } })
    expect(without.map(({ alert }) => alert)).not.to.include('K8sflowAutoscalerAtMaximum')
  })

  it('has one dashboard, in the release of the first app alone', async () => {
    const dashboard = { enabled: true, namespace: 'monitoring' }
    const [config] = ofKind(await render({ firstApp: italy, dashboard }), 'ConfigMap')
    expect(config?.metadata).to.deep.include({ name: 'k8sflow-dashboard', namespace: 'monitoring' })
    expect(config?.metadata.labels).to.include({ grafana_dashboard: '1' })
    const text = await readFile(path.join(CHART, 'dashboards', 'k8sflow.json'), 'utf8')
    expect(JSON.parse(config?.data['k8sflow.json'])).to.deep.equal(JSON.parse(text))
    const second = { secondApp: { ...italy, appName: 'app2' }, dashboard }
    expect(ofKind(await render(second), 'ConfigMap')).to.deep.equal([])
    expect(ofKind(await render({ firstApp: italy }), 'ConfigMap')).to.deep.equal([])
  })
})
