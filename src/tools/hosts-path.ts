import { join } from 'node:path'

/** Where the system keeps its hosts file. */
export function systemHostsFile(): string {
  return process.platform === 'win32'
    ? join(process.env['SystemRoot'] ?? 'C:\\Windows', 'System32', 'drivers', 'etc', 'hosts')
    : '/etc/hosts'
}
