import { execa } from 'execa'
import { MachineError } from './failure.js'
import { machineDir } from './paths.js'

/** Runs go with a low priority, so that the machine stays usable, and shows the end of its output if it fails. */
export async function go(args: string[], options: { cwd?: string; env?: Record<string, string> } = {}) {
  // 5 steps down leaves a terminal responsive and costs nothing on an idle machine.
  const result = await execa('nice', ['-n', '5', 'go', ...args], {
    cwd: options.cwd ?? machineDir,
    env: {
      CGO_ENABLED: '0',
      // The linker drops debug information anyway (-s -w); not compiling it saves a tenth of the time.
      GOFLAGS: '-buildvcs=false -gcflags=all=-dwarf=false',
      GOTOOLCHAIN: 'local',
      GOWORK: 'off',
      ...options.env,
    },
    reject: false,
  })
  if (result.failed) {
    const tail = result.stderr.split('\n').slice(-15).join('\n')
    throw new MachineError(`${result.command} failed (${result.exitCode ?? result.signal}):\n${tail}`)
  }
  return result
}

/**
 * The folder of a Go module, downloaded into Go's module cache if it is not there: `github.com/owner/name@v1.2.3`.
 * Read-only, and whole: what projects publish beside their code, too, such as their CRDs.
 */
export async function goModuleFolder(module: string): Promise<string> {
  const { stdout } = await go(['mod', 'download', '-json', module])
  return (JSON.parse(stdout) as { Dir: string }).Dir
}
