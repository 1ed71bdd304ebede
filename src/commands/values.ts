import * as Flags from '@oclif/core/flags'

import { BaseCommand } from '../base.js'
import * as flags from '../flags.js'
import { dryRunText, valuesText } from '../output/values.js'
import { askMissing } from '../prompts/ask-missing.js'
import { writeValues, type WrittenValues } from '../services/values.js'

export default class Values extends BaseCommand {
  static override summary = 'Write a Helm values file for an app, an environment and its countries.'
  static override description = `Writes <app>-<environment>.yml, one file per app; with -o one file that holds every app named. A file that exists is \
updated: only create, appName, env and countries of that app change, everything else in it stays. At a terminal it asks for \
what is left out.`
  static override examples = [
    '<%= config.bin %> <%= command.id %> -c it,es -p app2 -e staging',
    '<%= config.bin %> <%= command.id %> -c it,es -p app1,app2 -e production -o apps.yml',
    '<%= config.bin %> <%= command.id %> -c it -p app1 -e staging -o - | helm template app1 helm -f -',
  ]
  static override flags = {
    countries: flags.countries(),
    project: flags.project(),
    environment: flags.environment(),
    output: Flags.string({
      char: 'o',
      summary: 'File to write or update, for all apps together; - prints to stdout.',
      helpValue: 'FILE|-',
      env: 'K8SFLOW_OUTPUT',
    }),
    'dry-run': flags.dryRun(),
    yes: flags.yes(),
  }

  async run(): Promise<WrittenValues> {
    const { flags: given } = await this.parse(Values)
    const { countries, project, environment, output, yes } = given
    const example = `${this.config.bin} values -c it,es -p app2 -e staging`
    const conditions = { json: this.jsonEnabled(), yes }
    const input = await askMissing({ countries, project, environment }, example, conditions)
    const written = await writeValues({ input, output, dryRun: given['dry-run'] })
    await this.tell(written)
    if (this.jsonEnabled()) return written
    if (given['dry-run'] && output !== '-') process.stderr.write(dryRunText(written))
    process.stdout.write(valuesText(written))
    return written
  }

  private async tell({ notes, warnings }: WrittenValues): Promise<void> {
    if (notes.length + warnings.length === 0 || this.jsonEnabled()) return
    const progress = await this.progress({ verbose: false })
    for (const text of warnings) progress({ kind: 'step', state: 'warning', text })
    for (const text of notes) progress({ kind: 'step', state: 'note', text })
  }
}
