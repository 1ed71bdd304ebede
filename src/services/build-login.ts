import { homedir } from 'node:os'

import { InvalidInputError } from '../errors.js'
import { findCredentials } from '../images/credentials.js'
import { DEFAULT_REGISTRY, isLocalRegistry, parseReference } from '../images/reference.js'
import type { Runner } from '../tools/runner.js'

/** A person may have to type a passphrase for the credential helper. */
const HELPER_TIMEOUT_MS = 60_000

/**
 * Looks whether docker is logged in to the registries of images that are to be pushed.
 * @returns what is worth a warning: a registry without credentials that may or may not need some
 * @throws InvalidInputError for docker's own registry, which takes nothing from strangers
 */
export async function checkLogin(images: readonly string[], runner: Runner): Promise<string[]> {
  const registries = [...new Set(images.map((image) => parseReference(image).registry))]
  const warnings: string[] = []
  // Those on this machine take images from anybody, as the ones of tests and homelabs do.
  for (const registry of registries.filter((host) => !isLocalRegistry(host))) {
    const help = {
      runner,
      home: homedir(),
      environment: process.env,
      helperTimeoutMs: HELPER_TIMEOUT_MS,
    }
    const { credentials, problem } = await findCredentials(registry, help)
    if (credentials !== undefined) continue
    if (problem !== undefined) warnings.push(problem)
    else if (registry === DEFAULT_REGISTRY) throw notLoggedIn(registry, images)
    else
      warnings.push(
        `docker has no login for ${registry}; if it needs one, the push will fail: docker login ${registry}`,
      )
  }
  return warnings
}

function notLoggedIn(registry: string, images: readonly string[]): InvalidInputError {
  return new InvalidInputError(
    `docker is not logged in to ${registry}, so ${images.join(' and ')} cannot be pushed.`,
    {
      code: 'NOT_LOGGED_IN',
      suggestions: [
        'Log in: docker login',
        'Or name another registry: --image-prefix registry.lan:5000/home',
      ],
      data: { registry, images },
    },
  )
}
