import { isIPv6 } from 'node:net'

import type { Cluster } from '../cluster/cluster.js'
import type { Workload } from '../cluster/workloads.js'
import { FailedError, InvalidInputError, K8sflowError } from '../errors.js'
import { printableLine } from '../printable.js'
import type { LocustTarget } from '../tools/locust.js'
import { APPS, deploymentName, pingAnswer, serviceName } from '../values/contract.js'
import { findAddresses, type Resolve } from './hosts-address.js'
import type { LoadtestPlan } from './loadtest-options.js'
import { forEachLimited } from './limited.js'
import type { Selection } from './selection.js'

/** An app in a country that gets load, and how it is reached. */
export interface LoadtestTarget extends LocustTarget {
  app: string
  country: string
  namespace: string
  environment: string
  /** Its Service, for `--via service`. */
  service: string
  /** Undefined where nothing scales it. */
  autoscaling: { minReplicas: number; maxReplicas: number; targetCpu?: number } | undefined
}

const ASKED_AT_ONCE = 8
const PING_TIMEOUT_MS = 10_000

/**
 * Finds what is deployed of what was asked for. The URL of `--via service` is filled in once the proxy is there.
 * @throws InvalidInputError when something asked for is not deployed, has no host, or there are fewer users than targets
 */
export async function findTargets(
  cluster: Cluster,
  selection: Selection,
  plan: LoadtestPlan,
  resolve: Resolve,
): Promise<LoadtestTarget[]> {
  const { workloads } = await import('../cluster/workloads.js')
  const running = await workloads(cluster, selection)
  refuseMissing(running, selection)
  const urls =
    plan.via === 'service' ? new Map<string, string>() : await ingressUrls(cluster, running, plan, resolve)
  if (plan.users < running.length)
    throw new InvalidInputError(
      `--users ${String(plan.users)} is too few: there are ${String(running.length)} apps and countries, and each needs one at least.`,
      { code: 'TOO_FEW_USERS', suggestions: ['Raise --users, or choose apps and countries with -p and -c.'] },
    )
  return running.map((workload) => {
    const { app, country, namespace, environment, autoscaling, hosts } = workload
    const name = deploymentName(app, country)
    if (environment === undefined)
      throw new InvalidInputError(
        `${name} has no APP_NAME such as ${app}-staging: what /ping must answer is not known.`,
        {
          code: 'ENVIRONMENT_UNKNOWN',
          suggestions: ['Deploy it with this chart, or leave it out with -p and -c.'],
        },
      )
    return {
      ...{ name, app, country, namespace, environment },
      service: serviceName(app, country),
      url: urls.get(name) ?? '',
      host: plan.via === 'service' ? null : (hosts[0] ?? null),
      ping: pingAnswer(app, environment, country),
      autoscaling: autoscaling && {
        minReplicas: autoscaling.minReplicas,
        maxReplicas: autoscaling.maxReplicas,
        ...(autoscaling.targetCpu === undefined ? {} : { targetCpu: autoscaling.targetCpu }),
      },
    }
  })
}

function refuseMissing(running: readonly Workload[], { apps, countries }: Selection): void {
  const asked = (apps ?? []).flatMap((app) =>
    (countries ?? []).map((country) => deploymentName(app, country)),
  )
  const found = new Set(running.map(({ app, country }) => deploymentName(app, country)))
  const missing = [
    ...asked.filter((name) => !found.has(name)),
    ...(asked.length > 0 ? [] : (apps ?? []).filter((app) => !running.some((one) => one.app === app))),
    ...(asked.length > 0
      ? []
      : (countries ?? []).filter((country) => !running.some((one) => one.country === country))),
  ]
  if (missing.length === 0 && running.length > 0) return
  throw new InvalidInputError(
    missing.length === 0
      ? `Neither ${APPS.join(' nor ')} is deployed: there is nothing to put load on.`
      : `Not deployed: ${missing.join(', ')}.`,
    { code: 'NOT_DEPLOYED', suggestions: ['See what is deployed: k8sflow status'], data: { missing } },
  )
}

async function ingressUrls(
  cluster: Cluster,
  running: readonly Workload[],
  { address }: LoadtestPlan,
  resolve: Resolve,
): Promise<Map<string, string>> {
  const served = running.map(({ app, country, namespace, hosts }) => ({
    name: deploymentName(app, country),
    ...{ country, namespace, host: hosts[0] ?? '' },
  }))
  const without = served.filter(({ host }) => host === '').map(({ name }) => name)
  if (without.length > 0)
    throw new InvalidInputError(`${without.join(', ')} has no Ingress and no HTTPRoute with a host.`, {
      code: 'NO_HOST',
      suggestions: ['Go around the ingress controller with --via service, or leave it out with -p and -c.'],
    })
  if (address !== undefined) return new Map(served.map(({ name }) => [name, address]))
  const countries = served.map(({ country }) => country)
  const found = await findAddresses(served, {}, { cluster, countries, resolve }).catch((error: unknown) => {
    throw withoutAddress(error)
  })
  return new Map(
    found.map(({ name, addresses: [first = ''] }) => [
      name,
      `http://${isIPv6(first) ? `[${first}]` : first}`,
    ]),
  )
}

function withoutAddress(error: unknown): unknown {
  if (!(error instanceof K8sflowError) || error.code !== 'NO_ADDRESS') return error
  return new InvalidInputError(error.message.replace(' Nothing was changed.', ''), {
    code: error.code,
    cause: error,
    suggestions: [
      'Name the address at which Traefik is reached, as a rule that of the Pi: --address 192.168.1.10',
      'Or go around it: --via service',
    ],
    data: error.data,
  })
}

/**
 * Asks every target once for `/ping`, the way Locust will: a wrong address or an app that is down would otherwise be a test of nothing.
 * @throws FailedError naming each that does not answer as it should, and how
 */
export async function checkAnswers(targets: readonly LoadtestTarget[]): Promise<void> {
  const { sendHttp } = await import('../cluster/http.js')
  const problems: string[] = []
  await forEachLimited(targets, ASKED_AT_ONCE, async ({ name, url, host, ping }) => {
    const request = { path: '/ping', accept: '*/*', timeoutMs: PING_TIMEOUT_MS, maxBytes: 1000 }
    // The certificate's name is that of the host, and its authority as a rule the user's own.
    const options = { rejectUnauthorized: false, ...(host === null ? {} : { headers: { host } }) }
    const answer = await sendHttp(url, request, options).catch((error: unknown) => (error as Error).message)
    if (typeof answer === 'string') problems.push(`${name}: ${answer}`)
    else if (answer.status !== 200) problems.push(`${name}: status ${String(answer.status)}`)
    else if (answer.text.trim() !== ping)
      problems.push(
        `${name}: ${JSON.stringify(printableLine(answer.text).slice(0, 80))} instead of "${ping}"`,
      )
  })
  if (problems.length === 0) return
  const [first] = targets
  const where = first === undefined || first.host === null ? 'through the API server' : `at ${first.url}`
  throw new FailedError(
    `/ping is not answered as it should be ${where}, so no load was made:\n${problems.map((problem) => `  ${problem}`).join('\n')}`,
    {
      code: 'TARGET_NOT_ANSWERING',
      suggestions: [
        'See how the apps are: k8sflow status',
        ...(first?.host
          ? ['If that is not where Traefik is reached, say where: --address 192.168.1.10']
          : []),
      ],
    },
  )
}

/** One line that says which of the targets are in production. Empty when none is. */
export function productionText(targets: readonly LoadtestTarget[]): string {
  const names = targets.filter(({ environment }) => environment === 'production').map(({ name }) => name)
  if (names.length === 0) return ''
  const shown = names.slice(0, 6).join(', ')
  return names.length > 6 ? `${shown} and ${String(names.length - 6)} more` : shown
}
