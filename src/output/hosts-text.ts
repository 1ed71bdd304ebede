import type { HostsResult } from '../services/hosts.js'

/** The block itself where it is only printed; otherwise what became of the hosts file. Ends with a line break. */
export function hostsText(result: HostsResult): string {
  const { action, file, change, dryRun, block } = result
  if (action === 'print') return block
  const name = file ?? ''
  if (change === 'unchanged')
    return action === 'remove'
      ? `${name} has no block of context "${result.context}".\n`
      : `${name} is up to date: ${counted(result)}.\n`
  const verb = dryRun ? 'would be' : 'was'
  if (block === '') return `The block of context "${result.context}" ${verb} taken out of ${name}.\n`
  const text = `${counted(result)} ${result.hosts.length === 1 ? verb : plural(verb)} written to ${name}`
  return dryRun ? `${text}:\n${block}` : `${text}.\n`
}

function counted({ hosts }: HostsResult): string {
  return `${String(hosts.length)} ${hosts.length === 1 ? 'host' : 'hosts'}`
}

function plural(verb: string): string {
  return verb === 'was' ? 'were' : verb
}
