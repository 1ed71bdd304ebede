import { type Command, Config } from '@oclif/core'
import { captureOutput } from '@oclif/test'
import { fileURLToPath } from 'node:url'

/** The package's root folder. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/*
 * Awaited here and not when it is first used: mocha would otherwise load test files through require(), beside which
 * every import() in src makes a second copy of its modules, and no error is an instance of its own class any more.
 */
const config = await Config.load(ROOT)

type CommandClass = (new (argv: string[], config: Config) => Command) & typeof Command

export interface CommandResult {
  stdout: string
  stderr: string
  exitCode: number
  /** What the command threw, when it did not end by itself. */
  error: Error | undefined
}

/**
 * Runs a command class in this process, from its TypeScript source, and gives back what it printed and the exit
 * code k8sflow would end with. `cwd` and `env` hold for the run and are restored after it; variables that start
 * with K8SFLOW_ or GITHUB_ do not leak in from outside. Images are not looked up in their registries unless `env` says so: most tests
 * deploy some that are far away, or nowhere.
 */
export async function runCommandClass(
  command: CommandClass,
  argv: string[],
  options: { cwd?: string; env?: Record<string, string | undefined> } = {},
): Promise<CommandResult> {
  const before = { cwd: process.cwd(), env: { ...process.env }, exitCode: process.exitCode }
  for (const name of Object.keys(process.env)) if (/^(K8SFLOW|GITHUB)_/.test(name)) delete process.env[name]
  process.env['K8SFLOW_CHECK_PLATFORMS'] = 'false'
  process.exitCode = undefined
  command.id ??= command.name.toLowerCase()
  try {
    if (options.cwd !== undefined) process.chdir(options.cwd)
    for (const [name, value] of Object.entries(options.env ?? {})) {
      if (value === undefined) delete process.env[name]
      else process.env[name] = value
    }
    const { stdout, stderr, error } = await captureOutput(async () => command.run(argv, config))
    const exit = (error as { oclif?: { exit?: number } } | undefined)?.oclif?.exit
    const exitCode = exit ?? (error === undefined ? Number(process.exitCode ?? 0) : 1)
    return { stdout, stderr, exitCode, error }
  } finally {
    process.chdir(before.cwd)
    for (const name of Object.keys(process.env)) if (!(name in before.env)) delete process.env[name]
    Object.assign(process.env, before.env)
    process.exitCode = before.exitCode
  }
}
