import { Command } from '@oclif/core/command'
import * as Flags from '@oclif/core/flags'
import type { ParserOutput, Input, OutputArgs, OutputFlags } from '@oclif/core/interfaces'
import { dirname } from 'node:path'

import { FailedError, K8sflowError } from './errors.js'
import { EXIT_CODES } from './exit-codes.js'
import { settleBooleans, splitLists } from './flag-variables.js'
import { knownFlags } from './known-flags.js'
import type { GithubReport } from './output/github/report.js'
import type { GithubSession } from './output/github/session.js'
import type { Progress } from './progress.js'
import { applyProjectFile } from './project-file.js'

/** What oclif hands to `catch`: any error, perhaps with the exit code it stands for. */
type CommandError = Error & { oclif?: { exit?: number }; suggestions?: string[] }

/** Common to every command: `--json`, `--verbose`, `--no-color`, one way to print errors. Nothing else belongs here. */
export abstract class BaseCommand extends Command {
  static override enableJsonFlag = true

  static override baseFlags = {
    verbose: Flags.boolean({
      summary: 'Show each command that is run, secrets masked.',
      env: 'K8SFLOW_VERBOSE',
      helpGroup: 'GLOBAL',
    }),
    color: Flags.boolean({
      summary: 'Colour the output; on by default at a terminal, also off with NO_COLOR.',
      allowNo: true,
      default: true,
      helpGroup: 'GLOBAL',
    }),
  }

  /** Only within GitHub Actions, which says so (docs/decisions/0007). */
  private actions: GithubSession | undefined

  /** Values of `k8sflow.yaml` reach the flags as their environment variables, unless those are set. */
  override async init(): Promise<void> {
    await super.init()
    if (process.env['GITHUB_ACTIONS'] === 'true') {
      const { githubSession } = await import('./rest.js')
      this.actions = await githubSession(
        [this.config.bin, this.id?.replaceAll(':', ' ')].filter(Boolean).join(' '),
      )
    }
    const flags = this.definitions()
    const folder = currentFolder()
    const file = await applyProjectFile(flags, knownFlags, folder, process.env)
    settleBooleans(flags, process.env)
    if (file === undefined || dirname(file) === folder) return
    const progress = await this.progress({ verbose: false })
    progress({ kind: 'step', state: 'note', text: `Using ${file}.` })
  }

  protected override async parse<F extends OutputFlags<F>, B extends OutputFlags<B>, A extends OutputArgs<A>>(
    options?: Input<F, B, A>,
    argv?: string[],
  ): Promise<ParserOutput<F, B, A>> {
    const output = await super.parse(options, argv)
    return { ...output, flags: splitLists(output.flags, this.definitions()) }
  }

  private definitions() {
    const ctor = this.ctor as typeof Command
    return { ...ctor.baseFlags, ...ctor.flags }
  }

  /** Renders what services report, on stderr; commands shown with `--verbose` or `--dry-run` only. */
  protected async progress(options: { verbose: boolean }): Promise<Progress> {
    const { stepReporter } = await import('./output/steps.js')
    const progress = stepReporter({
      write: (text) => process.stderr.write(text),
      showCommands: options.verbose,
    })
    return this.actions?.watch(progress) ?? progress
  }

  /** Within GitHub Actions, leaves annotations, a summary and outputs there; elsewhere `make` is not called. */
  protected async github(make: () => GithubReport | Promise<GithubReport>): Promise<void> {
    await this.actions?.report(make)
  }

  /** Prints text for people on stdout, as it is. */
  protected show(text: string): void {
    process.stdout.write(this.actions?.inert(text) ?? text)
  }

  override logJson(json: unknown): void {
    if (this.actions === undefined) super.logJson(json)
    else process.stdout.write(`${this.actions.inertJson(JSON.stringify(json, null, 2))}\n`)
  }

  protected override async catch(error: CommandError): Promise<unknown> {
    if (isUsageError(error)) error.oclif = { exit: EXIT_CODES.invalidInput }
    const exit = error.oclif?.exit ?? EXIT_CODES.failed
    // oclif's own catch would exit with 1 under --json whatever the error says.
    process.exitCode = exit
    if (isUsageError(error)) {
      const { explainUsage } = await import('./usage-error.js')
      const command = [this.config.bin, this.id?.replaceAll(':', ' ')].filter(Boolean).join(' ')
      const [example] = (this.ctor as typeof Command).examples ?? []
      Object.assign(error, await explainUsage(error, command, this.definitions(), example))
    }
    await this.actions?.fail(error)
    if (this.jsonEnabled()) {
      this.logJson(this.toErrorJson(error))
      return undefined
    }
    if (error instanceof K8sflowError || isUsageError(error)) {
      const { errorText } = await import('./output/error-text.js')
      process.stderr.write(errorText(error, { bin: this.config.bin, command: this.id }))
      Object.assign(error, { skipOclifErrorHandling: true })
    }
    throw error
  }

  protected override toErrorJson(error: CommandError): unknown {
    const known = error instanceof K8sflowError
    return {
      error: {
        code: known ? error.code : isUsageError(error) ? 'USAGE' : 'UNEXPECTED',
        message: error.message,
        exit: error.oclif?.exit ?? EXIT_CODES.failed,
        suggestions: known || isUsageError(error) ? (error.suggestions ?? []) : [],
        ...(known && Object.keys(error.data).length > 0 ? { data: error.data } : {}),
      },
    }
  }
}

function currentFolder(): string {
  try {
    return process.cwd()
  } catch (cause) {
    throw new FailedError('The current folder does not exist any more.', {
      code: 'NO_CURRENT_FOLDER',
      cause,
      suggestions: ['Go to one that does: cd'],
    })
  }
}

/**
 * Errors of oclif's own flag parser: unknown flags, unexpected arguments, missing or unacceptable values. Only some
 * of them come with an exit code for that.
 */
function isUsageError(error: CommandError): boolean {
  return error.oclif !== undefined && !(error instanceof K8sflowError)
}
