import * as Args from '@oclif/core/args'
import * as Flags from '@oclif/core/flags'

import { BaseCommand } from '../base.js'
import * as flags from '../flags.js'
import type { RenderResult } from '../services/render.js'

export default class Render extends BaseCommand {
  static override summary = 'Print the manifests a deployment would apply; needs helm, but no cluster.'
  static override description = `Takes values as "deploy" does: from the files named, else from those in this folder, else from -c, -p and -e.
The countries' namespaces are left out, since "deploy" makes them itself; --namespaces renders them as plain helm and Argo CD would.`
  static override examples = [
    '<%= config.bin %> <%= command.id %> app2-staging.yml',
    '<%= config.bin %> <%= command.id %> -c it -p app1 -e staging',
    '<%= config.bin %> <%= command.id %> --namespaces | kubectl apply -f -',
  ]
  static override args = {
    file: Args.string({ name: 'FILE', ignoreStdin: true, description: 'Values files; - is stdin.' }),
  }
  static override strict = false
  static override flags = {
    countries: flags.countries(),
    project: flags.project(),
    environment: flags.environment(),
    namespaces: Flags.boolean({ summary: "Render the countries' namespaces too." }),
    chart: Flags.string({
      summary: 'Another chart than the one k8sflow brings along.',
      helpValue: 'PATH',
      env: 'K8SFLOW_CHART',
    }),
    'kube-version': Flags.string({
      summary: 'Kubernetes version to render for; otherwise the one helm was built with.',
      helpValue: 'VERSION',
      env: 'K8SFLOW_KUBE_VERSION',
    }),
    namespace: flags.cluster().namespace,
    release: flags.cluster().release,
  }

  async run(): Promise<RenderResult> {
    const { argv, flags } = await this.parse(Render)
    const { render } = await import('../services/render.js')
    const progress = await this.progress(flags)
    const result = await render(
      { ...flags, kubeVersion: flags['kube-version'], files: argv as string[] },
      progress,
    )
    for (const text of result.notes) progress({ kind: 'step', state: 'note', text })
    if (!this.jsonEnabled()) this.log(result.releases.map(({ manifest }) => manifest.trimEnd()).join('\n'))
    return result
  }
}
