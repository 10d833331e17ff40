{{/*
The Deployment of a component: (dict "root" $ "component" "model" "port" 5000 "command" "serve-model").
Both are alike but for their image, command, port and settings.
*/}}
{{- define "sentire.deployment" -}}
{{- $values := index .root.Values .component -}}
{{- $settings := include "sentire.settings" . | fromYaml -}}
{{- $scaled := or $values.autoscaling.enabled (and (eq .component "model") $values.keda.enabled) -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "sentire.componentName" . }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "sentire.componentLabels" . | nindent 4 }}
spec:
  {{- if not $scaled }}
  replicas: {{ $values.replicas }}
  {{- end }}
  revisionHistoryLimit: 5
  strategy:
    {{- toYaml $values.updateStrategy | nindent 4 }}
  selector:
    matchLabels:
      {{- include "sentire.selectorLabels" . | nindent 6 }}
  template:
    metadata:
      {{- with $values.podAnnotations }}
      annotations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      # Not the version of the chart: a new one alone is no reason to replace pods.
      labels:
        {{- include "sentire.selectorLabels" . | nindent 8 }}
        {{- with .root.Values.commonLabels }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
        {{- with $values.podLabels }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
    spec:
      serviceAccountName: {{ include "sentire.serviceAccountName" .root }}
      # It never asks the API server.
      automountServiceAccountToken: false
      # Services of the namespace would become variables, SENTIRE_… among them.
      enableServiceLinks: false
      {{- with .root.Values.image.pullSecrets }}
      imagePullSecrets:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $values.priorityClassName }}
      priorityClassName: {{ . }}
      {{- end }}
      securityContext:
        {{- toYaml .root.Values.podSecurityContext | nindent 8 }}
      terminationGracePeriodSeconds: {{ add .root.Values.preStopSeconds $settings.server.shutdown_s 10 }}
      containers:
        - name: {{ .component }}
          image: {{ include "sentire.image" . }}
          imagePullPolicy: {{ .root.Values.image.pullPolicy }}
          securityContext:
            {{- toYaml .root.Values.securityContext | nindent 12 }}
          env:
            {{- include "sentire.env" . | trim | nindent 12 }}
          {{- with $values.extraEnvFrom }}
          envFrom:
            {{- toYaml . | nindent 12 }}
          {{- end }}
          ports:
            - name: http
              containerPort: {{ .port }}
              protocol: TCP
          # The port opens when the models are loaded and tested.
          startupProbe:
            httpGet:
              path: /health/live
              port: http
            periodSeconds: 5
            failureThreshold: {{ $values.startupFailureThreshold }}
          livenessProbe:
            httpGet:
              path: /health/live
              port: http
            periodSeconds: 10
            timeoutSeconds: 5
            failureThreshold: 6
          readinessProbe:
            httpGet:
              path: /health/ready
              port: http
            periodSeconds: 5
            timeoutSeconds: 3
            failureThreshold: 2
          lifecycle:
            preStop:
              sleep:
                seconds: {{ .root.Values.preStopSeconds }}
          resources:
            {{- toYaml $values.resources | nindent 12 }}
          volumeMounts:
            - name: tmp
              mountPath: /tmp
            {{- if eq .component "model" }}
            - name: downloads
              mountPath: /var/cache/sentire
            {{- end }}
            {{- if $values.keys.existingSecret }}
            - name: keys
              mountPath: /etc/sentire/keys
              readOnly: true
            {{- end }}
            {{- with $values.extraVolumeMounts }}
            {{- toYaml . | nindent 12 }}
            {{- end }}
      volumes:
        - name: tmp
          emptyDir:
            sizeLimit: 64Mi
        {{- if eq .component "model" }}
        - name: downloads
          emptyDir:
            sizeLimit: {{ $values.downloads.sizeLimit }}
        {{- end }}
        {{- with $values.keys.existingSecret }}
        - name: keys
          secret:
            secretName: {{ . }}
            items:
              - key: keys.txt
                path: keys.txt
        {{- end }}
        {{- with $values.extraVolumes }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      topologySpreadConstraints:
        {{- if $values.topologySpreadConstraints }}
        {{- toYaml $values.topologySpreadConstraints | nindent 8 }}
        {{- else }}
        {{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
        - maxSkew: 1
          topologyKey: {{ . }}
          whenUnsatisfiable: ScheduleAnyway
          labelSelector:
            matchLabels:
              {{- include "sentire.selectorLabels" $ | nindent 14 }}
          # Each version by itself, so that a roll-out leaves them spread.
          matchLabelKeys:
            - pod-template-hash
        {{- end }}
        {{- end }}
      {{- with $values.nodeSelector }}
      nodeSelector:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $values.affinity }}
      affinity:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $values.tolerations }}
      tolerations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
{{- end }}
