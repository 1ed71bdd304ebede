import { BaseCommand } from '../base.js'
import * as flags from '../flags.js'

export default class Values extends BaseCommand {
  static override summary = 'Write a Helm values file for an app, an environment and its countries.'
  static override flags = {
    countries: flags.countries(),
    project: flags.project(),
    environment: flags.environment(),
  }
  async run(): Promise<unknown> {
    const { flags } = await this.parse(Values)
    return flags
  }
}
