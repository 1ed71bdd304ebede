import type { AddressChoice } from './hosts-address.js'
import type { RawSelection } from './selection.js'

export interface HostsOptions extends RawSelection, AddressChoice {
  kubeconfig?: string | undefined
  context?: string | undefined
  /** Write the block into the hosts file; neither this nor `remove`: only make it. */
  write?: boolean | undefined
  remove?: boolean | undefined
  /** The hosts file; the system's own unless given. */
  hostsFile?: string | undefined
  dryRun?: boolean | undefined
}
