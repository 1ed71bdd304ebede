import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { packageRoot } from './package-root.js'

interface Manifest {
  commands: Record<string, { flags: Record<string, { aliases?: readonly string[] }> }>
}

/** The long names of all commands' flags, aliases included: a start knows those of its own command only. */
export async function knownFlags(): Promise<string[]> {
  const manifest = JSON.parse(await readFile(join(packageRoot(), 'oclif.manifest.json'), 'utf8')) as Manifest
  const flags = Object.values(manifest.commands).flatMap((command) => Object.entries(command.flags))
  return [...new Set(flags.flatMap(([name, { aliases = [] }]) => [name, ...aliases]))]
}
