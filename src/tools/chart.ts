import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { InvalidInputError } from '../errors.js'

/**
 * The chart to deploy: the one named by `--chart` or K8SFLOW_CHART, otherwise the one that travels with the package.
 * @throws InvalidInputError when there is no chart at that place
 */
export function chartPath(override?: string): string {
  const path = override ?? process.env['K8SFLOW_CHART'] ?? packagedChart()
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

/** `helm/` of the package: the nearest one above this file that holds a chart, in `src` as in `dist`, bundled or not. */
function packagedChart(): string {
  let folder = new URL('.', import.meta.url)
  for (;;) {
    const path = fileURLToPath(new URL('helm', folder))
    if (existsSync(join(path, 'Chart.yaml'))) return path
    const parent = new URL('..', folder)
    if (parent.href === folder.href) return path
    folder = parent
  }
}
