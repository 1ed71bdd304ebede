import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { MachineError } from './failure.js'
import { logsDir } from './paths.js'

/** What is waited for, and what to show when it does not come. */
export interface Wait {
  /** Ends the sentence "timed out after N s waiting for …". */
  what: string
  /** Name of the process whose last log lines explain a failure. */
  log?: string
  seconds: number
  intervalMs?: number
  /** Gives a reason to stop waiting at once, such as a dead process. */
  hopeless?: () => { reason: string; log: string } | undefined
}

/**
 * Asks again until the answer is neither undefined nor false; an error counts as "not yet" and is shown if time runs out. The last
 * time it asks is after the limit, so that a machine that stood still meanwhile is no failure.
 */
export async function waitFor<T>(wait: Wait, ask: () => Promise<T | undefined | false>): Promise<T> {
  const limit = performance.now() + wait.seconds * 1000
  let last = ''
  for (;;) {
    const isLast = performance.now() > limit
    try {
      const answer = await ask()
      if (answer !== undefined && answer !== false) return answer
    } catch (error) {
      last = (error as Error).message
    }
    const end = wait.hopeless?.()
    if (end) throw await failed(`gave up waiting for ${wait.what}: ${end.reason}`, end.log, last)
    if (isLast) {
      throw await failed(`timed out after ${wait.seconds} s waiting for ${wait.what}`, wait.log, last)
    }
    await sleep(wait.intervalMs ?? 150)
  }
}

async function failed(message: string, log: string | undefined, last: string): Promise<MachineError> {
  const parts = [message]
  if (last) parts.push(`last answer: ${last}`)
  if (log) parts.push(await lastLines(log))
  return new MachineError(parts.join('\n'))
}

/** The end of a process's log, with a heading. */
async function lastLines(log: string, count = 12): Promise<string> {
  const file = path.join(logsDir, `${log}.log`)
  const text = await readFile(file, 'utf8').catch(() => '')
  const lines = text.trimEnd().split('\n').slice(-count)
  return `last lines of ${path.relative(process.cwd(), file)}:\n${lines.map((line) => `  ${line.slice(0, 300)}`).join('\n')}`
}
