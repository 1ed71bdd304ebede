import * as Args from '@oclif/core/args'
import { join } from 'node:path'

import { BaseCommand } from '../base.js'
import { EXIT_CODES } from '../exit-codes.js'
import type { FramedText } from '../output/code-frame.js'
import { validationText } from '../output/validation.js'
import { validate, type Validation } from '../services/validate.js'
import { chartPath } from '../tools/chart.js'

export default class Validate extends BaseCommand {
  static override summary = 'Check values files against the chart, without a cluster and without helm.'
  static override description = `Reads each file as Helm does (a bare no is a boolean) and checks it against the chart's schema, so that it accepts \
and refuses what helm lint does. All files are checked before it ends; exit code 2 when one is not valid.`
  static override examples = [
    '<%= config.bin %> <%= command.id %> app2-staging.yml',
    '<%= config.bin %> <%= command.id %> *.yml --json',
    'cat app2-staging.yml | <%= config.bin %> <%= command.id %> -',
  ]
  static override args = {
    file: Args.string({
      name: 'FILE',
      ignoreStdin: true,
      description: 'Values files; - is stdin.',
      required: true,
    }),
  }
  static override strict = false

  async run(): Promise<Validation> {
    const { argv } = await this.parse(Validate)
    const texts = new Map<string, FramedText>()
    const validation = await validate({
      files: argv as string[],
      schemaFile: join(chartPath(), 'values.schema.json'),
      onText: (path, text, secrets) => texts.set(path, { text, secrets }),
    })
    if (!this.jsonEnabled()) this.show(validationText(validation, texts))
    await this.github(async () =>
      (await import('../output/github/validation.js')).validationReport(validation),
    )
    if (!validation.valid) process.exitCode = EXIT_CODES.invalidInput
    return validation
  }
}
