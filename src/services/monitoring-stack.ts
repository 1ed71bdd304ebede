/*
 * The monitoring that k8sflow installs: what it is called, and in which version its values were checked
 * (test/fixtures/monitoring-keys.json).
 */

/** The release, and the value of `app.kubernetes.io/instance` on its objects. */
export const MONITORING_RELEASE = 'monitoring'

export const MONITORING_NAMESPACE = 'monitoring'

/** Where the project publishes it, by its README. */
export const MONITORING_CHART = 'oci://ghcr.io/prometheus-community/charts/kube-prometheus-stack'

export const MONITORING_CHART_VERSION = '88.5.3'
