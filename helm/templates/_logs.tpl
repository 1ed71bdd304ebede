{{/*
Additions to nginx's configuration: a second access log, and the way to the exporter where everybody may read it.
Arguments: root, instance.
*/}}
{{- define "k8sflow.logs.nginx" -}}
{{- with (index . 1).settings.logs -}}
{{- if .enabled -}}
logs.http.conf: |
  access_log /logs/access.log brief;
{{- if .public }}
logs.server.conf: |
  location = /logs {
      # Who reads the log does not write to it.
      access_log off;
      proxy_pass http://127.0.0.1:8081;
      proxy_http_version 1.1;
      # Lines are sent as they come.
      proxy_buffering off;
      proxy_read_timeout 1h;
      # nginx adds its own.
      proxy_hide_header X-Content-Type-Options;
  }
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/*
The container that serves the log: one of initContainers that goes on running, so that it starts before nginx and stops
after it. Without a readiness probe: an app that cannot be read about is still one that answers. Arguments: root, instance.
*/}}
{{- define "k8sflow.logs.container" -}}
{{- $root := index . 0 -}}
{{- with (index . 1).settings.logs -}}
{{- if .enabled -}}
- name: logs
  image: {{ include "k8sflow.image" (list (.image | default dict) "hecha00/log-exporter" $root.Chart.AppVersion) | quote }}
  imagePullPolicy: {{ (.image | default dict).pullPolicy | default "IfNotPresent" }}
  restartPolicy: Always
  ports:
    - name: logs
      containerPort: 8081
      protocol: TCP
  env:
    # Below the limit, so that Go collects its garbage before the kernel ends it.
    - name: GOMEMLIMIT
      value: 24MiB
  startupProbe:
    httpGet:
      path: /healthz
      port: logs
    periodSeconds: 1
    timeoutSeconds: 2
    failureThreshold: 60
  livenessProbe:
    httpGet:
      path: /healthz
      port: logs
    periodSeconds: 20
    timeoutSeconds: 5
    failureThreshold: 3
  {{- with .resources }}
  resources:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  securityContext:
    {{- include "k8sflow.containerSecurityContext" . | nindent 4 }}
  volumeMounts:
    - name: logs
      mountPath: /logs
{{- end -}}
{{- end -}}
{{- end -}}
