import { readdirSync } from 'node:fs'
import path from 'node:path'
import { expect } from 'chai'
import { CHART, FIXTURES, helm } from './chart-render.js'
import { helmBinaries, type HelmBinary } from './helm-binaries.js'

/** What each helm makes of a values file. */
async function verdicts(file: string): Promise<{ version: number; lint: string; template: string }[]> {
  return Promise.all(
    (await helmBinaries()).map(async ({ version, path: program }: HelmBinary) => {
      const [lint, template] = await Promise.all([
        helm(program, ['lint', '--strict', CHART, '-f', file]),
        helm(program, ['template', 'release', CHART, '-f', file]),
      ])
      return {
        version,
        lint: lint.code === 0 ? 'ok' : lint.stdout + lint.stderr,
        template: template.code === 0 ? 'ok' : template.stderr,
      }
    }),
  )
}

describe('the corpus of values files', () => {
  for (const name of readdirSync(path.join(FIXTURES, 'valid'))) {
    it(`valid/${name} passes helm lint --strict and renders`, async () => {
      for (const { version, lint, template } of await verdicts(path.join(FIXTURES, 'valid', name))) {
        expect(lint, `helm ${version} lint`).to.equal('ok')
        expect(template, `helm ${version} template`).to.equal('ok')
      }
    })
  }

  for (const name of readdirSync(path.join(FIXTURES, 'invalid'))) {
    it(`invalid/${name} is refused by lint and template`, async () => {
      for (const { version, lint, template } of await verdicts(path.join(FIXTURES, 'invalid', name))) {
        // Refused for what is in the file: a template that fails instead would be a hole in the schema.
        expect(lint, `helm ${version} lint`).to.match(/values\.yaml: -|failed to parse/)
        expect(template, `helm ${version} template`).to.match(/specifications of the schema|failed to parse/)
      }
    })
  }
})
