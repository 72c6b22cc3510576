{{- /* What the gateway has beside other services; each gets $. */ -}}

{{- define "reelmill.gateway.env" -}}
{{- $full := include "reelmill.fullname" . -}}{{- $gateway := .Values.services.gateway -}}
- {name: REELMILL_HTTP_ADDRESS, value: "0.0.0.0:8080"}
{{- /* Services that take nobody without a certificate are not opened to those who come by HTTP without one. */ -}}
{{- range $name := list "movies" "script" "style" "render" "qa" "dataset" }}
{{- if not (and $.Values.tls.enabled $.Values.tls.clientCertificates (has $name (list "script" "qa"))) }}
- {name: REELMILL_{{ upper $name }}_SERVER, value: "{{ $full }}-{{ $name }}:50051"}
{{- end }}
{{- end }}
{{- with $gateway.origins }}
- {name: REELMILL_HTTP_ORIGINS, value: {{ toJson . | quote }}}
{{- end }}
{{- with $gateway.callbacks.addresses }}
- {name: REELMILL_CALLBACKS, value: {{ toJson . | quote }}}
{{- end }}
{{- if $gateway.webhookSecret }}
- {name: REELMILL_WEBHOOK_SECRETS, value: /etc/reelmill/webhooks}
{{- end }}
{{- end -}}

{{- /* Where callbacks may go: checked when a movie is asked for, and when it has ended. */ -}}
{{- define "reelmill.callbacks.env" -}}
{{- with .Values.services.gateway.callbacks }}
{{- with .allow }}
- {name: REELMILL_CALLBACK_ALLOW, value: {{ toJson . | quote }}}
{{- end }}
{{- if .http }}
- {name: REELMILL_CALLBACK_HTTP, value: "true"}
{{- end }}
{{- end }}
{{- end -}}

{{- /* To the outside, and inside where that is allowed. */ -}}
{{- define "reelmill.rule.callbacks" -}}
{{- with .Values.services.gateway.callbacks -}}
- to:
    {{- if .allow }}
    - ipBlock: {cidr: 0.0.0.0/0}
    - ipBlock: {cidr: "::/0"}
    {{- else }}
    - ipBlock: {cidr: 0.0.0.0/0, except: [10.0.0.0/8, 100.64.0.0/10, 127.0.0.0/8, 169.254.0.0/16, 172.16.0.0/12, 192.168.0.0/16]}
    - ipBlock: {cidr: "::/0", except: ["fc00::/7", "fe80::/10"]}
    {{- end }}
  ports:
    {{- range .ports }}
    - {port: {{ . }}, protocol: TCP}
    {{- end }}
{{- end -}}
{{- end -}}

{{- define "reelmill.gateway.mounts" -}}
{{- if .Values.services.gateway.webhookSecret }}
- {name: webhooks, mountPath: /etc/reelmill/webhooks, readOnly: true}
{{- end }}
{{- end -}}

{{- define "reelmill.gateway.volumes" -}}
{{- with .Values.services.gateway.webhookSecret }}
- {name: webhooks, secret: {secretName: {{ . }}, defaultMode: 288}}
{{- end }}
{{- end -}}
