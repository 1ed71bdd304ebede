import { BaseCommand } from '../base.js'
import { EXIT_CODES } from '../exit-codes.js'
import { canPrompt } from '../prompts/terminal.js'
import { valuesFilesIn } from '../services/menu.js'
import { commandLine } from '../tools/command-line.js'

/** What `k8sflow` alone does: asks what to do, and does it. */
export default class Menu extends BaseCommand {
  static override hidden = true
  static override summary = 'Ask what to do, show the command line for it, and run it.'

  async run(): Promise<void> {
    await this.parse(Menu)
    if (!canPrompt({ json: this.jsonEnabled() })) {
      await this.showHelp()
      process.exitCode = EXIT_CODES.invalidInput
      return
    }
    const { askCommand } = await import('../prompts/menu.js')
    const chosen = await askCommand(await valuesFilesIn('.'))
    if (chosen === undefined) return
    const line = commandLine(this.config.bin, [chosen.id, ...chosen.argv])
    const progress = await this.progress({ verbose: true })
    progress({ kind: 'command', line })
    await this.config.runCommand(chosen.id, chosen.argv)
  }

  private async showHelp(): Promise<void> {
    const { loadHelpClass } = await import('@oclif/core/help')
    const Help = await loadHelpClass(this.config)
    await new Help(
      this.config,
      this.config.pjson.oclif.helpOptions ?? this.config.pjson.helpOptions,
    ).showHelp([])
  }

  /** An error of the command that was run has been printed by that command. */
  protected override async catch(error: Error): Promise<unknown> {
    if ('skipOclifErrorHandling' in error) throw error
    return super.catch(error)
  }
}
