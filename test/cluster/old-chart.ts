import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** What matters of the first chart: it owns the namespaces of secondApp's countries, and nothing keeps them. */
const FILES = {
  'Chart.yaml': 'apiVersion: v2\nname: helm\nversion: 0.1.0\n',
  'templates/ns.yaml': `{{- range .Values.secondApp.countries }}
---
apiVersion: v1
kind: Namespace
metadata:
  name: we-road-{{ . }}
{{- end }}
`,
  'templates/apps.yaml': `{{- range $app := list .Values.firstApp .Values.secondApp }}
{{- range $country := $app.countries }}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ $app.appName }}-{{ $country }}
  namespace: we-road-{{ $country }}
spec:
  replicas: 1
  selector: { matchLabels: { app: {{ $app.appName }}-{{ $country }} } }
  template:
    metadata: { labels: { app: {{ $app.appName }}-{{ $country }} } }
    spec:
      containers:
        - name: {{ $app.appName }}-{{ $country }}
          image: hecha00/{{ $app.appName }}:1.0.0
          env:
            - { name: APP_NAME, value: {{ $app.appName }}-{{ $app.env }} }
            - { name: COUNTRY, value: {{ $country | quote }} }
{{- end }}
{{- end }}
`,
} as const

/** Lends a folder with a chart that behaves as the first one did. */
export async function oldChart<Result>(use: (folder: string) => Promise<Result>): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), 'k8sflow-old-chart-'))
  try {
    await mkdir(join(folder, 'templates'))
    for (const [name, content] of Object.entries(FILES)) await writeFile(join(folder, name), content)
    return await use(folder)
  } finally {
    await rm(folder, { recursive: true })
  }
}
