import Deploy from './deploy.js'

export default class Upgrade extends Deploy {
  static override summary = 'Deploy apps anew that are deployed already; refuses where there is no release.'
  static override description =
    'Like "k8sflow deploy", which installs or upgrades, whichever is needed; takes the same values and flags.'
  static override examples = ['<%= config.bin %> <%= command.id %> -f app2-staging.yml']
  protected override mode = 'upgrade' as const
}
