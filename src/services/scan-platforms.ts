import { homedir } from 'node:os'

import { K8sflowError } from '../errors.js'
import type { ImageReference } from '../images/reference.js'
import type { Runner } from '../tools/runner.js'

/**
 * The platforms a registry has of an image; empty when the registry does not tell, for whatever reason: the image may
 * be one of a local engine only, and of what is wrong otherwise trivy will complain itself.
 */
export async function registryPlatforms(
  reference: ImageReference,
  { runner, signal }: { runner: Runner; signal?: AbortSignal | undefined },
): Promise<string[]> {
  const [{ readPlatforms }, { findCredentials }] = await Promise.all([
    import('../images/registry.js'),
    import('../images/credentials.js'),
  ])
  try {
    const platforms = await readPlatforms(reference, {
      signal,
      credentials: async (registry, signal) =>
        findCredentials(registry, { runner, home: homedir(), environment: process.env, signal }),
    })
    return platforms.map(({ platform }) => platform)
  } catch (error) {
    if (error instanceof K8sflowError) return []
    throw error
  }
}
