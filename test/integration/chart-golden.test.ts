import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { expect } from 'chai'
import { CHART, FIXTURES, helm } from './chart-render.js'
import { helmBinaries } from './helm-binaries.js'

/** Golden file → the values file it is rendered from. UPDATE_GOLDEN=1 writes them anew. */
const GOLDENS = {
  'values-prod.yaml': path.join(CHART, 'values-prod.yaml'),
  'norway-double-quoted.yaml': path.join(FIXTURES, 'valid/norway-double-quoted.yml'),
  'logs.yaml': path.join(FIXTURES, 'valid/logs.yml'),
  'metrics.yaml': path.join(FIXTURES, 'valid/metrics.yml'),
  'per-country-all-keys.yaml': path.join(FIXTURES, 'valid/per-country-all-keys.yml'),
}

/** Without the blank lines that newer versions of helm 4 put before each separator and at the end. */
function evenly(stdout: string): string {
  return `${stdout.replaceAll(/\n+---\n/g, '\n---\n').trimEnd()}\n`
}

describe('golden renders of the chart', () => {
  for (const [golden, values] of Object.entries(GOLDENS)) {
    it(`${golden} is what helm 3 and 4 render`, async () => {
      const file = path.join(FIXTURES, 'golden', golden)
      for (const { version, path: program } of await helmBinaries()) {
        const { stdout, stderr } = await helm(program, ['template', 'release', CHART, '-f', values])
        expect(stderr, `helm ${version}`).to.equal('')
        if (process.env['UPDATE_GOLDEN'] === '1') await writeFile(file, evenly(stdout))
        expect(evenly(stdout), `helm ${version}; UPDATE_GOLDEN=1 writes the golden files anew`).to.equal(
          await readFile(file, 'utf8'),
        )
      }
    })
  }
})
