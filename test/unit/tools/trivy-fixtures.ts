import { readFileSync } from 'node:fs'

import { parseReport, type TrivyReport } from '../../../src/tools/trivy-report.js'

/** A report of test/fixtures/trivy, by its name there. */
export function readReport(name: string): TrivyReport {
  const file = new URL(`../../fixtures/trivy/${name}.json`, import.meta.url)
  return parseReport(JSON.parse(readFileSync(file, 'utf8')))
}
