import type { Command } from '@oclif/core/command'

/** Loads the commands that are not in the first file of the bundle (docs/decisions/0002). */
export async function loadCommand(id: string): Promise<Command.Class> {
  const module = (await import(`./commands/${id}.ts`)) as { default: Command.Class }
  return module.default
}
