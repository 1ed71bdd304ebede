import { readFile } from 'node:fs/promises'

import type { Cluster } from '../cluster/cluster.js'
import { InvalidInputError } from '../errors.js'
import { type Change, editFile } from '../tools/atomic-file.js'
import { systemHostsFile } from '../tools/hosts-path.js'
import {
  type AddressChoice,
  type AddressSource,
  checkAddresses,
  findAddresses,
  isHostName,
  type Resolve,
  systemResolve,
} from './hosts-address.js'
import { ascii, blockServer, blockText, type HostsBlock, otherAddresses, withBlock } from './hosts-file.js'
import type { HostsOptions } from './hosts-options.js'
import { deniedError } from './hosts-rights.js'
import { checkSelection, type Selection } from './selection.js'

/** One host of an app and where it is served. */
export interface HostEntry {
  app: string
  country: string
  host: string
  /** One IPv4 address, one IPv6 address, or one of each. */
  addresses: string[]
  source: AddressSource
}

export interface HostsResult {
  context: string
  action: 'print' | 'write' | 'remove'
  /** The hosts file; null when the block is only printed. */
  file: string | null
  /** What became of the file, with `dryRun` what would; null when the block is only printed. */
  change: Change | null
  dryRun: boolean
  hosts: HostEntry[]
  /** The block with its markers; empty where no app has a host, and when it is removed. */
  block: string
  warnings: string[]
  notes: string[]
}

/** What tests put something else in the place of. */
export interface HostsTools {
  resolve: Resolve
  edit: typeof editFile
  /** The user's id; undefined on Windows. */
  user: number | undefined
}

const SYSTEM: HostsTools = { resolve: systemResolve, edit: editFile, user: process.getuid?.() }

/**
 * Makes the lines of a hosts file for every deployed app, and writes them into it or takes them out of it. Between
 * the markers of the context the file then holds what the cluster has; all else in it stays.
 * @throws InvalidInputError when no address is known, the file's markers are damaged or it may not be written
 */
export async function hosts(options: HostsOptions, tools: Partial<HostsTools> = {}): Promise<HostsResult> {
  const selection = await checkSelection(options)
  const choice = checkAddresses(options)
  const known = { ...SYSTEM, ...tools }
  if (options.remove) return removed(options, known)
  const { connect } = await import('../cluster/client.js')
  const { checkAccess } = await import('../cluster/access.js')
  const cluster = await connect(options)
  await checkAccess(cluster)
  const { entries, warnings } = await deployedHosts(cluster, selection, choice, known.resolve)
  const block: HostsBlock = {
    context: cluster.context,
    server: cluster.server,
    lines: entries.flatMap(({ host, addresses }) => addresses.map((address) => ({ address, host }))),
  }
  const result: HostsResult = {
    context: cluster.context,
    action: options.write ? 'write' : 'print',
    file: null,
    change: null,
    dryRun: options.dryRun ?? false,
    hosts: entries,
    block: blockText(block),
    warnings,
    notes: notesOn(entries, options),
  }
  return options.write ? written(result, block, options, known) : result
}

/** The block goes also where the cluster is gone: of the kubeconfig only the context's name counts. */
async function removed(options: HostsOptions, tools: HostsTools): Promise<HostsResult> {
  const { connect } = await import('../cluster/client.js')
  const context = options.context ?? (await connect(options)).context
  const result: HostsResult = {
    context,
    action: 'remove',
    file: null,
    change: null,
    dryRun: options.dryRun ?? false,
    hosts: [],
    block: '',
    warnings: [],
    notes: [],
  }
  return written(result, { context, server: '', lines: [] }, options, tools)
}

async function deployedHosts(
  cluster: Cluster,
  { apps, countries }: Selection,
  choice: AddressChoice,
  resolve: Resolve,
): Promise<{ entries: HostEntry[]; warnings: string[] }> {
  const { workloads } = await import('../cluster/workloads.js')
  const all = (await workloads(cluster, { apps, countries })).flatMap(({ app, country, namespace, hosts }) =>
    hosts.map((host) => ({ app, country, namespace, host })),
  )
  // Whoever may write an Ingress must not be able to write anything else into a file of root's.
  const usable = all.filter(({ host }) => isHostName(host))
  const unusable = all.filter(({ host }) => !isHostName(host))
  const found = await findAddresses(usable, choice, {
    cluster,
    resolve,
    ...(countries === undefined ? {} : { countries }),
  })
  return {
    entries: found.map(({ app, country, host, addresses, source }) => ({
      app,
      country,
      host,
      addresses,
      source,
    })),
    warnings: unusable.map(
      ({ app, country, host }) =>
        `${app}/${country} is left out: ${JSON.stringify(host)} cannot stand in a hosts file.`,
    ),
  }
}

function notesOn(entries: readonly HostEntry[], { ddns, project, countries }: HostsOptions): string[] {
  const chosen = project === undefined && countries === undefined ? '' : 'of those chosen with -p and -c '
  if (entries.length === 0)
    return [`No app ${chosen}that is deployed has a host: there is nothing for a hosts file.`]
  const sources = new Set(entries.map(({ source }) => source))
  return [
    ...(sources.has('ddns')
      ? [`A hosts file holds addresses, not names: run this again when the address of ${ddns ?? ''} changes.`]
      : []),
    ...(sources.has('server')
      ? [
          "The cluster reports no address for them: that of the kubeconfig's server is taken; another with --ip.",
        ]
      : []),
  ]
}

async function written(
  result: HostsResult,
  block: HostsBlock,
  options: HostsOptions,
  tools: HostsTools,
): Promise<HostsResult> {
  const file = options.hostsFile ?? systemHostsFile()
  const warnings: string[] = []
  const edit = (before = ''): string => {
    const after = withBlock(before, block)
    warnings.splice(0, warnings.length, ...warningsOn(file, before, block))
    return after
  }
  try {
    const change = options.dryRun ? await foreseen(file, edit) : await changed(file, edit, tools)
    return { ...result, file, change, warnings: [...result.warnings, ...warnings] }
  } catch (error) {
    throw deniedError(error, { file, context: result.context, options, user: tools.user })
  }
}

/**
 * Read and written byte for byte: what others wrote into the file may be in any encoding, and what we write is ASCII.
 */
async function changed(file: string, edit: (before?: string) => string, tools: HostsTools): Promise<Change> {
  const before = await existing(file)
  // Nothing to take out of a file that is not there.
  if (before === undefined && edit() === '') return 'unchanged'
  return tools.edit(file, edit, read, { encoding: 'latin1', inPlace: true })
}

async function foreseen(file: string, edit: (before?: string) => string): Promise<Change> {
  const before = await existing(file)
  const after = edit(before)
  if (before === undefined) return after === '' ? 'unchanged' : 'created'
  return after === before ? 'unchanged' : 'updated'
}

async function existing(file: string): Promise<string | undefined> {
  return read(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw new InvalidInputError(`${file} cannot be read: ${error.message}.`, {
      code: 'HOSTS_FILE_UNREADABLE',
      cause: error,
      suggestions: ['Name the hosts file with --hosts-file.'],
      data: { file },
    })
  })
}

async function read(file: string): Promise<string> {
  return readFile(file, 'latin1')
}

function warningsOn(file: string, text: string, block: HostsBlock): string[] {
  const server = blockServer(text, block.context)
  const moved = server !== undefined && block.lines.length > 0 && server !== ascii(block.server)
  return [
    ...(moved
      ? [
          `The block of context "${block.context}" was written for ${server}, and is now for ${ascii(block.server)}: two clusters need contexts of different names.`,
        ]
      : []),
    ...otherAddresses(text, block).map(
      ({ line, host, address }) =>
        `${file}:${String(line)} gives ${host} another address, ${address}; of two lines the first one counts as a rule.`,
    ),
  ]
}
