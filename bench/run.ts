/*
 * Prints ratios, both sides of each measured in turn in this one run: single times mean nothing on a noisy machine.
 * The comparison of deployments runs on the sandbox (`npm run sandbox`), and is left out, with a line, where there is none.
 */
import { findFacts } from '../test/cluster/machine/facts.js'
import { benchDeploy } from './deploy.js'
import { benchStart } from './start.js'

const print = (line: string) => console.log(line)
await benchStart(print)
const facts = await findFacts()
if (facts === undefined)
  print('deploy : helm                                left out: no cluster; start one with npm run sandbox')
else await benchDeploy(facts, print)
