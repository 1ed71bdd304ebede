import * as Flags from '@oclif/core/flags'

import { BaseCommand } from '../base.js'
import * as flags from '../flags.js'
import type { GitopsResult } from '../services/gitops.js'

export default class Gitops extends BaseCommand {
  static override summary = 'Write the manifests with which Argo CD deploys the apps from git.'
  static override description = `Writes an AppProject, an Application that owns the countries' namespaces, and an Application per app. Argo CD then renders \
the chart in the repository with the values files in it, and applies what "deploy" would. Files that exist are updated: keys and comments of your own stay. \
Values files are found as "deploy" finds them; repository and branch are those of the working copy.`
  static override examples = [
    '<%= config.bin %> <%= command.id %> --repo https://github.com/me/homelab --revision main -e production',
    '<%= config.bin %> <%= command.id %> --values deploy/app1-production.yml -o - | kubectl apply -f -',
  ]
  static override flags = {
    repo: Flags.string({
      summary: "Address of the git repository; otherwise the working copy's remote, as https.",
      helpValue: 'URL',
      env: 'K8SFLOW_REPO',
    }),
    revision: Flags.string({
      summary: 'Branch, tag or commit that Argo CD follows; otherwise the branch that is checked out.',
      helpValue: 'NAME',
      env: 'K8SFLOW_REVISION',
    }),
    path: Flags.string({
      summary: "The chart's folder in the repository.",
      helpValue: 'FOLDER',
      default: 'helm',
      env: 'K8SFLOW_CHART_FOLDER',
    }),
    values: Flags.string({
      char: 'f',
      summary: 'Values file in the repository; may be given more than once.',
      helpValue: 'FILE',
      env: 'K8SFLOW_VALUES',
      multiple: true,
      multipleNonGreedy: true,
    }),
    environment: flags.environment(),
    'per-app': Flags.boolean({
      summary: 'One Application per app; the default.',
      exclusive: ['single', 'release'],
    }),
    single: Flags.boolean({
      summary: 'One Application for both apps: release we-road, or the one --release names.',
      env: 'K8SFLOW_SINGLE',
    }),
    'output-dir': Flags.string({
      char: 'o',
      summary: 'Folder to write to or update; - prints to stdout.',
      helpValue: 'DIR|-',
      default: 'argocd',
      env: 'K8SFLOW_OUTPUT_DIR',
    }),
    'argocd-namespace': flags.argocdNamespace(),
    'dry-run': flags.dryRun(),
    namespace: flags.cluster().namespace,
    release: flags.cluster().release,
  }

  async run(): Promise<GitopsResult> {
    const { flags } = await this.parse(Gitops)
    const { gitops } = await import('../services/gitops.js')
    const progress = await this.progress(flags)
    const { 'argocd-namespace': argocdNamespace, 'output-dir': outputDir, 'dry-run': dryRun } = flags
    const result = await gitops({ ...flags, argocdNamespace, outputDir, dryRun }, progress)
    for (const text of result.warnings) progress({ kind: 'step', state: 'warning', text })
    for (const text of result.notes) progress({ kind: 'step', state: 'note', text })
    if (!this.jsonEnabled()) {
      const { gitopsText } = await import('../output/gitops-text.js')
      this.show(gitopsText(result))
    }
    return result
  }
}
