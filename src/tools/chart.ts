import { existsSync } from 'node:fs'
import { join } from 'node:path'

import { InvalidInputError } from '../errors.js'
import { packageRoot } from '../package-root.js'

/**
 * The chart to deploy: the one named by `--chart` or K8SFLOW_CHART, otherwise the one that travels with the package.
 * @throws InvalidInputError when there is no chart at that place
 */
export function chartPath(override?: string): string {
  const path = override ?? process.env['K8SFLOW_CHART'] ?? join(packageRoot(), 'helm')
  // A packed chart (.tgz) and one in a registry (oci://) are helm's own affair.
  const isFolder = !path.endsWith('.tgz') && !/^[a-z]+:\/\//.test(path)
  if (isFolder && !existsSync(join(path, 'Chart.yaml')))
    throw new InvalidInputError(`There is no chart in ${path} (no Chart.yaml).`, {
      code: 'CHART_NOT_FOUND',
      suggestions: [
        'Name the folder of a chart with --chart, or leave it out for the one k8sflow brings along.',
      ],
    })
  return path
}
