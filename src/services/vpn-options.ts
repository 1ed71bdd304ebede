import type { Progress } from '../progress.js'

/** Common to all of `vpn`: which folder, and how to use the authority's key. */
export interface VpnOptions {
  /** The VPN's folder; the user's own data folder unless given. */
  dir?: string | undefined
  /** File whose first line is the passphrase of the authority's key. */
  passphraseFile?: string | undefined
}

export interface VpnInitOptions extends VpnOptions {
  /** Public name or IPv4 address of the VPN server, with a port after a colon if it is not 1194. */
  server?: string | undefined
  /** Addresses of the VPN itself, as CIDR. */
  network?: string | undefined
  /** Networks that users reach through the VPN, as CIDR; found out from the cluster unless given. */
  route?: readonly string[] | undefined
  proto?: string | undefined
  /** Days that the server's certificate and each revocation list hold. */
  days?: number | undefined
  /** Ask for a passphrase for the authority's key. */
  passphrase?: boolean | undefined
  kubeconfig?: string | undefined
  context?: string | undefined
}

export interface VpnUserOptions extends VpnOptions {
  user: string
  /** Days that the user's certificate holds. */
  days?: number | undefined
}

export interface VpnRenewOptions extends VpnOptions {
  user?: string | undefined
  days?: number | undefined
  /** Users whose certificates end within so many days are renewed, too. */
  within?: number | undefined
}

/** What services of `vpn` use of their surroundings. */
export interface VpnTools {
  progress: Progress
  /** Asks for a passphrase; undefined where nobody is there to answer. */
  askPassphrase?: ((question: string, options?: { twice?: boolean }) => Promise<string>) | undefined
  /** Lets work end in its own time when a signal comes, which it is told of; without it a signal ends the process. */
  interruptible?: (<Result>(work: (signal: AbortSignal) => Promise<Result>) => Promise<Result>) | undefined
  /** The time; for tests. */
  now?: (() => Date) | undefined
}
