/*
 * `node --import tsx run-command.ts ID ARGUMENTS`: one command from its source, in a process of its own, for tests
 * that send it signals or run two at once. Neither a build nor the manifest can be out of date here.
 */
import { type Command, Config, flush, handle } from '@oclif/core'

import { ROOT } from '../commands/harness.js'

type CommandClass = typeof Command & (new (argv: string[], config: Config) => Command)

const [id = '', ...argv] = process.argv.slice(2)
const module = (await import(`../../src/commands/${id}.ts`)) as { default: CommandClass }
module.default.id = id
try {
  await module.default.run(argv, await Config.load(ROOT))
  await flush()
} catch (error) {
  await handle(error as Error)
}
