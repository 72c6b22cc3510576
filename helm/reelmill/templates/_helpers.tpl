{{- define "reelmill.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "reelmill.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains (include "reelmill.name" .) .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "reelmill.name" .) | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- /* Labels of a component: (list $ "movies") */ -}}
{{- define "reelmill.selector" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: {{ include "reelmill.name" $root }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{- define "reelmill.labels" -}}
{{- $root := index . 0 -}}
{{ include "reelmill.selector" . }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
app.kubernetes.io/part-of: reelmill
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" }}
{{- with $root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- /* metadata of a resource: (list $ component name) */ -}}
{{- define "reelmill.metadata" -}}
{{- $root := index . 0 -}}
name: {{ index . 2 }}
namespace: {{ $root.Release.Namespace }}
labels:
  {{- include "reelmill.labels" (list $root (index . 1)) | nindent 2 }}
{{- with $root.Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- /* An image: (list $ kind given) */ -}}
{{- define "reelmill.image" -}}
{{- $root := index . 0 -}}{{- $kind := index . 1 -}}
{{- $tag := default $root.Chart.AppVersion $root.Values.image.tag -}}
{{- if index . 2 -}}{{ index . 2 }}
{{- else if hasKey $root.Values.image.digests $kind -}}
{{ $root.Values.image.registry }}/{{ $kind }}@{{ index $root.Values.image.digests $kind }}
{{- else -}}
{{ $root.Values.image.registry }}/{{ $kind }}:{{ $tag }}
{{- end -}}
{{- end -}}

{{- define "reelmill.http" -}}{{ ternary "https" "http" .Values.tls.enabled }}{{- end -}}

{{- define "reelmill.nats.url" -}}
{{- if .Values.nats.bundled.enabled -}}{{ ternary "tls" "nats" .Values.tls.enabled }}://{{ include "reelmill.fullname" . }}-nats:4222{{- else -}}{{ .Values.nats.url }}{{- end -}}
{{- end -}}

{{- define "reelmill.nats.monitoring" -}}
{{- if .Values.nats.bundled.enabled -}}{{ include "reelmill.fullname" . }}-nats.{{ .Release.Namespace }}.svc:8222{{- else -}}{{ .Values.nats.monitoring }}{{- end -}}
{{- end -}}

{{- define "reelmill.nats.account" -}}
{{- default (ternary "REELMILL" "$G" (and .Values.nats.bundled.enabled (not (empty .Values.nats.bundled.accountsConfigMap)))) .Values.nats.account -}}
{{- end -}}

{{- define "reelmill.s3.endpoint" -}}
{{- if .Values.s3.bundled.enabled -}}{{ include "reelmill.http" . }}://{{ include "reelmill.fullname" . }}-s3:8333{{- else -}}{{ .Values.s3.endpoint }}{{- end -}}
{{- end -}}

{{- define "reelmill.s3.secret" -}}
{{- if .Values.s3.existingSecret -}}{{ .Values.s3.existingSecret }}{{- else -}}{{ include "reelmill.fullname" . }}-s3{{- end -}}
{{- end -}}

{{- /* yes where each service has keys of its own; SeaweedFS's are made by the chart. */ -}}
{{- define "reelmill.s3.each" -}}
{{- if .Values.s3.keyPerService -}}yes
{{- else if and .Values.s3.bundled.enabled (eq .Values.s3.bundled.kind "seaweedfs") (not .Values.s3.existingSecret) -}}yes
{{- end -}}
{{- end -}}

{{- /* What each service may do at SeaweedFS, from reelmill_kit.rights.store; and who fetches weights from the bucket. */ -}}
{{- define "reelmill.s3.rights" -}}
{{- $rights := .Files.Get "files/s3-rights.json" | fromJson -}}
{{- if eq .Values.weights.source "bucket" -}}
{{- $below := list (printf "%s/*" (trimAll "/" .Values.weights.prefix)) -}}
{{- $_ := set $rights "weights" (dict "Read" $below "List" $below) -}}
{{- end -}}
{{- toJson $rights -}}
{{- end -}}

{{- define "reelmill.otlp" -}}
{{- if .Values.otlp.bundled.enabled -}}{{ include "reelmill.http" . }}://{{ include "reelmill.fullname" . }}-otlp:4317{{- else -}}{{ .Values.otlp.endpoint }}{{- end -}}
{{- end -}}

{{- define "reelmill.triton.url" -}}{{ ternary "https://" "" .Values.tls.enabled }}{{ include "reelmill.fullname" . }}-triton:8001{{- end -}}

{{- /* keda, hpa or none: what the value and the cluster agree on. */ -}}
{{- define "reelmill.scaler" -}}
{{- $keda := .Capabilities.APIVersions.Has "keda.sh/v1alpha1/ScaledObject" -}}
{{- $hpa := .Capabilities.APIVersions.Has "autoscaling/v2/HorizontalPodAutoscaler" -}}
{{- if eq .Values.autoscaling "auto" -}}
{{- if $keda -}}keda{{- else if $hpa -}}hpa{{- else -}}none{{- end -}}
{{- else -}}{{ .Values.autoscaling }}{{- end -}}
{{- end -}}

{{- /* Which scaler a component has: (list $ name settings); a service of fixed size has none. */ -}}
{{- define "reelmill.scaler.of" -}}
{{- $root := index . 0 -}}{{- $settings := index . 2 -}}
{{- $scaler := include "reelmill.scaler" $root -}}
{{- if or (eq $scaler "none") (eq (int $settings.autoscaling.min) (int $settings.autoscaling.max)) -}}none
{{- else -}}{{ $scaler }}{{- end -}}
{{- end -}}

{{- define "reelmill.pod.security" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "reelmill.container.security" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities: {drop: [ALL]}
{{- end -}}

{{- /* Where NATS is, and who calls: (list $ name); followers are of whoever makes consumers. */ -}}
{{- define "reelmill.env.nats" -}}
{{- with index . 0 -}}
{{- if and (not .Values.nats.bundled.enabled) .Values.nats.existingSecret }}
- name: REELMILL_NATS_URL
  valueFrom: {secretKeyRef: {name: {{ .Values.nats.existingSecret }}, key: {{ .Values.nats.existingSecretKey }}}}
{{- else }}
- {name: REELMILL_NATS_URL, value: {{ include "reelmill.nats.url" . | quote }}}
{{- end }}
{{- if .Values.nats.nkeysSecret }}
- {name: REELMILL_NATS_NKEY_FILE, value: /etc/reelmill/nats/nkey}
{{- end }}
{{- end }}
{{- with (index . 0).Values.nats.followers }}
{{- if eq (index $ 1) "movies" }}
- {name: REELMILL_NATS_FOLLOWERS, value: {{ . | toJson | quote }}}
{{- end }}
{{- end }}
{{- end -}}

{{- /* A pod's own seed and nobody else's: (list $ name) */ -}}
{{- define "reelmill.nats.mount" -}}
{{- if (index . 0).Values.nats.nkeysSecret }}
- {name: nats, mountPath: /etc/reelmill/nats, readOnly: true}
{{- end }}
{{- end -}}

{{- define "reelmill.nats.volume" -}}
{{- with (index . 0).Values.nats.nkeysSecret }}
- {name: nats, secret: {secretName: {{ . }}, defaultMode: 288, items: [{key: {{ index $ 1 }}.nk, path: nkey}]}}
{{- end }}
{{- end -}}

{{- /* Where S3 is, and by reference the keys of a service, or of whoever makes the bucket: (list $ name) */ -}}
{{- define "reelmill.env" -}}
{{- $own := ternary (printf "%s-" (index . 1)) "" (and (ne (index . 1) "") (eq (include "reelmill.s3.each" (index . 0)) "yes")) -}}
{{- $stores := ne (index . 1) "gateway" -}}
{{- with index . 0 }}
{{- if $stores }}
- {name: REELMILL_S3_ENDPOINT, value: {{ include "reelmill.s3.endpoint" . | quote }}}
- {name: REELMILL_S3_BUCKET, value: {{ .Values.s3.bucket | quote }}}
- {name: REELMILL_S3_REGION, value: {{ .Values.s3.region | quote }}}
- name: REELMILL_S3_ACCESS_KEY
  valueFrom: {secretKeyRef: {name: {{ include "reelmill.s3.secret" . }}, key: {{ $own }}{{ .Values.s3.accessKeyKey }}}}
- name: REELMILL_S3_SECRET_KEY
  valueFrom: {secretKeyRef: {name: {{ include "reelmill.s3.secret" . }}, key: {{ $own }}{{ .Values.s3.secretKeyKey }}}}
{{- end }}
{{- with include "reelmill.otlp" . }}
- {name: OTEL_EXPORTER_OTLP_ENDPOINT, value: {{ . | quote }}}
{{- end }}
{{- if and .Values.otlp.bundled.enabled .Values.tls.enabled }}
- {name: OTEL_EXPORTER_OTLP_CERTIFICATE, value: /etc/reelmill/tls/ca.crt}
{{- end }}
{{- end }}
{{- end -}}

{{- /* How a service knows its callers. */ -}}
{{- define "reelmill.env.auth" -}}
{{- with .Values.auth }}
- {name: REELMILL_AUTH, value: {{ ternary "on" "off" .enabled | quote }}}
{{- if .enabled }}
- {name: REELMILL_AUTH_ISSUER, value: {{ .issuer | quote }}}
- {name: REELMILL_AUTH_AUDIENCE, value: {{ .audience | quote }}}
- {name: REELMILL_AUTH_ALGORITHMS, value: {{ .algorithms | toJson | quote }}}
- {name: REELMILL_AUTH_PROJECTS_CLAIM, value: {{ .projectsClaim | quote }}}
- {name: REELMILL_AUTH_ROLE_CLAIM, value: {{ .roleClaim | quote }}}
{{- if .keysConfigMap }}
- {name: REELMILL_AUTH_KEYS, value: /etc/reelmill/keys/keys.json}
{{- else }}
- {name: REELMILL_AUTH_JWKS_URL, value: {{ .jwksUrl | quote }}}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "reelmill.tls.secret" -}}
{{- if .Values.tls.existingSecret -}}{{ .Values.tls.existingSecret }}{{- else -}}{{ include "reelmill.fullname" . }}-tls{{- end -}}
{{- end -}}

{{- /* A service's own certificate, and whether its callers need one: (list $ name) */ -}}
{{- define "reelmill.env.tls" -}}
{{- $tls := (index . 0).Values.tls -}}
- {name: REELMILL_TLS, value: {{ ternary "on" "off" $tls.enabled | quote }}}
{{- if $tls.enabled }}
- {name: REELMILL_TLS_CERT, value: /etc/reelmill/tls/tls.crt}
- {name: REELMILL_TLS_KEY, value: /etc/reelmill/tls/tls.key}
- {name: REELMILL_TLS_CA, value: /etc/reelmill/tls/ca.crt}
{{- if and $tls.clientCertificates (has (index . 1) (list "script" "qa")) }}
- {name: REELMILL_TLS_CLIENTS, value: certified}
{{- end }}
{{- end }}
{{- end -}}

{{- /* Whom a process believes that calls and is not called. */ -}}
{{- define "reelmill.env.ca" -}}
{{- if .Values.tls.enabled }}
- {name: REELMILL_TLS_CA, value: /etc/reelmill/tls/ca.crt}
{{- end }}
{{- end -}}

{{- define "reelmill.tls.mount" -}}
{{- if .Values.tls.enabled }}
- {name: tls, mountPath: /etc/reelmill/tls, readOnly: true}
{{- end }}
{{- end -}}

{{- define "reelmill.tls.volume" -}}
{{- if .Values.tls.enabled }}
- {name: tls, secret: {secretName: {{ include "reelmill.tls.secret" . }}, defaultMode: 288}}
{{- end }}
{{- end -}}

{{- /* The CA alone, for who has no certificate to show. */ -}}
{{- define "reelmill.ca.volume" -}}
{{- if .Values.tls.enabled }}
- {name: tls, secret: {secretName: {{ include "reelmill.tls.secret" . }}, defaultMode: 288, items: [{key: ca.crt, path: ca.crt}]}}
{{- end }}
{{- end -}}

{{- /* Files of a pod for calls: (list $ keys token), whether it checks tokens and whether it sends one. */ -}}
{{- define "reelmill.auth.mounts" -}}
{{- $auth := (index . 0).Values.auth -}}
{{- if and $auth.enabled $auth.keysConfigMap (index . 1) }}
- {name: keys, mountPath: /etc/reelmill/keys, readOnly: true}
{{- end }}
{{- if and $auth.enabled (index . 2) }}
- {name: token, mountPath: /etc/reelmill/token, readOnly: true}
{{- end }}
{{- end -}}

{{- define "reelmill.auth.volumes" -}}
{{- $auth := (index . 0).Values.auth -}}
{{- if and $auth.enabled $auth.keysConfigMap (index . 1) }}
- {name: keys, configMap: {name: {{ $auth.keysConfigMap }}}}
{{- end }}
{{- if and $auth.enabled (index . 2) }}
- {name: token, secret: {secretName: {{ $auth.serviceTokenSecret }}, defaultMode: 288}}
{{- end }}
{{- end -}}

{{- define "reelmill.env.llm" -}}
{{- with .Values.llm }}
{{- if .model }}
- {name: REELMILL_LLM_MODEL, value: {{ .model | quote }}}
{{- if .baseUrl }}
- {name: REELMILL_LLM_BASE_URL, value: {{ .baseUrl | quote }}}
{{- end }}
{{- if .existingSecret }}
- name: REELMILL_LLM_API_KEY
  valueFrom: {secretKeyRef: {name: {{ .existingSecret }}, key: {{ .existingSecretKey }}}}
{{- end }}
- {name: REELMILL_LLM_CONCURRENCY, value: {{ .concurrency | quote }}}
- {name: REELMILL_LLM_MAX_RATE, value: {{ .maxRate | quote }}}
- {name: REELMILL_LLM_INPUT_PRICE, value: {{ .inputPrice | quote }}}
- {name: REELMILL_LLM_OUTPUT_PRICE, value: {{ .outputPrice | quote }}}
{{- end }}
{{- end }}
{{- end -}}

{{- /* Init containers that put /weights in place: (list $ image), the pod's own, which compares digests. */ -}}
{{- define "reelmill.weights.init" -}}
{{- $root := index . 0 -}}{{- $verifier := index . 1 -}}
{{- $w := $root.Values.weights -}}
{{- if eq $w.source "image" }}
- name: weights
  image: {{ include "reelmill.image" (list $root "weights-starter" $w.image) }}
  imagePullPolicy: {{ $root.Values.image.pullPolicy }}
  args: [/target]
  securityContext: {{- include "reelmill.container.security" $root | nindent 4 }}
  resources: {requests: {cpu: 50m, memory: 32Mi}, limits: {memory: 256Mi}}
  volumeMounts: [{name: weights, mountPath: /target}]
{{- else if eq $w.source "bucket" }}
- name: weights
  image: {{ include "reelmill.image" (list $root "movies" "") }}
  imagePullPolicy: {{ $root.Values.image.pullPolicy }}
  command: [/opt/reelmill/bin/python, -m, reelmill_kit.commands.fetch, {{ $w.prefix | quote }}, /weights]
  env:
    {{- include "reelmill.env" (list $root "weights") | nindent 4 }}
    {{- include "reelmill.env.ca" $root | nindent 4 }}
  securityContext: {{- include "reelmill.container.security" $root | nindent 4 }}
  resources: {requests: {cpu: 100m, memory: 128Mi}, limits: {memory: 512Mi}}
  volumeMounts:
    - {name: weights, mountPath: /weights}
    - {name: tmp, mountPath: /tmp}
    {{- include "reelmill.tls.mount" $root | nindent 4 }}
{{- end }}
{{- if $w.digest }}
- name: verify-weights
  image: {{ $verifier }}
  imagePullPolicy: {{ $root.Values.image.pullPolicy }}
  command: [/opt/reelmill/bin/python, -m, reelmill_kit.commands.verify, /weights/model, {{ $w.digest | quote }}]
  securityContext: {{- include "reelmill.container.security" $root | nindent 4 }}
  resources: {requests: {cpu: 200m, memory: 512Mi}, limits: {memory: 1Gi}}
  volumeMounts: [{name: weights, mountPath: /weights, readOnly: true}, {name: tmp, mountPath: /tmp}]
{{- end }}
{{- end -}}

{{- define "reelmill.weights.volume" -}}
{{- if eq .Values.weights.source "volume" }}
- {name: weights, persistentVolumeClaim: {claimName: {{ .Values.weights.claim }}, readOnly: true}}
{{- else }}
- {name: weights, emptyDir: {sizeLimit: {{ .Values.weights.sizeLimit }}}}
{{- end }}
{{- end -}}

{{- /* A gRPC health probe, by Kubernetes where it can (not by TLS), else by a small program. */ -}}
{{- define "reelmill.probe.ready" -}}
{{- if and (semverCompare ">=1.24.0-0" .Capabilities.KubeVersion.Version) (not .Values.tls.enabled) -}}
grpc: {port: 50051}
timeoutSeconds: 4
{{- else -}}
exec: {command: [/opt/reelmill/bin/python, -m, reelmill_kit.commands.probe, "127.0.0.1:50051"]}
timeoutSeconds: 15
{{- end -}}
{{- end -}}

{{- define "reelmill.spread" -}}
- maxSkew: 1
  topologyKey: kubernetes.io/hostname
  whenUnsatisfiable: ScheduleAnyway
  labelSelector:
    matchLabels: {{- include "reelmill.selector" . | nindent 6 }}
- maxSkew: 1
  topologyKey: topology.kubernetes.io/zone
  whenUnsatisfiable: ScheduleAnyway
  labelSelector:
    matchLabels: {{- include "reelmill.selector" . | nindent 6 }}
{{- end -}}

{{- /* A number, or another where none is given; 0 is given, which `default` does not see: (list value other) */ -}}
{{- define "reelmill.given" -}}
{{- ternary (index . 1) (index . 0) (kindIs "invalid" (index . 0)) -}}
{{- end -}}

{{- /* One resource, with what `overrides` says of "Kind/name" merged into it: (list $ yaml) */ -}}
{{- define "reelmill.resource" -}}
{{- $root := index . 0 -}}
{{- $resource := index . 1 | fromYaml -}}
{{- if not $resource.metadata }}{{ fail (printf "not a resource: %v\n%s" $resource.Error (index . 1)) }}{{ end -}}
{{- $name := printf "%s/%s" $resource.kind $resource.metadata.name -}}
{{- $own := index $root.Values.overrides $name -}}
{{- if $own }}{{ $resource = mustMergeOverwrite $resource (deepCopy $own) }}{{ end -}}
{{- /* NOTES.txt, which Helm renders last, tells of overrides that are of nothing. */ -}}
{{- $_ := set $root.Values "present" (append ($root.Values.present | default list) $name) -}}
---
{{ toYaml $resource }}
{{ end -}}
