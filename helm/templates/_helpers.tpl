{{/*
Merge the second dictionary into the first, in place: maps key by key, everything else (lists, false, 0, "")
replaced, null removed. The first never shares a map with the second. Sprig's mergeOverwrite cannot remove a key.
*/}}
{{- define "k8sflow.mergeInto" -}}
{{- $into := index . 0 -}}
{{- range $key, $value := index . 1 -}}
{{- if kindIs "invalid" $value -}}
{{- $_ := unset $into $key -}}
{{- else if kindIs "map" $value -}}
{{- if not (kindIs "map" (get $into $key)) -}}
{{- $_ := set $into $key dict -}}
{{- end -}}
{{- include "k8sflow.mergeInto" (list (get $into $key) $value) -}}
{{- else -}}
{{- $_ := set $into $key $value -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/*
The namespace of a country.
*/}}
{{- define "k8sflow.namespace" -}}
we-road-{{ . }}
{{- end -}}

{{/*
What everything but the namespaces is rendered for: all instances, or none where the release is to hold only the
namespaces.
*/}}
{{- define "k8sflow.instances" -}}
{{- if (.Values.namespaces | default dict).only -}}
[]
{{- else -}}
{{- include "k8sflow.allInstances" . -}}
{{- end -}}
{{- end -}}

{{/*
Every app in every one of its countries, as a JSON array for fromJsonArray, in the values' order:
  {app, env, country, name, namespace, service, host, settings}
settings are the app's values with the country's own (perCountry) merged over them; sections that a values file
set to null are there as empty ones, so that no template meets a nil.
*/}}
{{- define "k8sflow.allInstances" -}}
{{- $instances := list -}}
{{- range $key, $defaultName := dict "firstApp" "app1" "secondApp" "app2" -}}
{{- $app := index $.Values $key | default dict -}}
{{- if $app.create -}}
{{- $appName := $app.appName | default $defaultName -}}
{{- range $country := $app.countries | default list | uniq -}}
{{- $settings := dict -}}
{{- include "k8sflow.mergeInto" (list $settings (omit $app "create" "appName" "env" "countries" "perCountry")) -}}
{{- include "k8sflow.mergeInto" (list $settings (get ($app.perCountry | default dict) $country | default dict)) -}}
{{- range $section := list "image" "resources" "autoscaling" "ingress" "httpRoute" "networkPolicy" "podDisruptionBudget" "logs" "metrics" -}}
{{- if not (kindIs "map" (get $settings $section)) -}}
{{- $_ := set $settings $section dict -}}
{{- end -}}
{{- end -}}
{{- if not (kindIs "map" $settings.ingress.tls) -}}
{{- $_ := set $settings.ingress "tls" dict -}}
{{- end -}}
{{- /* On unless switched off: a section emptied by null must not drop a network policy unnoticed. */ -}}
{{- range $section := list "autoscaling" "ingress" "networkPolicy" "podDisruptionBudget" -}}
{{- if kindIs "invalid" (index $settings $section "enabled") -}}
{{- $_ := set (get $settings $section) "enabled" true -}}
{{- end -}}
{{- end -}}
{{- $name := printf "%s-%s" $appName $country -}}
{{- $instances = append $instances (dict
  "app" $appName
  "env" ($app.env | default "production")
  "country" $country
  "name" $name
  "namespace" (include "k8sflow.namespace" $country)
  "service" (printf "%s-svc-%s" $appName $country)
  "host" (printf "%s.info" $name)
  "settings" $settings
) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $instances | toJson -}}
{{- end -}}

{{/*
An image reference; a digest wins over a tag. Arguments: image values, default repository, default tag.
*/}}
{{- define "k8sflow.image" -}}
{{- $image := index . 0 -}}
{{- $repository := $image.repository | default (index . 1) -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $repository $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $repository ($image.tag | default (index . 2)) -}}
{{- end -}}
{{- end -}}

{{/*
The image of an app. Arguments: root, instance.
*/}}
{{- define "k8sflow.appImage" -}}
{{- $instance := index . 1 -}}
{{- include "k8sflow.image" (list $instance.settings.image (printf "hecha00/%s" $instance.app) (index . 0).Chart.AppVersion) -}}
{{- end -}}

{{/*
The one label that selects an app's pods in a country. It must never change: a Deployment's selector is immutable, and
releases of the first chart run with exactly this one.
*/}}
{{- define "k8sflow.selectorLabels" -}}
app: {{ .name | quote }}
{{- end -}}

{{/*
The version of an image as a label, which may be shorter than a tag. Arguments: root, instance.
*/}}
{{- define "k8sflow.versionLabel" -}}
app.kubernetes.io/version: {{ (index . 1).settings.image.tag | default (index . 0).Chart.AppVersion | trunc 63 | trimAll "-_." | quote }}
{{- end -}}

{{/*
Labels of the pods. Without the chart's version, so that a new chart alone restarts nothing, and without that of an image
named by its digest: the same image under another tag is no reason to restart either. Arguments: root, instance.
*/}}
{{- define "k8sflow.podLabels" -}}
{{- $root := index . 0 -}}
{{- $instance := index . 1 -}}
{{ include "k8sflow.selectorLabels" $instance }}
app.kubernetes.io/name: {{ $instance.app | quote }}
app.kubernetes.io/instance: {{ $root.Release.Name | quote }}
{{- if not $instance.settings.image.digest }}
{{ include "k8sflow.versionLabel" . }}
{{- end }}
app.kubernetes.io/component: web
app.kubernetes.io/part-of: we-road
k8sflow.io/country: {{ $instance.country | quote }}
k8sflow.io/environment: {{ $instance.env | quote }}
{{- with $instance.settings.extraLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/*
Labels that say who made an object. Argument: root.
*/}}
{{- define "k8sflow.chartLabels" -}}
app.kubernetes.io/managed-by: {{ .Release.Service | quote }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" | quote }}
{{- end -}}

{{/*
Name, namespace and labels of an app's object. Arguments: root, instance, the object's name.
*/}}
{{- define "k8sflow.metadata" -}}
{{- $root := index . 0 -}}
{{- $instance := index . 1 -}}
name: {{ index . 2 }}
namespace: {{ $instance.namespace }}
labels:
  {{- include "k8sflow.podLabels" (list $root $instance) | nindent 2 }}
  {{- if $instance.settings.image.digest }}
  {{- include "k8sflow.versionLabel" (list $root $instance) | nindent 2 }}
  {{- end }}
  {{- include "k8sflow.chartLabels" $root | nindent 2 }}
{{- end -}}

{{/*
Security settings that Pod Security's level "restricted" asks for, and what containers need beside them.
*/}}
{{- define "k8sflow.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: 10101
runAsGroup: 10101
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "k8sflow.containerSecurityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
runAsUser: 10101
runAsGroup: 10101
capabilities:
  drop:
    - ALL
{{- end -}}

{{/*
Files of nginx's configuration that a part of the chart adds, as keys of a ConfigMap; empty where nothing is on. The image
includes *.http.conf at http level and *.server.conf in its server. Arguments: root, instance.
*/}}
{{- define "k8sflow.nginxConfiguration" -}}
{{- print (include "k8sflow.logs.nginx" .) "\n" (include "k8sflow.metrics.nginx" .) | trim -}}
{{- end -}}

{{/*
Containers beside the app's own, as a list; empty where nothing is on. Arguments: root, instance.
*/}}
{{- define "k8sflow.sidecars" -}}
{{- print (include "k8sflow.logs.container" .) "\n" (include "k8sflow.metrics.container" .) | trim -}}
{{- end -}}
