/*
 * Prints ratios, both sides of each measured in turn in this one run: single times mean nothing on a noisy machine.
 * `npm run bench [-- start] [-- build] [-- deploy]` runs those named, or all. Builds and deployments run on the sandbox
 * (`npm run sandbox`), and are left out, with a line, where there is none.
 */
import { findFacts, type ClusterFacts } from '../test/cluster/machine/facts.js'
import { benchBuild } from './build.js'
import { benchDeploy } from './deploy.js'
import { benchStart } from './start.js'

const print = (line: string) => console.log(line)
const onCluster: Record<string, (facts: ClusterFacts, print: (line: string) => void) => Promise<void>> = {
  build: benchBuild,
  deploy: benchDeploy,
}
const known = ['start', ...Object.keys(onCluster)]
const named = process.argv.slice(2)
const unknown = named.filter((name) => !known.includes(name))
if (unknown.length > 0) throw new Error(`no benchmark ${unknown.join(', ')}: there are ${known.join(', ')}`)
const chosen = named.length > 0 ? named : known

if (chosen.includes('start')) await benchStart(print)
const facts = await findFacts()
for (const [name, bench] of Object.entries(onCluster)) {
  if (!chosen.includes(name)) continue
  if (facts === undefined) print(`${name.padEnd(44)} left out: no cluster; start one with npm run sandbox`)
  else await bench(facts, print)
}
