import { readdir } from 'node:fs/promises'

/** Values files as k8sflow, or the tool before it, names them. */
const VALUES_FILE = /^app[12](-(production|staging))?\.ya?ml$/

/** The values files in a folder, by name; none when it cannot be read. */
export async function valuesFilesIn(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => [])
  return names.filter((name) => VALUES_FILE.test(name)).sort()
}
