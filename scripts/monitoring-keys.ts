/**
 * Checks every key of monitoring/values-pi.yaml against kube-prometheus-stack itself, unpacked in the folder that is given
 * (`helm pull … --untar`), and writes down which keys were found in which version: test/fixtures/monitoring-keys.json, which the
 * tests compare with what k8sflow installs. For a new version of the chart, and after each new key.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'

type Values = Record<string, unknown>

const root = fileURLToPath(new URL('../', import.meta.url))
const folder = process.argv[2]
if (folder === undefined || !existsSync(path.join(folder, 'Chart.yaml'))) {
  process.stderr.write('usage: tsx scripts/monitoring-keys.ts FOLDER-OF-THE-UNPACKED-CHART\n')
  process.exit(2)
}

const { name, version, dependencies } = read(path.join(folder, 'Chart.yaml')) as {
  name: string
  version: string
  dependencies: { name: string; version: string }[]
}
const values = read(path.join(folder, 'values.yaml'))
// A dependency's own values are found under its name, unless the chart itself sets them.
const subcharts = new Map<string, Values>()
for (const dependency of dependencies) {
  const file = path.join(folder, 'charts', dependency.name, 'values.yaml')
  if (existsSync(file)) subcharts.set(dependency.name, read(file))
}

const keys: string[] = []
const missing: string[] = []
visit(read(path.join(root, 'monitoring', 'values-pi.yaml')), [])
if (missing.length > 0) {
  process.stderr.write(`${name} ${version} has no such keys:\n${missing.join('\n')}\n`)
  process.exit(1)
}
const found = {
  chart: name,
  version,
  dependencies: Object.fromEntries(
    dependencies.filter((dependency) => subcharts.has(dependency.name)).map((one) => [one.name, one.version]),
  ),
  keys: keys.sort(),
}
writeFileSync(
  path.join(root, 'test', 'fixtures', 'monitoring-keys.json'),
  `${JSON.stringify(found, null, 2)}\n`,
)

/** Notes how deep the chart knows each of our keys: below an empty map everything is the user's. */
function visit(ours: Values, above: readonly string[]): void {
  for (const [key, value] of Object.entries(ours)) {
    const place = [...above, key]
    const theirs = lookUp(values, place) ?? lookUp(subcharts.get(place[0] ?? ''), place.slice(1))
    if (theirs === undefined) missing.push(place.join('.'))
    else if (isMap(value) && isMap(theirs.value) && Object.keys(theirs.value).length > 0) visit(value, place)
    else keys.push(place.join('.'))
  }
}

function lookUp(from: Values | undefined, place: readonly string[]): { value: unknown } | undefined {
  let value: unknown = from
  for (const key of place) {
    if (!isMap(value) || !(key in value)) return undefined
    value = value[key]
  }
  return value === undefined ? undefined : { value }
}

function isMap(value: unknown): value is Values {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function read(file: string): Values {
  return parse(readFileSync(file, 'utf8')) as Values
}
