/** An error whose message is meant for a person: what happened, where, and what to do next. Printed without a stack. */
export class MachineError extends Error {
  override name = 'MachineError'
}

/** Prints one line of progress. Standard output is for results only. */
export function progress(line: string): void {
  process.stderr.write(`${line}\n`)
}

/** Runs a script's main function and turns an error into a message and exit code 1. */
export async function runMain(main: () => Promise<number | undefined>): Promise<void> {
  try {
    process.exitCode = (await main()) ?? 0
  } catch (error) {
    progress(
      error instanceof MachineError ? `Error: ${error.message}` : String((error as Error).stack ?? error),
    )
    process.exitCode = 1
  }
}
