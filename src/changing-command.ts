import { BaseCommand } from './base.js'
import { EXIT_CODES } from './exit-codes.js'

/** A command that changes something and has a result to show also when that failed. */
export abstract class ChangingCommand extends BaseCommand {
  /** Prints how it ended: with `--json` the result and the error together, otherwise the one or the other. */
  protected async finish<Result extends object>(
    result: Result,
    error: Error | undefined,
    text: (result: Result) => string | Promise<string>,
  ): Promise<unknown> {
    if (this.jsonEnabled() && error) {
      process.exitCode = (error as { exitCode?: number }).exitCode ?? EXIT_CODES.failed
      return { ...result, ...(this.toErrorJson(error) as object) }
    }
    if (error) throw error
    if (!this.jsonEnabled()) this.show(`${await text(result)}\n`)
    return result
  }
}
