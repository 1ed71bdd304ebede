import { withLock } from './lock.js'
import { destroyNamespace } from './namespace.js'

/** Stops the cluster and removes all it left but its logs and what was built; also after a crash, also when none runs. */
export async function stopCluster(): Promise<void> {
  await withLock('cluster', 3, destroyNamespace)
}
