{{/*
Additions to nginx's configuration. Arguments: root, instance.
*/}}
{{- define "k8sflow.metrics.nginx" -}}
{{- end -}}

{{/*
The container beside nginx. Arguments: root, instance.
*/}}
{{- define "k8sflow.metrics.container" -}}
{{- end -}}
