{{/*
Additions to nginx's configuration: its counters, at a port that only this pod's own containers reach. Arguments: root, instance.
*/}}
{{- define "k8sflow.metrics.nginx" -}}
{{- if (index . 1).settings.metrics.enabled -}}
metrics.http.conf: |
  server {
      listen 127.0.0.1:8082;
      access_log off;
      location = /stub_status {
          stub_status;
      }
      location / {
          return 404;
      }
  }
{{- end -}}
{{- end -}}

{{/*
The container that turns those counters into Prometheus' format. Both exporters that are about, 0.11 and 1.x, know these flags.
Without probes: an app that cannot be measured is still one that answers, and Prometheus says what it cannot scrape.
Arguments: root, instance.
*/}}
{{- define "k8sflow.metrics.container" -}}
{{- with (index . 1).settings.metrics -}}
{{- if .enabled -}}
- name: metrics
  image: {{ include "k8sflow.image" (list (.image | default dict) "nginx/nginx-prometheus-exporter" "1.5.3") | quote }}
  imagePullPolicy: {{ (.image | default dict).pullPolicy | default "IfNotPresent" }}
  restartPolicy: Always
  args:
    - --nginx.scrape-uri=http://127.0.0.1:8082/stub_status
    - --web.listen-address=:9113
  ports:
    - name: metrics
      containerPort: 9113
      protocol: TCP
  env:
    # Below the limit, so that Go collects its garbage before the kernel ends it.
    - name: GOMEMLIMIT
      value: 24MiB
  {{- with .resources }}
  resources:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  securityContext:
    {{- include "k8sflow.containerSecurityContext" . | nindent 4 }}
{{- end -}}
{{- end -}}
{{- end -}}

{{/*
"true" where an object of the Prometheus operator is wanted: on with the metrics unless switched off.
Arguments: instance, "podMonitor" or "rules".
*/}}
{{- define "k8sflow.metrics.wants" -}}
{{- $metrics := (index . 0).settings.metrics -}}
{{- $section := get $metrics (index . 1) | default dict -}}
{{- if and $metrics.enabled (or (kindIs "invalid" $section.enabled) $section.enabled) -}}true{{- end -}}
{{- end -}}

{{/*
Labels by which a Prometheus finds such an object, without those that the app's extraLabels have set.
Arguments: instance, "podMonitor" or "rules".
*/}}
{{- define "k8sflow.metrics.labels" -}}
{{- $settings := (index . 0).settings -}}
{{- $labels := (get $settings.metrics (index . 1) | default dict).labels | default dict -}}
{{- range $key, $_ := $settings.extraLabels -}}
{{- $labels = omit $labels $key -}}
{{- end -}}
{{- with $labels -}}
{{- toYaml . -}}
{{- end -}}
{{- end -}}

{{/*
Which app and country an alert is about. Argument: instance.
*/}}
{{- define "k8sflow.metrics.alertLabels" -}}
app: {{ .app | quote }}
country: {{ .country | quote }}
{{- end -}}
