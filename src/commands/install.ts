import Deploy from './deploy.js'

export default class Install extends Deploy {
  static override summary = 'Deploy apps that are not deployed yet; refuses to touch an existing release.'
  static override description =
    'Like "k8sflow deploy", which installs or upgrades, whichever is needed; takes the same values and flags.'
  static override examples = ['<%= config.bin %> <%= command.id %> -c it,es -p app2 -e staging']
  protected override mode = 'install' as const
}
