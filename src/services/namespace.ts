import { InvalidInputError } from '../errors.js'

/**
 * Kubernetes' rules for the name of a namespace (a DNS-1123 label), checked before anything is asked of anybody.
 * @throws InvalidInputError
 */
export function checkNamespace(name: string | undefined): void {
  if (name === undefined || (name.length <= 63 && /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(name))) return
  throw new InvalidInputError(`${JSON.stringify(name)} cannot be the name of a namespace.`, {
    code: 'INVALID_NAMESPACE',
    suggestions: ['Use at most 63 lower-case letters, digits and dashes with --namespace, such as we-road.'],
  })
}
