import * as Flags from '@oclif/core/flags'

import { canPrompt } from './prompts/terminal.js'
import type { VpnTools } from './services/vpn-options.js'
import type { Progress } from './progress.js'

/** Flags of every `vpn` command. */
export const vpnFolder = () => ({
  dir: Flags.string({
    summary: "The VPN's folder; otherwise k8sflow/vpn in the user's data folder.",
    helpValue: 'FOLDER',
    env: 'K8SFLOW_VPN_DIR',
  }),
})

export const passphraseFile = () => ({
  'passphrase-file': Flags.string({
    summary: "File whose first line is the passphrase of the authority's key, if it has one.",
    helpValue: 'FILE',
    env: 'K8SFLOW_VPN_PASSPHRASE_FILE',
  }),
})

/** What services of `vpn` use: a passphrase is asked for where a person can answer. */
export function vpnTools(progress: Progress, json: boolean): VpnTools {
  return {
    progress,
    askPassphrase: canPrompt({ json })
      ? async (...asked) => (await import('./prompts/passphrase.js')).askPassphrase(...asked)
      : undefined,
    // What is interrupted takes moments: there is nothing to say before its end.
    interruptible: async (work) => (await import('./interrupt.js')).interruptible(() => undefined, work),
  }
}
