import { BaseCommand } from '../base.js'
import * as flags from '../flags.js'
import type { HistoryResult } from '../services/history.js'

export default class History extends BaseCommand {
  static override summary = 'List the revisions of each app.'
  static override description = 'Their numbers are what "rollback" takes.'
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> -p app1',
    '<%= config.bin %> <%= command.id %> --release release --namespace default',
  ]
  static override flags = {
    project: flags.project(),
    ...flags.cluster(),
  }

  async run(): Promise<HistoryResult> {
    const { flags } = await this.parse(History)
    const { history } = await import('../services/history.js')
    const progress = await this.progress(flags)
    const result = await history(flags, progress)
    for (const text of result.notes) progress({ kind: 'step', state: 'note', text })
    if (!this.jsonEnabled()) {
      const { historyText } = await import('../output/history-text.js')
      this.show(`${await historyText(result)}\n`)
    }
    return result
  }
}
