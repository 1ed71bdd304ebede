import { homedir } from 'node:os'

import type { ImageReference } from '../images/reference.js'
import type { RegistryError } from '../images/registry-errors.js'
import type { Runner } from '../tools/runner.js'

/** The platforms a registry has of an image, or why it does not tell: the image may be one of a local engine only. */
export type RegistryAnswer = { platforms: string[] } | { error: RegistryError }

/** Asks a registry for the platforms of an image. */
export async function registryPlatforms(
  reference: ImageReference,
  { runner, signal }: { runner: Runner; signal?: AbortSignal | undefined },
): Promise<RegistryAnswer> {
  const [{ readPlatforms }, { RegistryError }, { findCredentials }] = await Promise.all([
    import('../images/registry.js'),
    import('../images/registry-errors.js'),
    import('../images/credentials.js'),
  ])
  try {
    const platforms = await readPlatforms(reference, {
      signal,
      credentials: async (registry, signal) =>
        findCredentials(registry, { runner, home: homedir(), environment: process.env, signal }),
    })
    return { platforms: platforms.map(({ platform }) => platform) }
  } catch (error) {
    if (error instanceof RegistryError) return { error }
    throw error
  }
}
