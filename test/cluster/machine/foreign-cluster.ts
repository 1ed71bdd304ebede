import { CoreV1Api, KubeConfig } from '@kubernetes/client-node'
import { MachineError } from './failure.js'

/** The tests create and delete these, so a cluster that has them already is in use and is left alone. */
const releases = ['app1', 'app2']

/** Refuses a cluster of the user's own that holds anything the tests would touch. */
export async function checkForeignCluster(kubeconfig: string): Promise<void> {
  const config = new KubeConfig()
  let found: string[]
  try {
    config.loadFromFile(kubeconfig)
    found = await findTraces(config.makeApiClient(CoreV1Api))
  } catch (error) {
    throw new MachineError(
      `cannot look into the cluster of K8SFLOW_TEST_KUBECONFIG (${kubeconfig}): ${(error as Error).message}. ` +
        'The tests need a reachable cluster and the right to list its namespaces, secrets and config maps',
    )
  }
  if (found.length > 0) {
    throw new MachineError(
      `the cluster of K8SFLOW_TEST_KUBECONFIG is in use: it has ${found.join(', ')}. The tests would change and delete these: ` +
        'choose a cluster that is only for tests, or remove them first',
    )
  }
}

async function findTraces(api: CoreV1Api): Promise<string[]> {
  const namespaces = await api.listNamespace()
  const found = namespaces.items
    .map((item) => item.metadata?.name ?? '')
    .filter((name) => name.startsWith('we-road'))
    .map((name) => `namespace ${name}`)
  // Helm keeps its records in secrets, or in config maps where it was told to.
  const labelSelector = `owner=helm,name in (${releases.join()})`
  for (const list of [
    await api.listSecretForAllNamespaces({ labelSelector }),
    await api.listConfigMapForAllNamespaces({ labelSelector }),
  ]) {
    for (const { metadata } of list.items) {
      found.push(`helm release ${metadata?.labels?.['name']} in namespace ${metadata?.namespace}`)
    }
  }
  return [...new Set(found)]
}
