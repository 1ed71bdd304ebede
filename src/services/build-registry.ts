import { homedir } from 'node:os'

import { findCredentials } from '../images/credentials.js'
import type { ImagePlatform } from '../images/manifest.js'
import { parseReference } from '../images/reference.js'
import { readPlatforms } from '../images/registry.js'
import type { Runner } from '../tools/runner.js'

/** The platforms of a pushed image with their sizes; undefined when its registry does not tell, which matters little. */
export async function pushedPlatforms(
  reference: string,
  runner: Runner,
): Promise<ImagePlatform[] | undefined> {
  try {
    return await readPlatforms(parseReference(reference), {
      sizes: true,
      credentials: async (registry, signal) =>
        findCredentials(registry, { runner, home: homedir(), environment: process.env, signal }),
    })
  } catch {
    return undefined
  }
}
