{{/* Names */}}

{{- define "sentire.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 50 | trimSuffix "-" }}
{{- end }}

{{/* Short enough for -gateway behind it: a name has at most 63 characters. */}}
{{- define "sentire.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" }}
{{- else if contains (include "sentire.name" .) .Release.Name }}
{{- .Release.Name | trunc 50 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "sentire.name" .) | trunc 50 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "sentire.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "sentire.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{/* Of a component: (dict "root" $ "component" "model") */}}
{{- define "sentire.componentName" -}}
{{- printf "%s-%s" (include "sentire.fullname" .root) .component }}
{{- end }}

{{/* Labels */}}

{{- define "sentire.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/name: {{ include "sentire.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "sentire.componentLabels" -}}
{{ include "sentire.labels" .root }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "sentire.selectorLabels" -}}
app.kubernetes.io/name: {{ include "sentire.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{/* Image of a component */}}
{{- define "sentire.image" -}}
{{- $image := (index .root.Values .component).image -}}
{{- with .root.Values.image.registry }}{{ trimSuffix "/" . }}/{{ end }}
{{- $image.repository }}
{{- if $image.digest }}@{{ $image.digest }}{{ else }}:{{ default .root.Chart.AppVersion $image.tag }}{{ end }}
{{- end }}

{{/* The address at which pods reach a component */}}
{{- define "sentire.url" -}}
{{- printf "http://%s:%v" (include "sentire.componentName" .) (index .root.Values .component).service.port }}
{{- end }}
