import * as Args from '@oclif/core/args'

import { BaseCommand } from '../base.js'
import { interruptible } from '../interrupt.js'
import { scanFlags } from '../scan-flags.js'
import type { ScanResult } from '../services/scan.js'

export default class Scan extends BaseCommand {
  static override summary = 'Scan images for vulnerabilities and secrets; needs trivy.'
  static override description = `Scans the images named, or the OCI layout folders that "build --oci-dir" wrote, \
else the images of the values files that "deploy" would find. Every platform of an image is scanned. \
Exits with 8 when something is found at the severities asked for. \
Findings named in .trivyignore do not count; give the reason in a comment above each.`
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> hecha00/app1:1.0.0 --platform linux/arm64 --ignore-unfixed',
    '<%= config.bin %> <%= command.id %> oci/app1 --format sarif > app1.sarif',
  ]
  static override args = {
    image: Args.string({
      name: 'IMAGE',
      ignoreStdin: true,
      description: 'Image references, or OCI layout folders.',
    }),
  }
  static override strict = false
  static override flags = scanFlags()
  private format = 'table'

  override jsonEnabled(): boolean {
    return super.jsonEnabled() || this.format === 'json'
  }

  async run(): Promise<ScanResult> {
    const { argv, flags } = await this.parse(Scan)
    this.format = flags.format
    const { scan } = await import('../services/scan.js')
    const progress = await this.progress(flags)
    const sarif = flags.format === 'sarif' && !this.jsonEnabled()
    const options = {
      ...flags,
      images: argv as string[],
      files: flags.file,
      ignoreUnfixed: flags['ignore-unfixed'],
      ignoreFile: flags['ignore-file'],
      sarif,
    }
    const found = await interruptible(
      () => progress({ kind: 'step', state: 'warning', text: 'interrupted: waiting for trivy to stop' }),
      (signal) => scan(options, { progress, signal }),
    )
    const { result } = found
    for (const text of result.notes) progress({ kind: 'step', state: 'note', text })
    for (const text of result.warnings) progress({ kind: 'step', state: 'warning', text })
    if (found.sarif !== undefined) this.logJson(found.sarif)
    else if (!this.jsonEnabled()) this.show(await (await import('../output/scan-text.js')).scanText(result))
    if (result.error !== undefined && !this.jsonEnabled()) await this.complain(result.error)
    await this.github(async () => (await import('../output/github/scan.js')).scanReport(result))
    process.exitCode = result.error?.exit ?? 0
    return result
  }

  private async complain(error: NonNullable<ScanResult['error']>): Promise<void> {
    const { errorText } = await import('../output/error-text.js')
    process.stderr.write(errorText(error, { bin: this.config.bin, command: this.id }))
  }
}
