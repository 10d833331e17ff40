{{/* Objects that both components have: (dict "root" $ "component" "model") */}}

{{- define "sentire.metadata" -}}
name: {{ include "sentire.componentName" . }}
namespace: {{ .root.Release.Namespace }}
labels:
  {{- include "sentire.componentLabels" . | nindent 2 }}
{{- end }}

{{- define "sentire.service" -}}
{{- $service := (index .root.Values .component).service -}}
apiVersion: v1
kind: Service
metadata:
  {{- include "sentire.metadata" . | nindent 2 }}
  {{- with $service.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  type: {{ $service.type }}
  ports:
    - name: http
      port: {{ $service.port }}
      targetPort: http
      protocol: TCP
      appProtocol: http
  selector:
    {{- include "sentire.selectorLabels" . | nindent 4 }}
{{- end }}

{{- define "sentire.podDisruptionBudget" -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  {{- include "sentire.metadata" . | nindent 2 }}
spec:
  maxUnavailable: {{ (index .root.Values .component).podDisruptionBudget.maxUnavailable }}
  # A pod that is not ready serves nobody; it must not keep a node from being drained.
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels:
      {{- include "sentire.selectorLabels" . | nindent 6 }}
{{- end }}

{{- define "sentire.horizontalPodAutoscaler" -}}
{{- $scaling := (index .root.Values .component).autoscaling -}}
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  {{- include "sentire.metadata" . | nindent 2 }}
spec:
  scaleTargetRef:
    apiVersion: apps/v1
    kind: Deployment
    name: {{ include "sentire.componentName" . }}
  minReplicas: {{ $scaling.minReplicas }}
  maxReplicas: {{ $scaling.maxReplicas }}
  metrics:
    {{- with $scaling.targetCPUUtilization }}
    - type: Resource
      resource:
        name: cpu
        target:
          type: Utilization
          averageUtilization: {{ . }}
    {{- end }}
    {{- with $scaling.targetQueueWait }}
    - type: Pods
      pods:
        metric:
          name: sentire_queue_wait
        target:
          type: AverageValue
          averageValue: {{ . }}
    {{- end }}
  {{- with $scaling.behavior }}
  behavior:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}

{{- define "sentire.serviceMonitor" -}}
{{- $monitor := .root.Values.metrics.serviceMonitor -}}
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata:
  {{- include "sentire.metadata" . | nindent 2 }}
    {{- with $monitor.labels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  selector:
    matchLabels:
      {{- include "sentire.selectorLabels" . | nindent 6 }}
  namespaceSelector:
    matchNames:
      - {{ .root.Release.Namespace }}
  endpoints:
    - port: http
      path: /metrics
      interval: {{ $monitor.interval }}
      {{- with (index .root.Values .component).keys.existingSecret }}
      authorization:
        type: Bearer
        credentials:
          name: {{ . }}
          key: metrics
      {{- end }}
      relabelings:
        # The rules and the dashboard tell the two tiers apart by this name.
        - action: replace
          targetLabel: job
          replacement: sentire-{{ .component }}
{{- end }}
