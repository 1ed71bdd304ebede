/** `helm lint --strict` of the chart, with each helm of the integration tests and each values file of the repository. */
import { execa } from 'execa'
import { readdirSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

import { helmBinaries } from '../test/integration/helm-binaries.js'

const root = fileURLToPath(new URL('../', import.meta.url))
const valuesFiles = [
  'helm/values-prod.yaml',
  ...readdirSync(path.join(root, 'deploy'))
    .filter((file) => /\.ya?ml$/.test(file))
    .map((file) => `deploy/${file}`),
]

for (const helm of await helmBinaries()) {
  for (const values of valuesFiles) {
    const lint = await execa(helm.path, ['lint', 'helm', '--strict', '--values', values], {
      cwd: root,
      all: true,
      reject: false,
    })
    if (lint.exitCode === 0) continue
    console.error(`helm ${helm.version}, ${values}:\n${lint.all}`)
    process.exitCode = 1
  }
}
