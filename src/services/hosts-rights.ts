import { homedir } from 'node:os'
import { delimiter, dirname, join, resolve } from 'node:path'

import { InvalidInputError } from '../errors.js'
import { shellQuote } from '../tools/command-line.js'
import type { HostsOptions } from './hosts-options.js'

interface Attempt {
  file: string
  context: string
  options: HostsOptions
  /** The user's id; undefined on Windows. */
  user: number | undefined
}

/** An error of writing the hosts file, with the one command that does it with rights where these are what is missing. */
export function deniedError(error: unknown, { file, context, options, user }: Attempt): unknown {
  if (!(error instanceof InvalidInputError) || error.code !== 'NOT_WRITABLE') return error
  const { code = '' } = (error.cause ?? {}) as NodeJS.ErrnoException
  const denied = code === 'EACCES' || code === 'EPERM'
  const command = denied && user !== 0 ? privileged(options, { file, context, user }) : undefined
  return new InvalidInputError(error.message, {
    code: 'HOSTS_FILE_NOT_WRITABLE',
    cause: error,
    suggestions: [command === undefined ? otherwise(file, code) : explained(command, user)],
    data: { file, ...(command === undefined ? {} : { command }) },
  })
}

function explained(command: string, user: number | undefined): string {
  return user === undefined
    ? `Run this in a terminal that was opened as administrator: ${command}`
    : `It needs root's rights; run: ${command}`
}

function otherwise(file: string, code: string): string {
  if (code === 'ENOENT') return `Make the folder ${dirname(file)}, or name another file with --hosts-file.`
  return `${file} is read-only, immutable or in a place that is: change that, or name another file with --hosts-file.`
}

/**
 * The same command with root's rights: sudo drops variables, and root has another home, so the program's path, the
 * kubeconfig and the context are said.
 */
function privileged(options: HostsOptions, { file, context, user }: Omit<Attempt, 'options'>): string {
  const { variables, flags } = options.remove ? { variables: [], flags: [] } : kubeconfigOf(options)
  const list = (flag: string, values: readonly string[] | undefined) =>
    values === undefined || values.length === 0 ? [] : [flag, values.join(',')]
  const args = [
    'hosts',
    options.remove ? '--remove' : '--write',
    ...(options.remove
      ? []
      : [
          ...list('-p', options.project),
          ...list('-c', options.countries),
          ...list('--ip', options.ip),
          ...(options.ip === undefined && options.ddns !== undefined ? ['--ddns', options.ddns] : []),
        ]),
    ...flags,
    ...(context === '' ? [] : ['--context', context]),
    ...(options.hostsFile === undefined ? [] : ['--hosts-file', resolve(file)]),
  ].map((word) => shellQuote(word))
  const program =
    user === undefined ? 'k8sflow' : ['sudo env "PATH=$PATH"', ...variables, 'k8sflow'].join(' ')
  return [program, ...args].join(' ')
}

function kubeconfigOf({ kubeconfig }: HostsOptions): { variables: string[]; flags: string[] } {
  const variable = process.env['KUBECONFIG'] ?? ''
  if (kubeconfig === undefined && variable !== '') {
    const files = variable.split(delimiter).filter(Boolean)
    return {
      variables: [shellQuote(`KUBECONFIG=${files.map((file) => resolve(file)).join(delimiter)}`)],
      flags: [],
    }
  }
  const own = join(process.env['HOME'] ?? homedir(), '.kube', 'config')
  return { variables: [], flags: ['--kubeconfig', resolve(kubeconfig ?? own)] }
}
