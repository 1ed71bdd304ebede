import type { Command } from '@oclif/core/command'
import { Plugin } from '@oclif/core/config'
import { execute } from '@oclif/core/execute'
import type { PJSON } from '@oclif/core/interfaces'

import manifest from '../oclif.manifest.json' with { type: 'json' }
import packageJson from '../package.json' with { type: 'json' }
import { packageRoot } from './package-root.js'

/** The command whose start is measured: its class and its part of the manifest are in the bundle's first file. */
const HOT = 'values'

/** Those of package.json, and oclif's own. */
const HELP_FLAGS = [...packageJson.oclif.additionalHelpFlags, '--help']

type PluginOptions = ConstructorParameters<typeof Plugin>[0]

/**
 * Starts the command line from one bundle (docs/decisions/0002): oclif's own start, help, hooks and error handling,
 * with the package.json and the command classes, which oclif would look for on disk, already at hand.
 */
export async function main(argv: readonly string[]): Promise<void> {
  const root = packageRoot()
  const pjson = packageJson as unknown as PJSON
  const hot = argv[0] === HOT && !argv.some((word) => HELP_FLAGS.includes(word))
  const own = new BundledPlugin({ isRoot: true, pjson, root }, hot)
  await own.load()
  const plugins = new Map<string, Plugin>([[own.name, own]])
  // It adds the help command, which only matters where that is called, or all commands may be listed.
  if (commandOf(argv, own.commandIDs) === undefined) {
    const help = new Plugin({ name: '@oclif/plugin-help', root, type: 'core' })
    await help.load()
    plugins.set(help.name, help)
  }
  await execute({
    args: toRun(argv, own.commandIDs),
    loadOptions: {
      root,
      pjson,
      plugins,
    },
  })
}

/** What oclif is to run. */
function toRun(argv: readonly string[], ids: readonly string[]): string[] {
  // Without arguments k8sflow leads through its work instead of printing help.
  if (argv.length === 0) return ['menu']
  if (argv[0] !== 'help' && !argv.some((word) => HELP_FLAGS.includes(word))) return [...argv]
  const asked = argv[0] === 'help' ? argv.slice(1) : argv
  const end = asked.findIndex((word) => word.startsWith('-'))
  const words = end === -1 ? asked : asked.slice(0, end)
  const name = words.join(':')
  if (name === '' || name === 'help' || ids.some((id) => id === name || id.startsWith(`${name}:`)))
    return [...argv]
  // oclif's help takes what follows a command for a part of its name.
  const command = commandOf(words, ids)
  if (command !== undefined) return [...command.split(':'), '--help']
  // Nor has it a nearest command to offer; what is told of a command that does not exist has.
  return [...words, ...argv.filter((word) => word === '--json')]
}

/** The command that these words begin with; those of topics are two words. */
function commandOf(words: readonly string[], ids: readonly string[]): string | undefined {
  return words.map((_word, index) => words.slice(0, index + 1).join(':')).findLast((id) => ids.includes(id))
}

/** The package itself as oclif's root plugin, its command classes taken from the bundle. */
class BundledPlugin extends Plugin {
  /** @param hot whether {@link HOT} runs, and no other command matters */
  constructor(
    options: PluginOptions,
    private readonly hot: boolean,
  ) {
    super(options)
  }

  override async load(): Promise<void> {
    // What Plugin reads from oclif.manifest.json for all commands: the start is not to grow with each of them.
    if (this.hot) {
      const { version, commands } = manifest
      Object.defineProperty(this, '_manifest', {
        value: async () => ({ version, commands: { [HOT]: commands[HOT] } }),
      })
      this.hasManifest = true
      this.commandIDs = [HOT]
    }
    await super.load()
  }

  override async findCommand(id: string, _options: { must: true }): Promise<Command.Class>
  override async findCommand(id: string, _options?: { must: boolean }): Promise<Command.Class | undefined>
  override async findCommand(id: string): Promise<Command.Class> {
    const command =
      id === HOT
        ? (await import('./commands/values.js')).default
        : await (await import('./rest.js')).loadCommand(id)
    return Object.assign(command, {
      id,
      plugin: this,
      isESM: true,
      relativePath: ['dist', 'commands', ...`${id}.js`.split(':')],
    })
  }
}
