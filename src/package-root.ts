import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * The folder of the installed package, where the chart and the samples are. Found by walking up from this very
 * file, since it runs as source, compiled, and inside the bundle, each at another depth.
 */
export function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(folder, 'oclif.manifest.json'))) {
    if (dirname(folder) === folder)
      throw new Error('k8sflow is not installed completely: its package folder was not found.')
    folder = dirname(folder)
  }
  return folder
}
