/* Prints ratios, both sides of each measured in turn in this one run: single times mean nothing on a noisy machine. */
import { benchStart } from './start.js'

await benchStart((line) => console.log(line))
