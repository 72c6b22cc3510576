{{- /* The resources of a service; each gets (dict "root" $ "name" "movies" "c" .Values.services.movies). */ -}}

{{- define "reelmill.service.account" -}}
apiVersion: v1
kind: ServiceAccount
metadata: {{- include "reelmill.metadata" (list .root .name (printf "%s-%s" (include "reelmill.fullname" .root) .name)) | nindent 2 }}
automountServiceAccountToken: false
{{- end -}}

{{- define "reelmill.service.service" -}}
apiVersion: v1
kind: Service
metadata:
  name: {{ include "reelmill.fullname" .root }}-{{ .name }}
  namespace: {{ .root.Release.Namespace }}
  labels: {{- include "reelmill.labels" (list .root .name) | nindent 4 }}
  {{- with merge (dict) .c.service.annotations .root.Values.commonAnnotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  type: {{ .c.service.type }}
  selector: {{- include "reelmill.selector" (list .root .name) | nindent 4 }}
  ports:
    - {name: grpc, port: 50051, targetPort: grpc, protocol: TCP}
    {{- if eq .name "gateway" }}
    - {name: http, port: 8080, targetPort: http, protocol: TCP}
    {{- end }}
{{- end -}}

{{- define "reelmill.service.deployment" -}}
{{- $root := .root -}}{{- $full := include "reelmill.fullname" $root -}}
{{- $scaler := include "reelmill.scaler.of" (list $root .name .c) -}}
{{- $image := include "reelmill.image" (list $root .name "") -}}
{{- $weighs := or (eq .name "style") (and (eq .name "script") $root.Values.llm.model) -}}
apiVersion: apps/v1
kind: Deployment
metadata: {{- include "reelmill.metadata" (list $root .name (printf "%s-%s" $full .name)) | nindent 2 }}
spec:
  {{- if eq $scaler "none" }}
  replicas: {{ .c.replicas }}
  {{- end }}
  revisionHistoryLimit: 3
  strategy: {type: RollingUpdate, rollingUpdate: {maxUnavailable: 0, maxSurge: 1}}
  selector:
    matchLabels: {{- include "reelmill.selector" (list $root .name) | nindent 6 }}
  template:
    metadata:
      labels: {{- include "reelmill.labels" (list $root .name) | nindent 8 }}
      {{- with $root.Values.commonAnnotations }}
      annotations: {{- toYaml . | nindent 8 }}
      {{- end }}
    spec:
      serviceAccountName: {{ $full }}-{{ .name }}
      automountServiceAccountToken: false
      enableServiceLinks: false
      terminationGracePeriodSeconds: {{ .c.terminationGracePeriodSeconds }}
      securityContext: {{- include "reelmill.pod.security" $root | nindent 8 }}
      {{- with $root.Values.imagePullSecrets }}
      imagePullSecrets: {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with .c.runtimeClassName }}
      runtimeClassName: {{ . }}
      {{- end }}
      {{- with .c.nodeSelector }}
      nodeSelector: {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with .c.tolerations }}
      tolerations: {{- toYaml . | nindent 8 }}
      {{- end }}
      topologySpreadConstraints: {{- include "reelmill.spread" (list $root .name) | nindent 8 }}
      {{- if $weighs }}
      {{- with include "reelmill.weights.init" (list $root $image) | trim }}
      initContainers: {{- . | nindent 8 }}
      {{- end }}
      {{- end }}
      containers:
        - name: {{ .name }}
          image: {{ $image }}
          imagePullPolicy: {{ $root.Values.image.pullPolicy }}
          securityContext: {{- include "reelmill.container.security" $root | nindent 12 }}
          ports:
            - {name: grpc, containerPort: 50051, protocol: TCP}
            {{- if eq .name "gateway" }}
            - {name: http, containerPort: 8080, protocol: TCP}
            {{- end }}
          env:
            {{- include "reelmill.env.nats" (list $root .name) | nindent 12 }}
            {{- include "reelmill.env" (list $root .name) | nindent 12 }}
            {{- include "reelmill.env.auth" $root | nindent 12 }}
            {{- include "reelmill.env.tls" (list $root .name) | nindent 12 }}
            - {name: REELMILL_SHUTDOWN_GRACE, value: {{ sub .c.terminationGracePeriodSeconds 15 | quote }}}
            {{- if has .name (list "script" "qa") }}
            {{- include "reelmill.env.llm" $root | nindent 12 }}
            {{- end }}
            {{- if eq .name "movies" }}
            - {name: REELMILL_SCRIPT_SERVER, value: "{{ $full }}-script:50051"}
            - {name: REELMILL_QA_SERVER, value: "{{ $full }}-qa:50051"}
            {{- if $root.Values.auth.enabled }}
            - {name: REELMILL_SERVICE_TOKEN_FILE, value: /etc/reelmill/token/token}
            {{- end }}
            {{- end }}
            {{- if eq .name "gateway" }}
            {{- include "reelmill.gateway.env" $root | nindent 12 }}
            {{- end }}
            {{- if has .name (list "movies" "gateway") }}
            {{- include "reelmill.callbacks.env" $root | nindent 12 }}
            {{- end }}
            {{- if eq .name "render" }}
            - {name: REELMILL_TRITON_URL, value: {{ include "reelmill.triton.url" $root | quote }}}
            - {name: REELMILL_GATE, value: {{ ternary "on" "off" $root.Values.weights.judge | quote }}}
            {{- end }}
            {{- if $weighs }}
            - {name: REELMILL_DIFFUSION_MODEL, value: /weights/model}
            {{- end }}
            {{- with $root.Values.extraEnv }}
            {{- toYaml . | nindent 12 }}
            {{- end }}
            {{- with .c.env }}
            {{- toYaml . | nindent 12 }}
            {{- end }}
          # It listens within seconds; what it still waits for, its readiness says, and its log.
          startupProbe: {tcpSocket: {port: grpc}, periodSeconds: 2, failureThreshold: 90}
          livenessProbe: {tcpSocket: {port: grpc}, periodSeconds: 10, failureThreshold: 6}
          readinessProbe:
            {{- include "reelmill.probe.ready" $root | nindent 12 }}
            periodSeconds: 10
            failureThreshold: 3
          resources:
            {{- $resources := deepCopy .c.resources }}
            {{- if and .c.gpu .c.gpu.count }}
            {{- $gpu := dict .c.gpu.resource (.c.gpu.count | int) }}
            {{- $resources = mustMergeOverwrite $resources (dict "limits" $gpu "requests" $gpu) }}
            {{- end }}
            {{- toYaml $resources | nindent 12 }}
          volumeMounts:
            - {name: tmp, mountPath: /tmp}
            {{- if $weighs }}
            - {name: weights, mountPath: /weights, readOnly: true}
            {{- end }}
            {{- include "reelmill.nats.mount" (list $root .name) | nindent 12 }}
            {{- include "reelmill.tls.mount" $root | nindent 12 }}
            {{- include "reelmill.auth.mounts" (list $root true (eq .name "movies")) | nindent 12 }}
            {{- if eq .name "gateway" }}
            {{- include "reelmill.gateway.mounts" $root | nindent 12 }}
            {{- end }}
            {{- with $root.Values.extraVolumeMounts }}
            {{- toYaml . | nindent 12 }}
            {{- end }}
      volumes:
        - {name: tmp, emptyDir: {}}
        {{- if $weighs }}
        {{- include "reelmill.weights.volume" $root | nindent 8 }}
        {{- end }}
        {{- include "reelmill.nats.volume" (list $root .name) | nindent 8 }}
        {{- include "reelmill.tls.volume" $root | nindent 8 }}
        {{- include "reelmill.auth.volumes" (list $root true (eq .name "movies")) | nindent 8 }}
        {{- if eq .name "gateway" }}
        {{- include "reelmill.gateway.volumes" $root | nindent 8 }}
        {{- end }}
        {{- with $root.Values.extraVolumes }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
{{- end -}}

{{- define "reelmill.disruption" -}}
apiVersion: {{ ternary "policy/v1" "policy/v1beta1" (semverCompare ">=1.21.0-0" .root.Capabilities.KubeVersion.Version) }}
kind: PodDisruptionBudget
metadata: {{- include "reelmill.metadata" (list .root .name (printf "%s-%s" (include "reelmill.fullname" .root) .name)) | nindent 2 }}
spec:
  # Work that a pod leaves behind is taken up by another: one at a time may go.
  maxUnavailable: 1
  selector:
    matchLabels: {{- include "reelmill.selector" (list .root .name) | nindent 6 }}
{{- end -}}

{{- /* By the backlog: the jobs at the stage's consumer, and those that wait for their turn to become jobs. */ -}}
{{- define "reelmill.scaled" -}}
{{- $root := .root -}}{{- $full := include "reelmill.fullname" $root -}}
{{- $stage := default .name .stage -}}
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {{- include "reelmill.metadata" (list $root .name (printf "%s-%s" $full .name)) | nindent 2 }}
spec:
  scaleTargetRef: {name: {{ $full }}-{{ .name }}}
  minReplicaCount: {{ .c.autoscaling.min }}
  maxReplicaCount: {{ .c.autoscaling.max }}
  pollingInterval: {{ include "reelmill.given" (list .c.autoscaling.pollingSeconds 15) }}
  cooldownPeriod: {{ include "reelmill.given" (list .c.autoscaling.cooldownSeconds 300) }}
  advanced:
    horizontalPodAutoscalerConfig:
      behavior:
        scaleDown: {stabilizationWindowSeconds: {{ include "reelmill.given" (list .c.autoscaling.stabilizationSeconds 300) }}}
  fallback: {failureThreshold: 3, replicas: {{ include "reelmill.given" (list .c.autoscaling.fallback 1) }}}
  triggers:
    {{- range $stream, $target := dict "JOBS" .c.autoscaling.lag "WAITING" .c.autoscaling.waiting }}
    - type: nats-jetstream
      metadata:
        natsServerMonitoringEndpoint: {{ include "reelmill.nats.monitoring" $root | quote }}
        account: {{ include "reelmill.nats.account" $root | quote }}
        stream: {{ $stream }}
        consumer: {{ $stage }}
        lagThreshold: {{ $target | quote }}
        activationLagThreshold: "0"
    {{- end }}
    {{- with .prometheus }}
    - type: prometheus
      metadata:
        serverAddress: {{ . | quote }}
        query: sum(nv_inference_pending_request_count{model="diffusion",namespace="{{ $root.Release.Namespace }}"})
        threshold: {{ $.c.autoscaling.queue | quote }}
    {{- end }}
{{- end -}}

{{- define "reelmill.hpa" -}}
{{- $full := include "reelmill.fullname" .root -}}
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {{- include "reelmill.metadata" (list .root .name (printf "%s-%s" $full .name)) | nindent 2 }}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: {{ $full }}-{{ .name }}}
  # An HPA cannot go to zero by itself.
  minReplicas: {{ max 1 (int .c.autoscaling.min) }}
  maxReplicas: {{ .c.autoscaling.max }}
  metrics:
    - type: Resource
      resource: {name: cpu, target: {type: Utilization, averageUtilization: 70}}
  behavior:
    scaleDown: {stabilizationWindowSeconds: {{ include "reelmill.given" (list .c.autoscaling.stabilizationSeconds 300) }}}
{{- end -}}
