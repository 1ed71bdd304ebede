/**
 * What services report while they work. Services never print: a command hands them a {@link Progress} and renders
 * what comes (`output/steps.ts`), on stderr.
 */
export type ProgressEvent =
  /** A step of the work, or of one subject of it (`app1/it`), has changed state. */
  | { kind: 'step'; state: StepState; text: string; subject?: string }
  /** A program is about to be run; `line` is shell-quoted and redacted. Shown with `--verbose` and `--dry-run`. */
  | { kind: 'command'; line: string }
  /** Lines to show as they are: log lines, events, a program's stderr. */
  | { kind: 'lines'; title: string; lines: readonly string[] }

export type StepState = 'start' | 'progress' | 'done' | 'failed' | 'warning' | 'note'

export type Progress = (event: ProgressEvent) => void
