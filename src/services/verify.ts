import type { Cluster } from '../cluster/cluster.js'
import { pingThroughProxy } from '../cluster/ping.js'
import { isRolledOut } from '../cluster/rollout.js'
import { countryNamespace, deploymentName, pingAnswer, serviceName } from '../values/contract.js'
import type { Instance } from './deploy-plan.js'
import type { PingResult } from './deploy-result.js'
import { forEachLimited } from './limited.js'

/** Milliseconds in which an app must have answered: its pods are ready, only controllers and proxies may lag behind. */
const PATIENCE_MS = 20_000
/** Milliseconds in which a wrong answer must have become the right one: a proxy may still lead to a pod of before. */
const WRONG_ANSWER_PATIENCE_MS = 8000
const PAUSE_MS = 500
const AT_ONCE = 8

export interface VerifyOptions {
  signal?: AbortSignal | undefined
  patienceMs?: number
  pauseMs?: number
  onAnswer?: (instance: Instance, result: PingResult) => void
}

/** Asks every app in every country for `/ping`, and whether the answer is its own. A right one of an old pod proves nothing. */
export async function verify(
  cluster: Cluster,
  instances: readonly Instance[],
  options: VerifyOptions = {},
): Promise<Map<Instance, PingResult>> {
  const results = new Map<Instance, PingResult>()
  await forEachLimited(instances, AT_ONCE, async (instance) => {
    const result = await askUntilRight(cluster, instance, options)
    results.set(instance, result)
    options.onAnswer?.(instance, result)
  })
  return results
}

async function askUntilRight(
  cluster: Cluster,
  instance: Instance,
  options: VerifyOptions,
): Promise<PingResult> {
  const began = Date.now()
  let rolledOut = false
  for (;;) {
    rolledOut ||= await rolledOutNow(cluster, instance)
    const result = await ask(cluster, instance)
    const wrong = result.status === 200 && !result.ok && rolledOut
    const patience = options.patienceMs ?? (wrong ? WRONG_ANSWER_PATIENCE_MS : PATIENCE_MS)
    if ((result.ok && rolledOut) || Date.now() - began >= patience || options.signal?.aborted) return result
    await new Promise((resolve) => setTimeout(resolve, options.pauseMs ?? PAUSE_MS))
  }
}

async function rolledOutNow(cluster: Cluster, { app, country }: Instance): Promise<boolean> {
  return isRolledOut(cluster, {
    namespace: countryNamespace(country),
    deployment: deploymentName(app, country),
    service: serviceName(app, country),
  })
}

async function ask(cluster: Cluster, { app, country, environment }: Instance): Promise<PingResult> {
  const expected = pingAnswer(app, environment, country)
  try {
    const answer = await pingThroughProxy(cluster, countryNamespace(country), serviceName(app, country))
    const said = answer.proxyError ?? answer.body
    return {
      ok: answer.status === 200 && answer.body === expected,
      expected,
      answer: answer.status === 200 ? said : `${String(answer.status)} ${said}`.trim(),
      status: answer.status,
    }
  } catch (error) {
    return { ok: false, expected, answer: error instanceof Error ? error.message : String(error), status: 0 }
  }
}
