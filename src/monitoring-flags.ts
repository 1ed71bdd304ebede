import * as Flags from '@oclif/core/flags'

import * as flags from './flags.js'
import { MONITORING_NAMESPACE } from './services/monitoring-stack.js'

/** What the commands about monitoring have in common. */
export const monitoring = () => ({
  'monitoring-namespace': Flags.string({
    summary: 'Namespace of Prometheus and Grafana.',
    helpValue: 'NAME',
    default: MONITORING_NAMESPACE,
    env: 'K8SFLOW_MONITORING_NAMESPACE',
  }),
  kubeconfig: flags.cluster().kubeconfig,
  context: flags.cluster().context,
})
