import * as Flags from '@oclif/core/flags'

import { BaseCommand } from '../base.js'
import * as flags from '../flags.js'
import type { StatusResult } from '../services/status.js'

export default class Status extends BaseCommand {
  static override summary = 'Show what is deployed, where, and how it is.'
  static override description = `Shows every app in every country: its release, pods, CPU, image, host and age, and why a pod is not ready.
Also what Argo CD or plain manifests deployed, and releases of the old tool in the context's own namespace.
Exits with 0 whatever the health; with --check, with 1 unless everything is healthy.`
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> -p app2 -c it,es',
    '<%= config.bin %> <%= command.id %> --check --json',
  ]
  static override flags = {
    project: flags.project(),
    countries: flags.countries(),
    check: Flags.boolean({
      summary: 'Exit with 1 unless every app shown is deployed and ready.',
      env: 'K8SFLOW_CHECK',
    }),
    ...flags.cluster(),
  }

  async run(): Promise<StatusResult> {
    const { flags } = await this.parse(Status)
    const { status } = await import('../services/status.js')
    const progress = await this.progress(flags)
    const result = await status(flags, progress)
    for (const text of result.notes) progress({ kind: 'step', state: 'note', text })
    if (!this.jsonEnabled()) {
      const { statusText } = await import('../output/status-text.js')
      this.show(`${await statusText(result)}\n`)
    }
    if (flags.check && !result.healthy) process.exitCode = 1
    return result
  }
}
