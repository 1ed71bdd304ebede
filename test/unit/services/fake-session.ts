import type { Session } from '../../../src/services/session.js'
import { createHelm } from '../../../src/tools/helm.js'
import { fakeCluster, type Reply } from '../cluster/fake-cluster.js'
import { type Answer, fakeHelm } from '../tools/fake-runner.js'

/** A session with stand-ins for the API server and helm. */
export async function fakeSession(
  helm: (args: string) => Answer | undefined,
  api: (path: string) => Reply,
): Promise<Session> {
  return {
    cluster: fakeCluster(({ path }) => api(path)),
    helm: await createHelm(fakeHelm('v4.3.1', helm), { program: 'helm', namespace: 'we-road' }),
    serverVersion: 'v1.37.2',
    releaseNamespace: 'we-road',
    searchedNamespaces: ['we-road', 'default'],
  }
}

/** One entry of `helm list -o json`. */
export function listed(name: string, namespace: string, more: Record<string, string> = {}): object {
  return {
    name,
    namespace,
    revision: '2',
    updated: '2026-11-24 08:14:02.123456789 +0000 UTC',
    status: 'deployed',
    chart: 'k8sflow-1.0.0',
    app_version: '1.0.0',
    ...more,
  }
}
