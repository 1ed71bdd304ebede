import { FailedError, InterruptedError, type K8sflowError } from '../errors.js'
import type { LocustRun } from '../tools/locust.js'
import type { LoadtestResult } from './loadtest-result.js'

/** Why a test counts as failed; undefined when it went well. */
export function loadtestError(result: LoadtestResult, run: LocustRun): K8sflowError | undefined {
  if (result.interrupted)
    return new InterruptedError('Interrupted; what was measured until then was kept.', {
      code: 'INTERRUPTED',
    })
  return locustError(run) ?? emptyError(result, run) ?? limitError(result)
}

function locustError({ exitCode, endedBy, end, lastLines }: LocustRun): FailedError | undefined {
  if (exitCode === 0 && endedBy === undefined && end !== undefined) return undefined
  const how =
    endedBy === undefined
      ? end === undefined && exitCode === 0
        ? 'ended without a word on what it measured'
        : `ended with exit code ${String(exitCode)}`
      : `did not end by itself and was stopped (${endedBy})`
  return new FailedError(`Locust ${how}.${said(lastLines)}`, {
    code: 'LOCUST_FAILED',
    suggestions: ['See its command with --verbose, and try it by itself: K8SFLOW_TARGETS says what it asks.'],
    data: { exitCode, endedBy: endedBy ?? null, lastLines },
  })
}

/** A test that reached nothing says nothing, whatever limits it keeps. */
function emptyError({ total }: LoadtestResult, { lastLines }: LocustRun): FailedError | undefined {
  if (total === null || total.failures < total.requests) return undefined
  if (total.requests === 0)
    return new FailedError(`Locust made no request.${said(lastLines)}`, {
      code: 'NO_REQUESTS',
      suggestions: [
        'An error among these lines as a rule says why; a longer --duration helps if it only was short.',
      ],
      data: { lastLines },
    })
  return new FailedError(`All ${String(total.requests)} requests failed.`, {
    code: 'ALL_REQUESTS_FAILED',
    suggestions: ['See above what they got, and how the apps are: k8sflow status'],
  })
}

function limitError({ limits }: LoadtestResult): FailedError | undefined {
  const broken = limits.filter((limit) => limit.broken)
  if (broken.length === 0) return undefined
  const each = broken.map(({ flag, limit, actual }) =>
    flag === '--max-p95'
      ? `p95 was ${actual}, over ${flag} ${limit}`
      : `${actual} of the requests failed, over ${flag} ${limit}`,
  )
  return new FailedError(
    `The load test broke ${broken.length === 1 ? 'a limit' : 'limits'}: ${each.join('; ')}.`,
    {
      code: 'LIMIT_BROKEN',
      suggestions: [
        'The report shows when: whether pods came too late, or the maximum of replicas was reached.',
      ],
      data: { limits: broken },
    },
  )
}

function said(lines: readonly string[]): string {
  return lines.length === 0 ? '' : ` Its last lines:\n${lines.map((line) => `  ${line}`).join('\n')}`
}
