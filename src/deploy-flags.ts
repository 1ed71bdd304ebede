import * as Flags from '@oclif/core/flags'

import { imageFlags } from './build-flags.js'
import { InvalidInputError } from './errors.js'
import * as flags from './flags.js'

/** The flags of deploy, install and upgrade. */
export const deployFlags = () => ({
  file: Flags.string({
    char: 'f',
    summary: 'Values file; may be given more than once, - is stdin.',
    helpValue: 'FILE',
    multiple: true,
    multipleNonGreedy: true,
    env: 'K8SFLOW_FILE',
  }),
  countries: flags.countries(),
  project: flags.project(),
  environment: flags.environment(),
  timeout: flags.timeout('How long to wait for pods.'),
  wait: flags.wait('Wait until all pods are ready.'),
  verify: flags.verify(),
  'check-platforms': Flags.boolean({
    summary:
      'Check that the nodes can run the images: for which platforms they are made is asked of their registry.',
    allowNo: true,
    default: true,
    env: 'K8SFLOW_CHECK_PLATFORMS',
  }),
  'rollback-on-ping-failure': Flags.boolean({
    summary: 'Roll back also when an app runs but does not answer as it should.',
    env: 'K8SFLOW_ROLLBACK_ON_PING_FAILURE',
  }),
  'allow-environment-change': Flags.boolean({
    summary: 'Let staging replace production, or the reverse.',
    env: 'K8SFLOW_ALLOW_ENVIRONMENT_CHANGE',
  }),
  'allow-removal': Flags.boolean({
    summary: 'Delete apps from countries that the values no longer name.',
    env: 'K8SFLOW_ALLOW_REMOVAL',
  }),
  'allow-argocd': flags.allowArgocd(),
  adopt: Flags.boolean({
    summary: "Take over objects of another release, and remove that release's records.",
    env: 'K8SFLOW_ADOPT',
  }),
  repair: Flags.boolean({
    summary: 'Repair a release that was left pending, even if that was just now.',
    env: 'K8SFLOW_REPAIR',
  }),
  chart: Flags.string({
    summary: 'Another chart than the one k8sflow brings along.',
    helpValue: 'PATH',
    env: 'K8SFLOW_CHART',
  }),
  build: Flags.boolean({
    summary:
      'Build and push the images of these apps first, pin them in the values files, deploy just those.',
    env: 'K8SFLOW_BUILD',
  }),
  'dry-run': flags.dryRun(),
  yes: flags.yes(),
  ...flags.cluster(),
  ...imageFlags(),
})

/**
 * Flags about images mean nothing without a build. Variables and the project file are there for `build`, too, so only
 * what was typed counts.
 * @param typed what oclif's parser found on the command line
 * @throws InvalidInputError
 */
export function refuseImageFlags(typed: readonly { type: string; flag?: string }[]): void {
  const names = Object.keys(imageFlags()).filter((name) => typed.some(({ flag }) => flag === name))
  if (names.length === 0) return
  const listed = names.map((name) => `--${name}`).join(' and ')
  throw new InvalidInputError(
    `${listed} ${names.length === 1 ? 'says' : 'say'} how images are built, and nothing is to be built.`,
    {
      code: 'NOTHING_TO_BUILD',
      suggestions: ['Add --build to build the images first, or leave this out.'],
      data: { flags: names },
    },
  )
}
