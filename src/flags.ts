import * as Flags from '@oclif/core/flags'

/*
 * Flag factories, so that one thing is spelt one way in every command. Values stay as typed: services check
 * them together and name every problem in one error.
 */

export const countries = () =>
  Flags.string({
    char: 'c',
    summary: 'Two-letter country codes, comma-separated.',
    helpValue: 'it,es',
    env: 'K8SFLOW_COUNTRIES',
    multiple: true,
    multipleNonGreedy: true,
  })

export const project = () =>
  Flags.string({
    char: 'p',
    aliases: ['projectName'],
    summary: 'App: app1 or app2, or both, comma-separated.',
    helpValue: 'app1|app2',
    env: 'K8SFLOW_PROJECT',
    multiple: true,
    multipleNonGreedy: true,
  })

export const environment = () =>
  Flags.string({
    char: 'e',
    summary: 'Environment: production or staging.',
    helpValue: 'production|staging',
    env: 'K8SFLOW_ENVIRONMENT',
  })

export const dryRun = () =>
  Flags.boolean({ summary: 'Print what would be done, change nothing.', env: 'K8SFLOW_DRY_RUN' })

export const yes = () =>
  Flags.boolean({ char: 'y', summary: 'Answer yes to every question; never ask.', env: 'K8SFLOW_YES' })

/** How to reach the cluster and where release records live; the same in every command that talks to it. */
export const cluster = () => ({
  kubeconfig: Flags.string({
    summary: "Kubeconfig file; otherwise KUBECONFIG, then the user's own.",
    helpValue: 'FILE',
    env: 'K8SFLOW_KUBECONFIG',
    helpGroup: 'CLUSTER',
  }),
  context: Flags.string({
    summary: 'Context of the kubeconfig.',
    helpValue: 'NAME',
    env: 'K8SFLOW_CONTEXT',
    helpGroup: 'CLUSTER',
  }),
  namespace: Flags.string({
    char: 'n',
    summary: 'Namespace of the release records.',
    helpValue: 'NAME',
    env: 'K8SFLOW_NAMESPACE',
    helpGroup: 'CLUSTER',
  }),
  release: Flags.string({
    summary: 'One release of this name for all apps, as plain helm would do it; otherwise one per app.',
    helpValue: 'NAME',
    env: 'K8SFLOW_RELEASE',
    helpGroup: 'CLUSTER',
  }),
})

export const certManagerNamespace = () =>
  Flags.string({
    summary: 'Namespace that cert-manager runs in.',
    helpValue: 'NAME',
    default: 'cert-manager',
    env: 'K8SFLOW_CERT_MANAGER_NAMESPACE',
    helpGroup: 'CLUSTER',
  })

export const argocdNamespace = () =>
  Flags.string({
    summary: "Argo CD's own namespace.",
    helpValue: 'NAME',
    default: 'argocd',
    env: 'K8SFLOW_ARGOCD_NAMESPACE',
  })

export const allowArgocd = () =>
  Flags.boolean({
    summary: 'Go on although Argo CD manages the apps and may undo it.',
    env: 'K8SFLOW_ALLOW_ARGOCD',
  })

export const timeout = (summary: string) =>
  Flags.string({ summary, helpValue: '5m', default: '5m', env: 'K8SFLOW_TIMEOUT' })

export const wait = (summary: string) =>
  Flags.boolean({ summary, allowNo: true, default: true, env: 'K8SFLOW_WAIT' })

export const verify = () =>
  Flags.boolean({
    summary: 'Ask every app for /ping once it is ready.',
    allowNo: true,
    default: true,
    env: 'K8SFLOW_VERIFY',
  })
