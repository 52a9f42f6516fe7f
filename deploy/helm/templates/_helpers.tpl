{{- define "mmsearch.name" -}}
{{- printf "%s-mmsearch" .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{- define "mmsearch.labels" -}}
app.kubernetes.io/name: mmsearch
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* Around every pod's containers: who it runs as, where it may run, what it finds on disk. */}}
{{- define "mmsearch.pod" -}}
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  seccompProfile: {type: RuntimeDefault}
affinity:
  podAffinity:
    requiredDuringSchedulingIgnoredDuringExecution:
      - topologyKey: kubernetes.io/hostname
        labelSelector:
          matchLabels:
            {{- include "mmsearch.labels" . | nindent 12 }}
volumes:
  - name: home
    persistentVolumeClaim:
      claimName: {{ .Values.home.existingClaim | default (include "mmsearch.name" .) }}
  {{- with .Values.shop.existingClaim }}
  - name: shop
    persistentVolumeClaim: {claimName: {{ . }}, readOnly: true}
  {{- end }}
{{- end -}}

{{- define "mmsearch.container" -}}
image: "{{ .Values.image.repository }}:{{ .Values.image.tag }}"
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  capabilities: {drop: [ALL]}
env:
  - {name: MMSEARCH_SOURCE, value: {{ .Values.shop.source | quote }}}
  - {name: MMSEARCH_ROOT, value: {{ .Values.shop.root | quote }}}
  {{- with .Values.pseudonymKeySecret }}
  - name: MMSEARCH_PSEUDONYM_KEY
    valueFrom:
      secretKeyRef: {name: {{ . }}, key: MMSEARCH_PSEUDONYM_KEY}
  {{- end }}
volumeMounts:
  - {name: home, mountPath: /data}
  {{- if .Values.shop.existingClaim }}
  - {name: shop, mountPath: /shop, readOnly: true}
  {{- end }}
{{- end -}}
