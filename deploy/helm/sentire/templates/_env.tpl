{{/*
Settings as variables: {limits: {queue: 8}} is SENTIRE_LIMITS_QUEUE="8". Those of the values win over
those of the chart. docs/reference/settings.md lists them.
*/}}
{{- define "sentire.settings" -}}
{{- $values := index .root.Values .component -}}
{{- $own := dict "server" (dict "host" "0.0.0.0" "port" .port "log" "json" "open" true "shutdown_s" 10) "downloads" "/var/cache/sentire" -}}
{{- if $values.keys.existingSecret }}
{{- $_ := unset $own.server "open" }}
{{- $_ := set $own "keys" (dict "file" "/etc/sentire/keys/keys.txt") }}
{{- end }}
{{- if eq .component "gateway" }}
{{- $_ := set $own "remote" (dict "urls" (list (printf "http://%s:5000" (include "sentire.componentName" (dict "root" .root "component" "model-pods"))))) }}
{{- $_ := unset $own "downloads" }}
{{- else }}
{{- with $values.sources }}
{{- $_ := set $own "model" (first .) }}
{{- with rest . }}{{ $_ := set $own "models" . }}{{ end }}
{{- end }}
{{- if and $values.cache.url (not $values.cache.existingSecret) }}
{{- $_ := set $own "cache" (dict "url" $values.cache.url) }}
{{- end }}
{{- end }}
{{- toYaml (mergeOverwrite $own (deepCopy $values.settings)) }}
{{- end }}

{{- define "sentire.env" -}}
{{- $values := index .root.Values .component -}}
{{- $settings := include "sentire.settings" . | fromYaml -}}
{{- range $name, $value := $settings }}
{{- if kindIs "map" $value }}
{{- range $inner, $set := $value }}
{{ include "sentire.variable" (dict "name" (printf "%s_%s" $name $inner) "value" $set) }}
{{- end }}
{{- else }}
{{ include "sentire.variable" (dict "name" $name "value" $value) }}
{{- end }}
{{- end }}
{{- $limits := default dict $values.resources.limits }}
{{- $requests := default dict $values.resources.requests }}
{{- if and (eq .component "model") (not (hasKey $settings "threads")) (not $limits.cpu) $requests.cpu }}
# Without a limit the engine would see every CPU of the node.
- name: SENTIRE_THREADS
  valueFrom:
    resourceFieldRef:
      resource: requests.cpu
      divisor: "1"
{{- end }}
{{- if eq .component "model" }}
{{- with $values.cache.existingSecret }}
- name: SENTIRE_CACHE_URL
  valueFrom:
    secretKeyRef:
      name: {{ . }}
      key: url
{{- end }}
{{- else }}
{{- with .root.Values.model.keys.existingSecret }}
- name: SENTIRE_REMOTE_KEY
  valueFrom:
    secretKeyRef:
      name: {{ . }}
      key: gateway
{{- end }}
{{- end }}
{{- with $values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Numbers come from YAML as floats; 8192 must not become 8192.0 or 8.192e+03. */}}
{{- define "sentire.variable" -}}
- name: {{ printf "SENTIRE_%s" (upper .name) }}
  value: {{ if kindIs "slice" .value }}{{ join "," .value | quote }}{{ else if and (kindIs "float64" .value) (eq (floor .value) .value) }}{{ int64 .value | quote }}{{ else }}{{ .value | toString | quote }}{{ end }}
{{- end }}
