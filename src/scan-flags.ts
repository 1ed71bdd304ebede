import * as Flags from '@oclif/core/flags'

import * as flags from './flags.js'

/** The flags of scan. */
export const scanFlags = () => ({
  project: flags.project(),
  file: Flags.string({
    char: 'f',
    summary: 'Values file that names the images; may be given more than once.',
    helpValue: 'FILE',
    multiple: true,
    multipleNonGreedy: true,
    env: 'K8SFLOW_FILE',
  }),
  severity: Flags.string({
    summary: 'Severities that fail the scan.',
    helpValue: 'HIGH,CRITICAL',
    default: ['HIGH', 'CRITICAL'],
    multiple: true,
    multipleNonGreedy: true,
    env: 'K8SFLOW_SEVERITY',
  }),
  'ignore-unfixed': Flags.boolean({
    summary: 'Leave out vulnerabilities that nobody has fixed yet.',
    env: 'K8SFLOW_IGNORE_UNFIXED',
  }),
  platform: Flags.string({
    summary: 'Platforms to scan; otherwise all that an image has.',
    helpValue: 'linux/arm64',
    multiple: true,
    multipleNonGreedy: true,
    env: 'K8SFLOW_PLATFORM',
  }),
  format: Flags.string({
    summary: 'What to print; json is the same as --json.',
    options: ['table', 'json', 'sarif'],
    default: 'table',
    env: 'K8SFLOW_FORMAT',
  }),
  'ignore-file': Flags.string({
    summary: 'Findings to ignore; otherwise .trivyignore or .trivyignore.yaml of this folder.',
    helpValue: 'FILE',
    env: 'K8SFLOW_IGNORE_FILE',
  }),
  chart: Flags.string({
    summary: 'Another chart than the one k8sflow brings along.',
    helpValue: 'PATH',
    env: 'K8SFLOW_CHART',
  }),
})
