import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

/** Does something in a folder of its own, as the current folder, that holds these files. */
export async function inFolder<Value>(
  files: Readonly<Record<string, string>>,
  work: (folder: string) => Promise<Value>,
): Promise<Value> {
  const before = process.cwd()
  const folder = await mkdtemp(join(tmpdir(), 'k8sflow-test-'))
  try {
    for (const [name, text] of Object.entries(files)) {
      await mkdir(join(folder, dirname(name)), { recursive: true })
      await writeFile(join(folder, name), text)
    }
    process.chdir(folder)
    return await work(folder)
  } finally {
    process.chdir(before)
    await rm(folder, { recursive: true })
  }
}
