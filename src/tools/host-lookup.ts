import { lookup, Resolver } from 'node:dns/promises'
import { readFile } from 'node:fs/promises'
import { isIP } from 'node:net'

import { timeLimit } from '../time-limit.js'
import { systemHostsFile } from './hosts-path.js'

/** What a name stands for on this machine. */
export interface FoundName {
  /** What programs get, in the resolver's order. */
  addresses: string[]
  /** Where the hosts file gives the name an address, lines counted from 1; empty where it does not. */
  hostsFile: { file: string; line: number; address: string }[]
  /** What DNS says beside the hosts file; undefined where it was not asked, or does not answer. */
  dns?: string[]
  /** Why there is no address: the system's word, such as `ENOTFOUND`. */
  problem?: string
}

/**
 * Resolves a name the way programs do, and says whether the hosts file has it; if so, and with `alsoDns`, DNS is asked,
 * too, for that is what other machines see. Nobody but the configured resolver is asked. Never throws.
 */
export async function lookUp(
  name: string,
  { timeoutMs, alsoDns }: { timeoutMs: number; alsoDns: boolean },
): Promise<FoundName> {
  const hostsFile = await inHostsFile(name)
  const [found, dns] = await Promise.all([
    limited(lookup(name, { all: true }), timeoutMs),
    alsoDns && hostsFile.length > 0 ? inDns(name, timeoutMs) : undefined,
  ])
  return {
    addresses: 'value' in found ? [...new Set(found.value.map(({ address }) => address))] : [],
    hostsFile,
    ...(dns === undefined ? {} : { dns }),
    ...('problem' in found ? { problem: found.problem } : {}),
  }
}

async function inHostsFile(name: string): Promise<FoundName['hostsFile']> {
  const file = systemHostsFile()
  const text = await readFile(file, 'latin1').catch(() => '')
  return text.split('\n').flatMap((line, index) => {
    const [address = '', ...names] = line.replace(/#.*/s, '').trim().split(/\s+/)
    const has = isIP(address) !== 0 && names.some((other) => other.toLowerCase() === name)
    return has ? [{ file, line: index + 1, address }] : []
  })
}

/** A and AAAA; nothing where the name is not there, undefined where nobody answers. */
async function inDns(name: string, timeoutMs: number): Promise<string[] | undefined> {
  const resolver = new Resolver({ timeout: timeoutMs, tries: 1 })
  const asked = await Promise.all(
    [resolver.resolve4(name), resolver.resolve6(name)].map((answer) => limited(answer, timeoutMs)),
  )
  const answered = asked.filter(
    (answer) => 'value' in answer || answer.problem === 'ENOTFOUND' || answer.problem === 'ENODATA',
  )
  if (answered.length === 0) return undefined
  return answered.flatMap((answer) => ('value' in answer ? answer.value : []))
}

/** getaddrinfo knows no time limit of its own. */
async function limited<Value>(
  work: Promise<Value>,
  timeoutMs: number,
): Promise<{ value: Value } | { problem: string }> {
  let inTime = () => {}
  const late = new Promise<{ problem: string }>((resolve) => {
    inTime = timeLimit(timeoutMs, () => resolve({ problem: 'ETIMEDOUT' }))
  })
  const done = work.then(
    (value) => ({ value }),
    ({ code = 'EUNKNOWN' }: NodeJS.ErrnoException) => ({ problem: code }),
  )
  return Promise.race([done, late]).finally(inTime)
}
