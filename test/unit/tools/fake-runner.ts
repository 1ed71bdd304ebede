import type { Completed, Invocation, Runner } from '../../../src/tools/runner.js'

/** What a program answers; what is left out is an empty success. */
export type Answer = Partial<Completed>

/** A runner that starts nothing: it keeps every invocation and gives the answers it was made with. */
export class FakeRunner implements Runner {
  readonly invocations: Invocation[] = []

  constructor(private readonly answer: (invocation: Invocation) => Answer | undefined) {}

  async run(invocation: Invocation): Promise<Completed> {
    this.invocations.push(invocation)
    return { exitCode: 0, stdout: '', stderr: '', ...this.answer(invocation) }
  }

  /** Argument lists of what was run, version questions left out. */
  get argumentLists(): string[] {
    return this.invocations.map(({ args }) => args.join(' ')).filter((args) => !args.startsWith('version'))
  }
}

/** A helm of that version which answers each argument list as told. */
export function fakeHelm(version: string, answer: (args: string) => Answer | undefined = () => undefined) {
  return new FakeRunner(({ args }) => (args[0] === 'version' ? { stdout: version } : answer(args.join(' '))))
}
