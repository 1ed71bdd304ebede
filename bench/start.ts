import { execa } from 'execa'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { compare, reportLine } from './pairs.js'

const RUN = fileURLToPath(new URL('../bin/run.js', import.meta.url))

/** Cold starts against a bare Node that does nothing, as whole processes. */
export async function benchStart(print: (line: string) => void, runs = 31): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'k8sflow-bench-'))
  const node = async (...args: string[]) => {
    await execa(process.execPath, args, { cwd: folder, stdin: 'ignore' })
  }
  const bare = async () => node('-e', '0')
  const values = ['values', '-c', 'it,es', '-p', 'app2', '-e', 'staging']
  try {
    const written = async () => {
      await rm(join(folder, 'app2-staging.yml'), { force: true })
      await node(RUN, ...values)
    }
    print(reportLine('values (new file) : node -e 0', await compare(written, bare, { runs }), 1.5))
    print(
      reportLine(
        'values (unchanged file) : node -e 0',
        await compare(async () => node(RUN, ...values), bare, { runs }),
        1.5,
      ),
    )
    print(reportLine('--help : node -e 0', await compare(async () => node(RUN, '--help'), bare, { runs }), 2))
  } finally {
    await rm(folder, { recursive: true })
  }
}
