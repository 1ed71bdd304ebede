import { BaseCommand } from '../base.js'
import { buildFlags } from '../build-flags.js'
import { interruptible } from '../interrupt.js'
import type { BuildResult } from '../services/build.js'

export default class Build extends BaseCommand {
  static override summary = 'Build the images of the apps for all platforms, and push, load or write them.'
  static override description = `Builds both apps side by side with docker buildx. The tag is the commit that is checked out. Times inside of an image are \
always the same, so that the same source gives the same digest; its labels name the commit and its time.

--push --write FILE pins what was pushed in a values file, which "k8sflow deploy" then deploys, to the byte.`
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> -p app1 --push --write app1-production.yml',
    '<%= config.bin %> <%= command.id %> --oci-dir oci && <%= config.bin %> scan oci/app1 oci/app2',
    '<%= config.bin %> <%= command.id %> --image-prefix registry.lan:5000/home --platform linux/arm64 --push',
  ]
  static override flags = buildFlags()

  async run(): Promise<BuildResult> {
    const { flags, raw } = await this.parse(Build)
    const { build } = await import('../services/build.js')
    const { buildOptions, settleOutput } = await import('../services/build-options.js')
    const typed = raw.flatMap((token) => (token.type === 'flag' ? [token.flag] : []))
    const options = buildOptions(settleOutput(flags, typed))
    const progress = await this.progress(flags)
    const result = await interruptible(
      () => progress({ kind: 'step', state: 'warning', text: 'interrupted: waiting for docker to stop' }),
      async (signal) => build(options, { progress, signal }),
    )
    if (!this.jsonEnabled()) {
      const { buildText } = await import('../output/build-text.js')
      this.show(await buildText(result))
    }
    await this.github(async () => (await import('../output/github/build.js')).buildReport(result))
    return result
  }
}
