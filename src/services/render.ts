import { InvalidInputError } from '../errors.js'
import type { Progress } from '../progress.js'
import { chartPath } from '../tools/chart.js'
import { HelmError } from '../tools/helm-errors.js'
import type { Helm } from '../tools/helm.js'
import { RELEASE_NAMESPACE } from '../values/contract.js'
import type { PlannedRelease } from './deploy-plan.js'
import { OWN_SETTINGS } from './deploy-prepare.js'
import { selectValues, type ValuesChoice } from './deploy-selection.js'
import { checkNamespace } from './namespace.js'

export interface RenderOptions extends ValuesChoice {
  namespace?: string | undefined
  chart?: string | undefined
  /** The Kubernetes to render for; left out, the one helm was built with. */
  kubeVersion?: string | undefined
  /** Render the countries' namespaces too, as plain helm and Argo CD do; `deploy` makes them itself. */
  namespaces: boolean
}

export interface RenderedRelease {
  release: string
  namespace: string
  apps: string[]
  /** YAML, several documents. */
  manifest: string
}

export interface RenderResult {
  releases: RenderedRelease[]
  notes: string[]
}

/**
 * Renders the manifests of each release through helm, with the very values a deployment would pass; needs no cluster.
 * @throws InvalidInputError when the chart or its schema refuse the values
 */
export async function render(options: RenderOptions, progress: Progress): Promise<RenderResult> {
  checkNamespace(options.namespace)
  const chart = chartPath(options.chart)
  const plan = await selectValues(options, { progress, chart })
  const [{ createHelm }, { createRunner }] = await Promise.all([
    import('../tools/helm.js'),
    import('../tools/runner.js'),
  ])
  const namespace = options.namespace ?? RELEASE_NAMESPACE
  const helm = await createHelm(createRunner(progress), { namespace })
  const releases = await Promise.all(
    plan.releases.map(async (planned) => ({
      release: planned.release,
      namespace,
      apps: planned.apps,
      manifest: await renderOne(helm, planned, {
        chart,
        set: options.namespaces ? [] : OWN_SETTINGS,
        kubeVersion: options.kubeVersion,
      }),
    })),
  )
  return { releases, notes: plan.notes }
}

async function renderOne(
  helm: Helm,
  { release, files, stdin, origin }: PlannedRelease,
  rendering: { chart: string; set: readonly string[]; kubeVersion: string | undefined },
): Promise<string> {
  try {
    return await helm.template({ release, files, ...rendering, skipTests: true }, { stdin })
  } catch (error) {
    if (error instanceof HelmError && error.reason.includes('chart requires kubeVersion'))
      throw new InvalidInputError(`${origin} cannot be rendered: ${error.reason}`, {
        code: 'KUBE_VERSION',
        suggestions: ["Name your cluster's version with --kube-version, such as v1.33.0."],
        data: error.data,
        cause: error,
      })
    if (!(error instanceof HelmError) || !['schema', 'template'].includes(error.kind)) throw error
    throw new InvalidInputError(`${origin} cannot be rendered: ${error.message}`, {
      code: error.code,
      suggestions: [
        `Check the values with: k8sflow validate ${files.includes('-') ? '' : files.join(' ')}`.trim(),
      ],
      data: error.data,
      cause: error,
    })
  }
}
