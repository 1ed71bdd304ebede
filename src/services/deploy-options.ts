import type { Progress } from '../progress.js'
import { chartPath } from '../tools/chart.js'
import { type ImageFlags, type ImageOptions, imageOptions } from './build-options.js'
import type { DeployMode } from './deploy-prepare.js'
import type { ValuesChoice } from './deploy-selection.js'

/** What to deploy and how, as the flags say. */
export interface DeployOptions extends ValuesChoice {
  mode: DeployMode
  chart: string
  kubeconfig?: string | undefined
  context?: string | undefined
  namespace?: string | undefined
  /** As helm takes it: `5m`. */
  timeout: string
  wait: boolean
  verify: boolean
  allowEnvironmentChange: boolean
  allowRemoval: boolean
  /** Go on although Argo CD manages the apps. */
  allowArgocd: boolean
  /** Take over objects of other releases, and remove those releases' records. */
  adopt: boolean
  /** Repair a pending release even though it may still be running. */
  repair: boolean
  rollbackOnPingFailure: boolean
  /** Compare the platforms of the images with those of the nodes. */
  checkPlatforms: boolean
  /** Build and push the images first, and deploy exactly those. */
  build?: ImageOptions | undefined
  dryRun: boolean
}

/** What the outside lends to a deployment. */
export interface DeployHelp {
  progress: Progress
  /** Asks for an orderly end. */
  signal: AbortSignal
  /** Asks a person; both left out where nobody can answer. */
  confirm?: ((question: string) => Promise<boolean>) | undefined
  choose?: ((question: string, answers: readonly string[]) => Promise<string>) | undefined
}

/** What the flags of `deploy` hold. */
export interface DeployFlags extends ImageFlags {
  file?: string[] | undefined
  countries?: string[] | undefined
  project?: string[] | undefined
  environment?: string | undefined
  release?: string | undefined
  chart?: string | undefined
  kubeconfig?: string | undefined
  context?: string | undefined
  namespace?: string | undefined
  timeout: string
  wait: boolean
  verify: boolean
  'check-platforms': boolean
  'rollback-on-ping-failure': boolean
  'allow-environment-change': boolean
  'allow-removal': boolean
  'allow-argocd': boolean
  adopt: boolean
  repair: boolean
  build: boolean
  'dry-run': boolean
}

export function deployOptions(flags: DeployFlags, mode: DeployMode): DeployOptions {
  return {
    ...flags,
    mode,
    files: flags.file,
    chart: chartPath(flags.chart),
    allowEnvironmentChange: flags['allow-environment-change'],
    allowRemoval: flags['allow-removal'],
    allowArgocd: flags['allow-argocd'],
    rollbackOnPingFailure: flags['rollback-on-ping-failure'],
    checkPlatforms: flags['check-platforms'],
    build: flags.build ? imageOptions(flags) : undefined,
    dryRun: flags['dry-run'],
  }
}
