import type { OnInterrupt } from '../interrupt.js'
import type { Progress } from '../progress.js'
import type { AppSample } from '../services/loadtest-result.js'
import type { LoadtestState } from '../services/loadtest-run.js'
import { styles } from './styles.js'

/** Apps shown at once: a terminal has so many lines; the report has them all. */
const SHOWN = 10
/** Seconds between two lines where nothing can be redrawn. */
const PLAIN_EVERY_S = 15

/** The part of a stream that is drawn on. */
export type Screen = Pick<NodeJS.WriteStream, 'isTTY' | 'columns' | 'rows'> & { write(text: string): unknown }

export interface LoadtestView {
  progress: Progress
  onState: (state: LoadtestState) => void
  onInterrupt: OnInterrupt
  /** Leaves the last picture standing. */
  end: () => void
}

/** What a load test does now: a few lines that are redrawn at a terminal, and a line now and then elsewhere. */
export function loadtestView(
  screen: Screen,
  report: Progress,
  environment: NodeJS.ProcessEnv = process.env,
): LoadtestView {
  const redraws = screen.isTTY && environment['TERM'] !== 'dumb' && !environment['CI']
  let drawn = 0
  let told = -Infinity
  let phase: LoadtestState['phase'] | undefined
  // A key that was pressed, such as Ctrl-C, may have left its echo where the cursor is: hence the carriage return.
  const cleared = () => {
    const text = drawn > 0 ? `\r\u001B[${String(drawn)}A\u001B[J` : ''
    drawn = 0
    return text
  }
  const progress: Progress = (event) => {
    const text = cleared()
    if (text !== '') screen.write(text)
    report(event)
  }
  const draw = (state: LoadtestState) => {
    const lines = stateLines(state, screen.rows || 24).map((line) =>
      line.slice(0, (screen.columns || 80) - 1),
    )
    // One write: between two, a slow line would show nothing.
    screen.write(cleared() + coloured(lines))
    drawn = lines.length
  }
  const tell = (state: LoadtestState) => {
    if (state.phase === phase && state.elapsed - told < PLAIN_EVERY_S) return
    told = state.elapsed
    const apps = state.apps.slice(0, SHOWN).map((app) => `${app.name} ${scaleText(app, state)}`)
    const text = [headline(state), ...apps].join('; ')
    report({ kind: 'step', state: 'progress', text })
  }
  return {
    progress,
    onState: (state) => {
      if (redraws) draw(state)
      else tell(state)
      phase = state.phase
    },
    onInterrupt: (count) => {
      const text =
        phase === undefined
          ? 'interrupted: no load is made'
          : count === 1
            ? 'interrupted: waiting for Locust to stop, then the report is written'
            : 'still at it: the report comes as soon as Locust has stopped, within 10 s'
      progress({ kind: 'step', state: 'warning', text })
    },
    end: () => {
      drawn = 0
    },
  }
}

function stateLines(state: LoadtestState, rows: number): string[] {
  const room = Math.max(1, Math.min(SHOWN, rows - 4))
  const { apps } = state
  const busiest = [...apps].sort((a, b) => b.replicas - a.replicas || (b.cpu ?? 0) - (a.cpu ?? 0))
  const shown = new Set(busiest.slice(0, room))
  const width = Math.max(...apps.map(({ name }) => name.length), 0)
  const more = apps.length - room
  return [
    headline(state),
    // In their own order: lines that change places cannot be followed.
    ...apps
      .filter((app) => shown.has(app))
      .map((app) => `  ${app.name.padEnd(width)}  ${scaleText(app, state)}`),
    ...(more > 0 ? [`  and ${String(more)} more`] : []),
  ]
}

function coloured(lines: readonly string[]): string {
  const style = styles(process.stderr)
  return lines
    .map(
      (line, index) =>
        `${index === 0 ? style.bold(line) : line.replace(/▲.*$/, (text) => style.yellow(text))}\n`,
    )
    .join('')
}

function headline({ phase, elapsed, length, point, requests, failures }: LoadtestState): string {
  if (phase === 'starting') return 'starting Locust'
  const time = `${clock(Math.min(elapsed, length))} of ${clock(length)}`
  if (phase === 'scale-down') return `watching the scale-down, ${time} at most`
  if (point === undefined) return `load ${time}`
  const p95 = point.p95 === null ? 'none' : `${String(Math.round(point.p95))} ms`
  const share = failures === 0 ? '' : ` (${percent(failures, requests)})`
  const users = `${String(point.users)} ${point.users === 1 ? 'user' : 'users'}`
  return `load ${time}  ${users}  ${point.requestsPerSecond.toFixed(0)} requests/s  p95 ${p95}  ${String(failures)} failed${share}`
}

/** `3/4 of 1..10 pods  CPU 120% of 80% ▲`. */
function scaleText(
  { name, replicas, ready, cpu, cpuMillicores }: AppSample,
  { targets }: LoadtestState,
): string {
  const scaling = targets.find((target) => target.name === name)?.autoscaling
  const range =
    scaling === undefined ? '' : ` of ${String(scaling.minReplicas)}..${String(scaling.maxReplicas)}`
  const pods = `${String(ready)}/${String(replicas)} pods${range}`
  if (cpu === null)
    return cpuMillicores === null
      ? `${pods}  CPU unknown`
      : `${pods}  CPU ${String(Math.round(cpuMillicores))}m`
  const target = scaling?.targetCpu
  if (target === undefined) return `${pods}  CPU ${String(cpu)}%`
  return `${pods}  CPU ${String(cpu)}% of ${String(target)}%${cpu > target ? ' ▲' : ''}`
}

/** `2:05`. */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds))
  return `${String(Math.floor(whole / 60))}:${String(whole % 60).padStart(2, '0')}`
}

/** `0.4 %`; a part that is there never reads as none. */
export function percent(part: number, whole: number): string {
  if (whole === 0 || part === 0) return '0 %'
  const share = (100 * part) / whole
  return share < 0.1 ? '< 0.1 %' : `${String(Number(share.toPrecision(share >= 10 ? 3 : 2)))} %`
}
