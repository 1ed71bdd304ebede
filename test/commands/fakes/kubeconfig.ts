import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Writes a kubeconfig with one context, `pi`, that leads to this server; gives its path. */
export async function writeKubeconfig(folder: string, server: string): Promise<string> {
  const file = join(folder, 'kubeconfig')
  await writeFile(
    file,
    JSON.stringify({
      'current-context': 'pi',
      contexts: [{ name: 'pi', context: { cluster: 'pi', user: 'me' } }],
      clusters: [{ name: 'pi', cluster: { server } }],
      users: [{ name: 'me', user: {} }],
    }),
  )
  return file
}
