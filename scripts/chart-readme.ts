/**
 * Writes helm/README.md from the chart's schema, Chart.yaml and the text below. With --check it writes nothing
 * and exits 1 when the file is not what it would write.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'

interface Schema {
  $ref?: string
  description?: string
  type?: string | string[]
  enum?: unknown[]
  default?: unknown
  deprecated?: boolean
  properties?: Record<string, Schema>
  additionalProperties?: boolean | Schema
  items?: Schema
  allOf?: Schema[]
  definitions?: Record<string, Schema>
}

const chart = fileURLToPath(new URL('../helm', import.meta.url))
const target = path.join(chart, 'README.md')
const schema = JSON.parse(read('values.schema.json')) as Schema
const about = parse(read('Chart.yaml')) as Record<
  'description' | 'version' | 'appVersion' | 'kubeVersion',
  string
>

/** Why the chart's objects tell kube-score to pass over one of its checks. */
const KUBE_SCORE_EXCEPTIONS: Record<string, string> = {
  'container-image-pull-policy':
    'Tags are versions and are never moved, and a digest cannot move. A node that has the image must be able to restart a pod while the registry is away; set `image.pullPolicy: Always` where that does not hold.',
  'deployment-has-host-podantiaffinity':
    'The topology spread constraint does the same, and only prefers: on a cluster of one node all replicas must be able to share it.',
  'horizontalpodautoscaler-replicas':
    'One replica is the contract: 20m of CPU per app and country on a small board. Set `autoscaling.minReplicas: 2` for more.',
  'pod-networkpolicy':
    'Test pods only: they live for seconds, offer no port and must reach the Service. The apps themselves have a NetworkPolicy.',
  'pod-probes-identical':
    '`/ping` is all these apps serve. The probes differ in patience instead: out of the Service after ten seconds, restarted after a minute.',
}

const text = readme()
if (!process.argv.includes('--check')) {
  writeFileSync(target, text)
} else if (read('README.md') !== text) {
  process.stderr.write(
    'helm/README.md is out of date: run `tsx scripts/chart-readme.ts` and commit what it writes.\n',
  )
  process.exitCode = 1
}

function readme(): string {
  const perCountry = Object.keys(resolve({ $ref: '#/definitions/countrySettings' }).properties ?? {})
  const top = Object.entries(schema.properties ?? {})
  const deprecated = top.filter(([, property]) => property.deprecated === true).map(([key]) => `\`${key}\``)
  const shared = top.filter(([key, property]) => !key.endsWith('App') && property.deprecated !== true)
  return `<!-- Written by scripts/chart-readme.ts from values.schema.json: edit those. -->
# The k8sflow chart

${about.description}. Chart ${about.version}, app ${about.appVersion}; Kubernetes ${about.kubeVersion.replace(/^>=(.*)-0$/, '$1 or newer')}; Helm 3.17 or newer, or Helm 4.

For each app and country it creates, in namespace \`we-road-<country>\`: a Deployment, a Service, an Ingress for
\`<app>-<country>.info\` (or an HTTPRoute), a HorizontalPodAutoscaler, a PodDisruptionBudget and a NetworkPolicy.
\`GET /ping\` answers \`hello from <app>-<env>-<country>\`. By default it creates nothing: name an app and its countries.

## Install, upgrade, uninstall

\`\`\`sh
helm install release helm -f helm/values-prod.yaml
helm test release
helm upgrade release helm -f helm/values-prod.yaml
helm uninstall release
\`\`\`

- An app or country that is left out of the values of an upgrade is **deleted**: give every file every time.
- The namespaces are kept (\`helm.sh/resource-policy: keep\`) when a country or the release goes. Both apps share them, and one release
  must not delete what another has put there.
- A namespace belongs to one release. A second release in the same country needs \`--set namespaces.create=false\`, as
  does a namespace that something else has made. (k8sflow makes the namespaces itself and always passes that.)
- The image must listen on port 8080 as any user and answer \`/ping\`. The first chart's image listens on port 80: while
  a release of that chart is upgraded, the Service answers again as soon as the first new pod is ready.
- \`podSecurity\` labels hold for everything in a namespace. Where other programs live there that need more, set a level they meet.

## Argo CD

\`\`\`yaml
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: k8sflow
  namespace: argocd
spec:
  project: default
  source:
    repoURL: https://git.example.org/you/k8sflow
    targetRevision: main
    path: helm
    helm:
      releaseName: release
      valueFiles:
        - values-prod.yaml
  destination:
    server: https://kubernetes.default.svc
    namespace: we-road
  syncPolicy:
    automated:
      prune: true
      selfHeal: true
    syncOptions:
      - CreateNamespace=true
\`\`\`

Argo CD renders the chart and applies it by itself: \`helm list\` shows no release. Namespaces carry its
\`Prune=false,Delete=false\` too, so it keeps them (and shows the application out of sync once a country has gone). The Deployments name no replicas while the autoscaler is on, so the two do not fight over those.

## Values

| Key | Type | Default | What it is |
| --- | --- | --- | --- |
${shared.flatMap(([key, property]) => rows(key, property)).join('\n')}

### Of each app: \`firstApp.…\` and \`secondApp.…\`

| Key | Type | Default | What it is |
| --- | --- | --- | --- |
${Object.entries(resolve({ $ref: '#/definitions/app' }).properties ?? {})
  .flatMap(([key, property]) => (key === 'perCountry' ? [row(key, property)] : rows(key, property)))
  .join('\n')}

\`perCountry.<country>\` takes ${perCountry.map((key) => `\`${key}\``).join(', ')}. Maps are merged over the app's own, lists
replace them, and null removes a key:

\`\`\`yaml
firstApp:
  create: true
  env: production
  countries: ["it", "no"]
  perCountry:
    "no":
      autoscaling: {minReplicas: 2}
      image: {tag: "1.1.0"}
\`\`\`

Quote \`"no"\` (Norway): YAML reads it bare as a boolean, which the schema refuses.

### Autoscaling

One HorizontalPodAutoscaler per app and country follows the CPU of nginx's own container, in percent of what that requests: with the defaults a second pod comes
at 16m. What runs beside nginx (logs, metrics, a mesh's proxy) does not count. metrics-server has to be there, as it is on K3s. Kubernetes' own pace is:
up at once, to three times as many pods within 15 seconds or so; down after five minutes of less load. \`autoscaling.behavior\` changes it. Down
after one minute, a pod every 30 seconds:

\`\`\`yaml
${read('../test/fixtures/valid/autoscaling-behavior.yml').trimEnd()}
\`\`\`

Slowly up, for a load in short peaks: a pod a minute, and only for what has lasted for two:

\`\`\`yaml
${read('../test/fixtures/valid/autoscaling-slow.yml').trimEnd()}
\`\`\`

Accepted at the top level because the first chart's values file had them, and ignored as they always were: ${deprecated.join(', ')}.

## Checks

The chart passes \`helm lint --strict\`, kubeconform in strict mode, and kube-score. These of kube-score's checks are passed over, by the
annotation \`kube-score/ignore\` on the objects concerned:

${exceptions()}
`
}

/** One line for each exception that a template makes; an exception without a reason here, or the reverse, is an error. */
function exceptions(): string {
  const templates = readdirSync(path.join(chart, 'templates'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.yaml'))
    .map((file) => read(path.join('templates', file)))
  const made = templates.flatMap((template) =>
    [...template.matchAll(/kube-score\/ignore: (.*)/g)].flatMap((match) => match[1]?.split(',') ?? []),
  )
  const listed = Object.keys(KUBE_SCORE_EXCEPTIONS)
  const odd = [
    ...made.filter((name) => !listed.includes(name)),
    ...listed.filter((name) => !made.includes(name)),
  ]
  if (odd.length > 0)
    throw new Error(`exceptions of kube-score without a reason, or reasons without one: ${odd.join(', ')}`)
  return listed.map((name) => `- \`${name}\`: ${KUBE_SCORE_EXCEPTIONS[name] ?? ''}`).join('\n')
}

/** Table rows for a property and those inside it. */
function rows(key: string, property: Schema): string[] {
  const { properties } = resolve(property)
  const inside = Object.entries(properties ?? {}).flatMap(([name, inner]) => rows(`${key}.${name}`, inner))
  return [row(key, property), ...inside]
}

function row(key: string, property: Schema): string {
  const { description, default: value } = resolve(property)
  const shown = value === undefined ? '' : `\`${JSON.stringify(value)}\``
  return `| \`${key}\` | ${type(resolve(property))} | ${shown} | ${(description ?? '').replaceAll('|', '\\|').replaceAll('<', '\\<')} |`
}

/** The type in words, without the null that every optional key accepts. */
function type({ enum: values, type: types, items }: Schema): string {
  if (values !== undefined)
    return values
      .filter((value) => value !== null && value !== '')
      .map((value) => `\`${String(value)}\``)
      .join(', ')
  const names = [types ?? 'anything'].flat().filter((name) => name !== 'null')
  if (names[0] === 'array') return `list of ${resolve(items ?? {}).type === 'string' ? 'text' : 'maps'}`
  return names
    .map((name) => ({ object: 'map', string: 'text', integer: 'whole number' })[name] ?? name)
    .join(' or ')
}

function resolve(part: Schema): Schema {
  if (part.$ref === undefined) return part
  const found = schema.definitions?.[part.$ref.replace('#/definitions/', '')]
  if (found === undefined) throw new Error(`values.schema.json has no ${part.$ref}`)
  return found
}

function read(file: string): string {
  return readFileSync(path.join(chart, file), 'utf8')
}
