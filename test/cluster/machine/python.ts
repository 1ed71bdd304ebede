import { execa } from 'execa'
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'

import { installDebianPackage } from './debian.js'
import { MachineError, progress } from './failure.js'
import { withLock } from './lock.js'
import { cacheDir, machineDir, rootDir } from './paths.js'
import { onPath } from './preflight.js'

/** Programs that are published on PyPI, pinned with the hashes of their files in `<name>-requirements.txt`. */

/** Where a pip may be: the one of .ci/pre-commit, which runs before the cluster in CI, or the machine's own. */
const pips: [string, ...string[]][] = [
  [path.join(rootDir, '.cache', 'pre-commit', 'venv', 'bin', 'pip')],
  ['pip3'],
  ['python3', '-m', 'pip'],
]

/**
 * Installs a pinned program into the cache, unless it is there, and gives the folder that holds its modules, for PYTHONPATH;
 * its scripts are in `bin`.
 */
export async function installPython(name: string): Promise<string> {
  const folder = path.join(cacheDir, name)
  const stamp = path.join(folder, '.stamp')
  const requirements = path.join(machineDir, `${name}-requirements.txt`)
  const wanted = await readFile(requirements, 'utf8')
  await withLock(name, 10, async () => {
    if ((await readFile(stamp, 'utf8').catch(() => '')) === wanted) return
    progress(`installing ${name}`)
    await mkdir(cacheDir, { recursive: true })
    const work = await mkdtemp(path.join(cacheDir, `build-${name}-`))
    try {
      const from = ['--no-deps', '--require-hashes', '--only-binary', ':all:', '-r', requirements]
      await pip(name, ['install', ...from, '--target', work])
      await writeFile(path.join(work, '.stamp'), wanted)
      await rm(folder, { recursive: true, force: true })
      await rename(work, folder)
    } finally {
      await rm(work, { recursive: true, force: true })
    }
  })
  return folder
}

async function pip(name: string, args: string[]): Promise<void> {
  let problem = await tryPips(args)
  if (problem === NO_PIP && onPath('apt-get')) {
    await installDebianPackage('python3-pip')
    problem = await tryPips(args)
  }
  if (problem !== undefined)
    throw new MachineError(
      `${name} could not be installed: ${problem}\nIts tests need pip and PyPI: run .ci/pre-commit once, or install python3-pip`,
    )
}

/** Undefined when one of them did it, else what the first that is there says. */
async function tryPips(args: string[]): Promise<string | undefined> {
  const options = ['--quiet', '--disable-pip-version-check', '--root-user-action', 'ignore']
  const problems: string[] = []
  for (const [command, ...before] of pips) {
    const result = await execa(command, [...before, ...args, ...options], { reject: false })
    if (!result.failed) return undefined
    if (result.code !== 'ENOENT' && !result.stderr.includes('No module named pip'))
      problems.push(result.stderr.split('\n').slice(-5).join('\n'))
  }
  return problems[0] ?? NO_PIP
}

const NO_PIP = 'there is no pip'
